"""Actor-critics fed by rollouts that branch off real states: MBPO, MAAC, DDPPO."""
