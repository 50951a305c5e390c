"""One self-contained page that shows searches: what is in it, and its text."""
