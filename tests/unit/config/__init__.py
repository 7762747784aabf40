"""Tests of `snoop.config`."""
