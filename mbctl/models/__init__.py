"""Dynamics models and the rollouts made with them."""
