"""Reading pickles from unknown people without executing anything in them."""
