"""Unlisted: why your mail is refused, which device did it, and how to get off the lists."""

__version__ = "0.1.0"
