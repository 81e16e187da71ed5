"""A planner around a learner with a model: pal-mpc, mal-mpc, maac-mpc, mbctl."""
