"""Formats of others: `bridge` (as the kernel bridge), `yang` (RFC 9166) with the VLANs
of `dot1q`, `pcapng` (captures).
"""
