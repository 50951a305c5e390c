"""What keeps the start of every command short."""
