"""``hpsearch table``: the table of a paper."""
