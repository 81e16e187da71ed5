"""Learning curves: seeds x tasks x algorithms, trained in this machine's processes."""
