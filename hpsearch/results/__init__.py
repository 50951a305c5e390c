"""A search looked at, never changed; only postprocessing moves runs, and only on request."""
