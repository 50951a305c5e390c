"""What lies on disk: the only package that writes into a search folder."""
