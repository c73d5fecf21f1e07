"""The facts that every kind of report holds: addresses, ports, moments, and the lines of a returned mail."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from itertools import islice

from unlisted import net
from unlisted.net import Address
from unlisted.notice import parts
from unlisted.notice.parts import Part

MOST = 1000  # recipients or incidents of one report; RFC 5321 §4.5.3.1.8 asks for 100
SECOND = 1.0  # what RFC 6302 §2 asks for: a time accurate to the second
ZONE = 14 * 3600.0  # seconds that a time without its zone may be off (UTC-12 to UTC+14)

_WORD = re.compile(r"(?<![\w.:])[0-9A-Fa-f:.]{2,45}(?!\.?\w)")
_IPV6 = re.compile(r"\bIPv6:", re.IGNORECASE)
_HOP = re.compile(r"[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})[\])]")
_SPF = re.compile(r"(?:\bsender IP is |\bclient-ip=)([0-9A-Fa-f.:]{2,45})", re.IGNORECASE)
_CHECKS = ("received-spf", "authentication-results")
_ENDS = re.compile(
    r"from\s{1,4}([\w.-]{1,255}).{0,1000}?\sby\s{1,4}([\w.-]{1,255})", re.DOTALL | re.IGNORECASE
)
_TOKEN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CLOCK = re.compile(
    r"\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]{1,9})?[ \t]{0,4}([+-][0-9]{4}|[A-Za-z]{1,5})?"
)
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?[ ]?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
# RFC 5322 §4.3 and what else is met and means one offset only.
ZONES = {
    **dict.fromkeys(("UT", "UTC", "GMT", "Z"), "+0000"),
    "EST": "-0500",
    "EDT": "-0400",
    "CST": "-0600",
    "CDT": "-0500",
    "MST": "-0700",
    "MDT": "-0600",
    "PST": "-0800",
    "PDT": "-0700",
    "JST": "+0900",
    "CET": "+0100",
    "CEST": "+0200",
}


def line(text: str, limit: int = 200) -> str:
    """A stranger's words on one line, bounded."""
    return " ".join(parts.whole(text[: 2 * limit]).replace("\x00", " ").split())[:limit]


def token(text: str) -> str:
    """A keyword of a vocabulary, lower case: its first word; "" when it has none."""
    found = _TOKEN.match(text.strip().lower())
    return found[0] if found else ""


def address(text: str) -> Address | None:
    """The first IP address that stands in `text`, whatever else does."""
    for found in islice(_WORD.finditer(_IPV6.sub("", text[:200])), 8):
        spelled = found[0].rstrip(".:") if not found[0].endswith("::") else found[0]
        host, colon, port = spelled.partition(":")
        if colon and "." in host and port.isdigit():  # 192.0.2.1:25
            spelled = host
        if (made := net.ip(spelled)) is not None:
            return made
    return None


def port(value: object) -> int:
    """A port number, from a number or its digits; 0 for everything that is none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value.strip()):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else 0


def moment(text: str) -> tuple[float | None, float | None]:
    """The Unix time of a date as mails and JSON write it, and the seconds by which it may be off.

    (None, None) for what no calendar holds. Without a zone it is taken for UTC, and may be off by `ZONE`.
    """
    text = text.strip()[:100]
    found = _ISO.match(text)
    try:
        return _iso(found) if found else _mail(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None, None


def _iso(found: re.Match[str]) -> tuple[float, float]:
    day, clock, seconds, fraction, zone = found.groups()
    second = ":59" if seconds == ":60" else seconds or ":00"  # RFC 3339 §5.6 has leap seconds
    stamp = f"{day}T{clock or '00:00'}{second}{(fraction or '')[:7]}"
    offset = "+00:00" if not zone or zone.upper() in ("Z", "UTC") else zone
    off = 86400.0 if not clock else SECOND if seconds else 60.0
    return datetime.fromisoformat(stamp + offset).timestamp(), off if zone or not clock else ZONE


def _mail(text: str) -> tuple[float | None, float | None]:
    """RFC 5322 §3.3. `parsedate_tz` takes a zone that it does not know for UTC, so we look first."""
    found = _CLOCK.search(text)
    zone = (found[1] or "") if found else ""
    offset = zone if zone[:1] in ("+", "-") else ZONES.get(zone.upper(), "")
    parsed = (
        parsedate_tz(text[: found.start(1)] + (offset or "+0000")) if found and zone else parsedate_tz(text)
    )
    if parsed is None or found is None:
        return None, None
    year, month, day, hour, minute, second = parsed[:6]
    there = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return (there - timedelta(seconds=parsed[9] or 0)).timestamp(), SECOND if offset else ZONE


def headers(text: str) -> Part:
    """The headers of a returned message."""
    return Part("", parts.headers_of(text[:200_000]), "")


def original(leaves: list[Part]) -> Part:
    """The headers of the message that a report returns; empty ones when it returns none."""
    for leaf in leaves:
        if leaf.kind in parts.RETURNED:
            return headers(leaf.text)
    # Some attach the headers as if they were a text.
    told = (headers(leaf.text) for leaf in leaves if leaf.kind.startswith("text/"))
    return next((one for one in told if one.get("received") and one.get("message-id")), headers(""))


def received(inner: Part) -> tuple[Address | None, float | None, float | None]:
    """Who handed the returned message to the reporter, and when (and how exact that is).

    The topmost Received line that tells an address of the world. What stands below it the sender may have
    written himself: what an SPF check noted is believed above it, and past hops inside the reporter's house
    only where the line from outside says the same.
    """
    noted = [(place, _noted(value)) for place, (name, value) in enumerate(inner.headers) if name in _CHECKS]
    hops = [(place, value) for place, (name, value) in enumerate(inner.headers) if name == "received"][:10]
    first: tuple[Address | None, str] | None = None
    for place, value in hops:
        sources, date = tuple(_hop(value)), value[:2000].rpartition(";")[2]
        above = next((one for where, one in noted if one and where < place), None)
        agreed = next((one for _, one in noted if one in sources), None) if above is None else above
        if agreed in sources:
            return agreed, *moment(date)
        if not sources or above is not None:
            continue
        first = first or (sources[0], date)
        if not _in_house(value):
            break
    if first is None:
        above = next((one for where, one in noted if one and (not hops or where < hops[-1][0])), None)
        first = above, hops[0][1][:2000].rpartition(";")[2] if hops else ""
    return first[0], *(moment(first[1]) if hops else (None, None))


def _noted(value: str) -> Address | None:
    """Whom the reporter's own check saw, if he wrote it."""
    found = _SPF.search(value[:2000])
    return address(found[1]) if found else None


def _in_house(value: str) -> bool:
    """True for a hop from a host to another of the same domain."""
    ends = _ENDS.match(value[:2000])
    return ends is not None and ends[1].lower().split(".")[-2:] == ends[2].lower().split(".")[-2:]


def outside(text: str) -> Address | None:
    """The address in `text`, if the world can see it: no mail reaches a stranger from 10.0.0.1."""
    one = address(text)
    return None if one is None or not _of_the_world(one) else one


def _of_the_world(one: Address) -> bool:
    never = one.is_loopback or one.is_link_local or one.is_multicast or one.is_unspecified
    return not (net.inside(one) or never)


def _hop(value: str) -> Iterator[Address]:
    """The addresses of the world that a Received line tells of its client."""
    by, _, date = value[:2000].rpartition(";")
    spoken = re.split(r"\sby\s", by or date, maxsplit=1)[0]
    for found in _HOP.findall(spoken):
        one = net.ip(found)
        if one is not None and _of_the_world(one):
            yield one
