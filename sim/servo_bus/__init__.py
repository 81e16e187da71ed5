"""A bus of virtual servos behind a pseudo-terminal, with a simulated robot on their shafts."""
