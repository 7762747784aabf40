"""Tests of `snoop.wire`."""
