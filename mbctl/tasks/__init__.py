"""Tasks: pure batched functions for observation, reward, termination, success, starts and goals."""
