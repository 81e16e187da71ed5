"""Bring-up of a real robot: what is wrong and what to type about it, before anything moves."""
