"""One self-contained page that shows searches: its content, and its text."""
