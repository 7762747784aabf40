"""Formats of others: `bridge` (as the kernel bridge), `yang` (RFC 9166), `pcapng` (captures)."""
