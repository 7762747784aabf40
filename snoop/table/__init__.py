"""Layer 2, the table compiler: membership state to the rows of the fast path."""
