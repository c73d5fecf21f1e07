"""How DHCP servers and neighbor tables spell a client: its card, its identifier, its name, its system."""

from unlisted import net


def tag(programs: str) -> str:
    """The pattern of a program's tag: `name[4711]: `, `name: `, or by RFC 5424 `name 4711 - [meta …] `."""
    return (
        rf"\b(?:{programs})(?:(?:\[\d{{1,7}}\])?: {{1,4}}| (?:\d{{1,7}}|-) \S{{1,32}} "
        rf"(?:-|\[[^\]\r\n]{{0,200}}\]) (?:\ufeff)?)"
    )


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
