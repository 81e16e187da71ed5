"""Simulated robots behind the same contract as the real ones."""
