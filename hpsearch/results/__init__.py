"""Looking at a search without changing it; only postprocessing moves runs, and only on request."""
