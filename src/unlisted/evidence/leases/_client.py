"""How DHCP servers and neighbor tables spell a client: its card, its identifier, its name, its system."""

from unlisted import net

_GROUP = 1  # IEEE 802: the lowest bit of the first octet


def card(text: str) -> str:
    """The MAC of one network card; "" for none, for all zeros and for a group of receivers.

    BSD, macOS and arpwatch leave out leading zeros: `0:1b:2c:3:4:5`.
    """
    parts = text.split(":")
    if len(parts) == 6 and all(0 < len(part) <= 2 for part in parts):
        text = ":".join(part.rjust(2, "0") for part in parts)
    mac = net.mac(text)
    return "" if not mac or mac == "00:00:00:00:00:00" or int(mac[:2], 16) & _GROUP else mac


def colons(digits: str) -> str:
    """Bare hexadecimal digits as octets with colons, in lower case; "" when they are none."""
    plain = digits.strip().lower().replace(".", "").replace(":", "").replace("-", "")
    if not plain or len(plain) % 2 or len(plain) > 512 or not all(c in "0123456789abcdef" for c in plain):
        return ""
    return ":".join(plain[i : i + 2] for i in range(0, len(plain), 2))


def duid_mac(duid: str) -> str:
    """The MAC inside a DUID-LLT or DUID-LL of Ethernet (RFC 8415 §11.2, §11.4), or ""."""
    octets = duid.lower().split(":")
    if octets[:4] == ["00", "01", "00", "01"] and len(octets) == 14:
        return net.mac(":".join(octets[8:]))
    if octets[:4] == ["00", "03", "00", "01"] and len(octets) == 10:
        return net.mac(":".join(octets[4:]))
    return ""


def named(text: str | None) -> str:
    """A client's name as it is told: without the dot at the end of a full name; "" for what is none."""
    name = (text or "").strip().rstrip(".")
    return "" if name in ("*", "-", "?", "null") else name[:255]


def fingerprint(options: str, vendor: str) -> str:
    """The parameter request list (numbers with commas, in the client's order), a space, the vendor class.

    Servers that log only one of them give only that: `1,3,6,15 MSFT 5.0`, `1,3,6,15`, `MSFT 5.0`.
    """
    return f"{options} {vendor}".strip()[:512]
