"""MEMB: a policy improved through one step of a learned model."""
