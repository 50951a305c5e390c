"""Random histories of searches that are disturbed on purpose, and the oracle that judges the outcome."""
