"""Tests of `snoop.daemon`."""
