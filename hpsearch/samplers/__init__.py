"""Which configuration runs next, by the results so far: pure rules over the configurations that a search may run."""
