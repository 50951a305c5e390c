"""A search folder of any origin, opened: its runs, who controls it, what may still be live."""
