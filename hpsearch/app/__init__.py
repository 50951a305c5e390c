"""The flow of a search, from the command line to the closing table."""
