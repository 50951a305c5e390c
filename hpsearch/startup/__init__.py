"""What keeps every command short."""
