"""The address of one network card, as tables and logs spell it."""

from functools import lru_cache

from unlisted import net

# Groups that tables and logs show: IPv4 (RFC 1112 §6.4), IPv6 (RFC 2464 §7), bridges (IEEE 802.1D), Cisco's,
# everybody. Other odd first octets are left alone: anonymized logs are full of 11:22:33:44:55:66.
_GROUPS = ("01:00:5e:", "33:33:", "01:80:c2:", "01:00:0c:", "ff:ff:ff:ff:ff:ff")


@lru_cache(maxsize=8192)
def card(text: str) -> str:
    """The MAC of one network card; "" for none, for all zeros and for a group of receivers.

    BSD, macOS and arpwatch leave out leading zeros: `0:1b:2c:3:4:5`.
    """
    parts = text.split(":")
    if len(parts) == 6 and all(0 < len(part) <= 2 for part in parts):
        text = ":".join(part.rjust(2, "0") for part in parts)
    mac = net.mac(text)
    return "" if mac == "00:00:00:00:00:00" or mac.startswith(_GROUPS) else mac
