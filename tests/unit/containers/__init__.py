"""Tests of `snoop.containers`."""
