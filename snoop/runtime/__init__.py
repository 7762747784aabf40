"""Layer 4, the runtime: clock, netlink, configuration and the daemon that moves effects."""
