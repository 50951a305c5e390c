"""A search carried out, from its options to the closing table."""
