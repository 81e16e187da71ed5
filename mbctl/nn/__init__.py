"""Network parts shared by models, policies and critics."""
