"""For the first minutes with hpsearch: a grid module for an existing script, and shell completion."""
