"""Use cases: the steps that a message takes, each for as many as are waiting. Only here transactions are opened."""
