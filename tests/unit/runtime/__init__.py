"""Tests of `snoop.runtime`."""
