"""Nothing but the names that earlier copies of ``hpsearch.py``, which lie beside simulations, import from here."""
