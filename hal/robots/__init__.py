"""Constants of the robot models."""
