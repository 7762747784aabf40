"""Tests of pure functions and of parts on their own; they need nothing of the machine."""

HANGS_S = 300.0  # who has not answered by then never will: these run where nobody else needs to
