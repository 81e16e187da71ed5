"""An emergency stop from a shell, by signal or by call; imports next to nothing."""
