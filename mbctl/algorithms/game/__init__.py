"""Two players that meet in a model: PAL, MAL, GDA, BR."""
