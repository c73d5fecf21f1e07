"""Who says so, and why? Gates first, then causes weighed against signs, then the best next step."""
