"""Tests of `snoop.cli`."""
