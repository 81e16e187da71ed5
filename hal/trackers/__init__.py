"""Tracking systems that tell the pose of bodies, such as D'Kitty's torso."""
