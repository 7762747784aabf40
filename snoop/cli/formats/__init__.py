"""Formats of others: `bridge` (the kernel bridge's JSON), `yang` (RFC 9166), `pcapng` (captures)."""
