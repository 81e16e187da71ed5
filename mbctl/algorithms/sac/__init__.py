"""SAC, and what other actor-critics take from it."""
