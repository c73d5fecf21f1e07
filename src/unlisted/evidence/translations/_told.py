"""What the logs of address translators share: where their message begins, and the facts they make."""

import re

from unlisted import net
from unlisted.evidence.contact import PROTOCOLS, port
from unlisted.evidence.framing import Stamp, stamp
from unlisted.messages import Translation
from unlisted.net import Address

# A host, a facility, a process: no quote, no key, and no other program's tag before the message.
_AHEAD = re.compile(r"""[\s|]*(?:[^\s"'=|]{0,254}[^\s"'=:|][ \t|]+){0,5}""")


def front(line: str, begin: int, near: float) -> Stamp | None:
    """The time of a line whose message stands at `begin`; None where a stranger may have spelled it."""
    when = stamp(line, near)
    if when is None or when.end > begin or not _AHEAD.fullmatch(line, when.end, begin):
        return None
    return when


def end(text: str) -> tuple[Address | None, int]:
    """`10.0.0.1:1024` or `[2001:db8::1]:1024` as an address and a port; None for what is none."""
    host, _, number = text.replace(" ", "").rpartition(":")
    return net.ip(host.partition("%")[0]), port(number)


def protocol(text: str) -> str:
    """tcp, udp, …; "" for what says nothing."""
    name = text.strip().lower()
    return "" if name in ("", "-", "any", "0") else PROTOCOLS.get(name, name)


def block(
    inside: Address | None,
    outside: Address | None,
    first: int,
    last: int,
    at: float | None,
    *,
    opens: bool,
    protocol: str = "",
) -> Translation | None:
    """A block of ports that was given to, or taken from, an inside address."""
    if inside is None or outside is None or not 0 <= first <= last <= 65535:
        return None
    return Translation(
        inside,
        outside,
        start=at if opens else None,
        end=None if opens else at,
        port=first,
        ports=last - first + 1,
        protocol=protocol,
    )


def mapping(
    inside: Address | None,
    inside_port: int,
    outside: Address | None,
    outside_port: int,
    at: float | None,
    *,
    opens: bool,
    protocol: str = "",
    dst: Address | None = None,
    dport: int = 0,
    account: str = "",
) -> Translation | None:
    """One port that was given, or taken back."""
    if inside is None or outside is None:
        return None
    return Translation(
        inside,
        outside,
        start=at if opens else None,
        end=None if opens else at,
        inside_port=inside_port,
        port=outside_port,
        protocol=protocol,
        dst=dst,
        dport=dport,
        account=account,
    )
