"""Tests of `snoop.proto`."""
