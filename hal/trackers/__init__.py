"""Tracking systems that tell the pose of bodies."""
