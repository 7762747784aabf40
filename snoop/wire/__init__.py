"""Layer 0, the wire format: bytes to messages and back; no state, no clock, no I/O."""
