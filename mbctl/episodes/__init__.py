"""One way to run an episode: the control loop's, in-process training's and the benchmarks'."""
