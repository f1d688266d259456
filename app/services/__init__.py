"""Use cases: the steps that a message takes, each for as many as are waiting, and the only place that opens transactions."""
