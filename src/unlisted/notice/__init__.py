"""Something is wrong: what bounces, replies and reports say, and what they have in common."""
