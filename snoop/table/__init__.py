"""Layer 2, the table compiler: membership state to the rows of the fast path.

- `members`: who is in which VLAN, as ports are configured;
- `mdb`: port sets, and what changed since they were published; `image` packs that for C;
- `seen`: what the fast path tells of what it has seen and done.
"""
