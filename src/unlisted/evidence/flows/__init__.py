"""Flow records: one line or row for each connection, from Argus and its like."""
