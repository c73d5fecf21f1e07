"""What stands ahead of a gateway's own words: syslog's framing, a relay's in front of it, and nothing else.

A stranger can get text into another program's message (a name that he logs on with, a URL). So a message
counts only where its words begin right behind the framing: time, host, facility or program, numbers.
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence.framing import Stamp, remembered, stamp
from unlisted.net import Address

_NAME = r"[\w.@+%/<>\[\]-]{0,254}[\w.@+%/<>\]-]"
# A host and a facility or program at most (RFC 3164), process and message id (RFC 5424), a counter.
_PLAIN = re.compile(
    rf"[\s|]*(?:(?:{_NAME}[ \t|]+){{0,2}}(?:(?:-|\d{{1,10}})[ \t]+){{0,4}}"
    rf"|(?:{_NAME}[ ]){{2}}(?:-|\d{{1,10}}) {_NAME} - )"
)
# The same where the program's name, or the host's, ends in a colon: `fw1 : `, `RT_FLOW: `, `585917: `.
_TAGGED = re.compile(rf"[\s|]*(?:{_NAME}[ \t|]+){{0,2}}(?:{_NAME})?[ \t]?:[ \t]*")
_RELAY = re.compile(r"[\s|]*[\w.@+:%/-]{1,255}[ \t]+(?:1 )?(?=[\d<A-Z*.])[*.]?")
_PROGRAM = re.compile(r"[\s|]*[\w.@+:%/-]{1,255}[ \t]+(?:[\w-]{0,64}: )?(?:1 )?(?=[\d<A-Z*.])[*.]?")
# RFC 5424 whose priority a collector took off; Cisco's EMBLEM format; a relay's name and no time of its own.
_ODD = re.compile(r"1 |<\d{1,3}>: ?|(?:<\d{1,3}>)?[A-Za-z][\w.-]{0,254} ?: (?=[*.\dA-Z])")
_BENT = re.compile(r"--?(\d{1,2}):(\d\d)(?= )")  # `--5:00`, as Check Point writes a zone
_PROCESS = re.compile(r"\[\d+\]:")  # `sshd[77]:` is a program of a host, not a gateway
_ZONE_STEP = 900  # seconds: zones are whole quarters of an hour (IANA tz)
_ZONE_REACH = 14 * 3600  # seconds: no zone is farther from UTC
_ZONE_SLACK = 60.0  # seconds that a line may be under way


def front(line: str, start: int, near: float, *, tagged: bool = False) -> tuple[Stamp | None] | None:
    """The time in the framing ahead of `start`, as a tuple of one; None when something else stands there.

    `tagged`: the product writes a name with a colon there (Cisco, Juniper); no other does.
    """
    if start < 32 and _PRI.fullmatch(line, 0, start):
        return _BARE
    made = stamp(line, near)
    if made is None and (odd := _ODD.match(line)):
        made = stamp(line[odd.end() :], near)
        made = made and made._replace(end=made.end + odd.end())
    if made is None or made.end > start:
        return None
    rest = line[made.end : start]
    if _clean(rest, tagged):
        return (made,)
    if not made.zone and (bent := _BENT.match(rest)) and _clean(rest[bent.end() :], tagged):
        return (made._replace(at=made.at + int(bent[1]) * 3600 + int(bent[2]) * 60, zone=True),)
    relay = (_PROGRAM if tagged else _RELAY).match(rest)  # the device's own time stands behind the relay's
    inner = stamp(rest[relay.end() :], near) if relay else None
    if relay and inner and _clean(rest[relay.end() + inner.end :], tagged):
        return (
            inner if inner.zone or not made.zone else inner._replace(at=inner.at - shift(inner.at, made)),
        )
    return None


_BARE: tuple[Stamp | None] = (None,)
_PRI = re.compile(r"\s*(?:\d{1,6} )?(?:<\d{1,3}>)?(?:1 )?\s*")


@lru_cache(maxsize=4096)
def _clean(rest: str, tagged: bool) -> bool:
    if len(rest) > 600 or _PROCESS.search(rest):
        return False
    return _PLAIN.fullmatch(rest) is not None or (tagged and _TAGGED.fullmatch(rest) is not None)


def shift(local: float, header: Stamp | None) -> float:
    """Seconds by which a clock's own zone is ahead of UTC, by the absolute time that a header tells.

    Zero where the header tells no zone, or where the two do not differ by a zone.
    """
    if header is None or not header.zone or header.at < 3e8:
        return 0.0
    ahead = local - header.at
    zone = round(ahead / _ZONE_STEP) * _ZONE_STEP
    return float(zone) if abs(ahead - zone) <= _ZONE_SLACK and abs(zone) <= _ZONE_REACH else 0.0


def card(text: str) -> str:
    """A card's address; "" for none, for all zeros and for a group's (first octet odd)."""
    found = net.mac(text) if text else ""
    return "" if not found or found == "00:00:00:00:00:00" or int(found[:2], 16) & 1 else found


def translated(text: str) -> Address | None:
    """The address that a source was translated to; None for what says that it was not: 0.0.0.0, ::, N/A."""
    address = net.ip(text) if text else None
    return None if address is None or not int(address) else address


@remembered(8192)
def moment(text: str) -> float | None:
    """A time with its year, as it stands in a field of its own; without a zone it counts as UTC."""
    made = stamp(text, 0.0)
    return made.at if made and made.year and made.end == len(text) else None


@lru_cache(maxsize=8192)
def epoch(text: str) -> float | None:
    """Unix time in seconds, or in the finer units that gateways write: milli-, micro- or nanoseconds."""
    if not (text.isascii() and text.isdigit()) or len(text) not in _UNITS:
        return None
    return int(text) / _UNITS[len(text)]


_UNITS = {9: 1.0, 10: 1.0, 13: 1e3, 16: 1e6, 19: 1e9}  # digits: units in a second
