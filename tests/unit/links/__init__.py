"""Tests of `snoop.links`."""
