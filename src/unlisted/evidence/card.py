"""The address of one network card, as tables and logs spell it."""

from functools import lru_cache

from unlisted import net

_GROUP = 1  # IEEE 802: the lowest bit of the first octet


@lru_cache(maxsize=8192)
def card(text: str) -> str:
    """The MAC of one network card; "" for none, for all zeros and for a group of receivers.

    BSD, macOS and arpwatch leave out leading zeros: `0:1b:2c:3:4:5`.
    """
    parts = text.split(":")
    if len(parts) == 6 and all(0 < len(part) <= 2 for part in parts):
        text = ":".join(part.rjust(2, "0") for part in parts)
    mac = net.mac(text)
    return "" if not mac or mac == "00:00:00:00:00:00" or int(mac[:2], 16) & _GROUP else mac
