"""What the kernel says of interfaces, and of who is behind them.

- `interfaces`: those of this network namespace, kept current;
- `ethtool`: what the hardware does to frames; `claims`: one switch an interface; `holder`: who has
  a claim or a socket, and whether he is dying; `curtain`: what
  comes in is kept from the host's stack;
- `pairs`, `addresses`: what is made and changed of interfaces: those of `[[host]]`, of containers;
- `rtnetlink`, `listing`, `questions`, `peers`, `neighbours`: the other end of each, in whatever
  namespace, and its changes;
- `asking`: a thread for questions that wait for the kernel's lock on interfaces;
- `filters`: what nftables does to what leaves;
- `runs`: whether that neighbour takes runs; `direct`: whether it can be handed frames directly.
"""
