"""Studies of learning: curves, model errors, changes of the world; nothing of them is a service."""
