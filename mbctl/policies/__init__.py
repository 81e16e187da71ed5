"""What turns an observation into an action, and the snapshot that rebuilds it anywhere."""
