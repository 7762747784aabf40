"""Tests of `snoop.control`."""
