"""FreeRADIUS's detail files: accounting, which account was on with which card and address.

Source: FreeRADIUS 3.2, rlm_detail; RFC 2866 (accounting), RFC 2869 §2.1 (Interim-Update), RFC 3580
(Calling- Station-Id is the card). Sample: tests/samples/radius_detail/.

A record is a line with the local time, attributes indented by a tab, and an empty line. `Timestamp` is the
server's clock, absolute; Acct-Delay-Time says how long the packet waited. A record without an address tells
that the card was there; one without a card that the account had the address. Start, Interim-Update and Stop
carry the length of the session so far. What a client chose (User-Name) is quoted and escaped.
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import Stamp, stamp
from unlisted.messages import Lease, Presence

HINT = ""

MOST = 200  # attributes of one record; a packet holds 4096 octets
_DATE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\s*")
_ATTRIBUTE = re.compile(r"[\t ]{1,8}([A-Za-z][\w.:-]{1,80}) (?::|\+)?= (.{0,4000}?)\s*")
_NAMES = re.compile(
    r"[\t ]{1,8}(?:User-Name|NAS-[A-Z]|Acct-[A-Z]|Framed-[A-Z]|Call(?:ing|ed)-Station-Id|(?:Event-)?Timestamp"
    r"|Service-Type|Connect-Info|Packet-Type|Tmp-String|Stripped-User-Name|Request-Authenticator"
    r"|Client-IP-Address|FreeRADIUS-[A-Z]|Packet-(?:Src|Dst)|Mikrotik-[A-Z]|Cisco-[A-Z]|WISPr-|EAP-|User-Password)"
    r"[\w.-]* (?::|\+)?= "
)
_CALLING = re.compile(r"(?:[0-9a-fA-F]{2}[-:.]?){5}[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}")
_STAMP = re.compile(r"[\t ]{1,8}Timestamp = (\d{9,10})\s*$")
_BEGINS = ("start", "accounting-on")
_GOES_ON = ("interim-update", "alive")


def parse(line: str, near: float) -> Other | None:
    """Say whether a line is of such a file."""
    if _DATE.fullmatch(line):
        return OTHER if stamp(line, near) else None
    return OTHER if _NAMES.match(line) else None


def session() -> Callable[[str, float], Lease | Presence | Other | None]:
    """A reader of lines in their order."""
    told: dict[str, str] = {}

    def read(line: str, near: float) -> Lease | Presence | Other | None:
        if _DATE.fullmatch(line):
            told.clear()
            told[""] = line
            return OTHER
        if not line.strip():
            made = record(told, near) if told else None
            told.clear()
            return made
        if told and (found := _ATTRIBUTE.fullmatch(line)):
            if len(told) < MOST:
                told.setdefault(found[1].lower(), _plain(found[2]))
            return OTHER
        return parse(line, near)

    return read


def dated(line: str, near: float) -> Stamp | None:
    """The time that counts: absolute, and not the local one at a record's head."""
    found = _STAMP.match(line)
    return stamp(f"{found[1]} ", near) if found else None


def record(told: dict[str, str], near: float) -> Lease | Presence | Other:
    """What one record of accounting tells; the names of its attributes are in lower case."""
    status = told.get("acct-status-type", "").lower()
    at = _moment(told, near)
    if at is None or status not in (*_BEGINS[:1], *_GOES_ON, "stop"):
        return OTHER
    calling = told.get("calling-station-id", "")
    found = _CALLING.match(calling)
    mac = card(found[0]) if found else ""
    account = told.get("user-name", "")[:253]
    start: float | None = at - _seconds(told.get("acct-session-time", ""))
    if status == "stop" and "acct-session-time" not in told:
        start = None
    end = at if status == "stop" else None
    address = net.ip(told.get("framed-ip-address") or told.get("framed-ipv6-address", ""))
    if address is not None and (mac or account):
        return Lease(address, mac, start=start, end=end, account=account)
    if not mac:
        return OTHER
    told_by = ("called-station-id", "nas-identifier", "nas-ip-address")
    where = next((told[name] for name in told_by if told.get(name)), "")
    return Presence(mac, start, end, account=account, where=where[:120])


def _moment(told: dict[str, str], near: float) -> float | None:
    seconds = told.get("timestamp", "")
    if seconds.isdigit() and len(seconds) <= 11:
        at = float(seconds)
    else:
        when = stamp(told.get("", "").strip() + " ", near)
        if when is None:
            return None
        at = when.at
    return at - _seconds(told.get("acct-delay-time", ""))


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _plain(text: str) -> str:
    """A value without its quotes; what is escaped stays so, it cannot end a line."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
