"""Containers of real engines, and what is in their image."""
