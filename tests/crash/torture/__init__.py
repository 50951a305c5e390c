"""Random histories of searches that are broken on purpose, and the one oracle that judges what is left of them."""
