"""What a search's journal says, line by line, and what it adds up to: no files."""
