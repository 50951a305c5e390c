"""For the first minutes with hpsearch: a grid module for a script that is there, and completion in the shell."""
