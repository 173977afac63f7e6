"""Numbers, names and formulas as people write and read them."""
