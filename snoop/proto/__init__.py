"""Layer 1, the protocol: inputs and `now` in, effects out; no clock, socket or thread."""
