"""Leases and neighbors: who had which address, and when."""
