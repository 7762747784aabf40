"""snoop: an IGMP snooping software switch for Linux."""

__version__ = "0.1.0"
