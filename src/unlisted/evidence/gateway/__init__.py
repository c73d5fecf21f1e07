"""Gateway logs: what a router or firewall writes about connections."""
