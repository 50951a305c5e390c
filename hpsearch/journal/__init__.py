"""What a search's journal says, line by line, and what that adds up to; touches no files."""
