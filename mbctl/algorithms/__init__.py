"""Algorithms: each one a schedule of model and policy moves over shared parts."""
