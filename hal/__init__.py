"""Robots as the control loop sees them: SI units, enforced lifecycle, a gate before each write."""
