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
_RETURNED = (
    *("message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header"),
    *("message/rfc822-headers", "message/global-headers"),
)
_HOP = re.compile(r"[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})[\])]")
_SPF = re.compile(r"(?:\bsender IP is |\bclient-ip=)([0-9A-Fa-f.:]{2,45})", re.IGNORECASE)
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
_ZONES = {
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
    offset = zone if zone[:1] in ("+", "-") else _ZONES.get(zone.upper(), "")
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
        if leaf.kind in _RETURNED:
            return headers(leaf.text)
    # Some attach the headers as if they were a text.
    told = (headers(leaf.text) for leaf in leaves if leaf.kind.startswith("text/"))
    return next((one for one in told if one.get("received") and one.get("message-id")), headers(""))


def received(inner: Part) -> tuple[Address | None, float | None, float | None]:
    """Who handed the returned message to the reporter, and when (and how exact that is).

    What the reporter's own SPF check noted is the surest; then the topmost Received line that tells an
    address, past the hops inside his house. What stands below it the sender may have written himself.
    """
    noted = _SPF.search(f"{inner.get('received-spf')[:2000]} {inner.get('authentication-results')[:2000]}")
    checked = address(noted[1]) if noted else None
    hops = [(tuple(_hop(value)), value[:2000].rpartition(";")[2]) for value in inner.all("received")[:10]]
    for sources, date in hops:
        source = checked if checked in sources else None if checked else next(iter(sources), None)
        if source is not None:
            return source, *moment(date)
    return checked, *(moment(hops[0][1]) if hops else (None, None))


def _hop(value: str) -> Iterator[Address]:
    """The addresses of the world that a Received line tells of its client."""
    by, _, date = value[:2000].rpartition(";")
    spoken = re.split(r"\sby\s", by or date, maxsplit=1)[0]
    for found in _HOP.findall(spoken):
        one = net.ip(found)
        if one is not None and not net.inside(one) and not one.is_loopback:
            yield one
