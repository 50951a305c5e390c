"""What comes next in a search whose list of runs grows as results come in; see `Chooser` in chooser.py."""
