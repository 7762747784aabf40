"""Tests by rule id: every rule of RULES.md that the protocol obeys."""
