"""Tracking systems, which measure the pose of bodies."""
