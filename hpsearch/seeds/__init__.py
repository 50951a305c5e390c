"""One configuration, or the best of a search, repeated under several seeds."""
