"""Robots on a bus of Dynamixel servos."""
