"""The edge: the only part that waits, reads the clock, opens files and speaks to kernel and network."""
