"""Translations: which inside address had which outside port, and when."""
