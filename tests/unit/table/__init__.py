"""Tests of `snoop.table`."""
