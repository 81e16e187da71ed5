"""How wrong learned models are: over the look-ahead, and in their derivatives."""
