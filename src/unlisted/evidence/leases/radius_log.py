"""FreeRADIUS's log: which account logged on with which card, and at which access point or switch.

Source: FreeRADIUS 3.2, src/main/auth.c (rad_authlog), radius.log(5), `log { auth = yes }`. Sample:
tests/samples/radius_log/. `Mon Nov 23 13:48:21 2026 : Auth: (12) Login OK: [bob/<via Auth-Type = eap>]
(from client ap1 port 0 cli 3C-5A-B4-12-34-56)`; by syslog without date and `Auth`.

Surprises: the name is the client's own choice, so what counts is the last bracket. A tunneled log-on is
told twice, the inner one `via TLS tunnel` and perhaps without the card. A refused one tells nothing.
"""

import re

from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.leases._client import tag
from unlisted.messages import Presence

HINT = "Login "

_OWN = re.compile(r" : (?:Auth|Info): ")
_TAG = re.compile(tag("radiusd|freeradius"))
_SAID = re.compile(r"(?:\(\d{1,12}\) +)?Login (OK|incorrect)[^\[\r\n]{0,300}: \[")
_CLIENT = re.compile(
    r"\(from client (\S{1,128}) port \d{1,10}(?: cli ((?:[0-9a-fA-F]{2}[-:.]?){5}[0-9a-fA-F]{2})"
    r"(?:\S{0,80}| / [^()]{0,80}))?"
    r"(?: via [^()]{0,40})?\)\s*"
)


def parse(line: str, near: float) -> Presence | Other | None:
    """Read one line."""
    when = stamp(line, near)
    if when is None:
        return None
    begin = _OWN.match(line, when.end)
    if begin is None:
        begin = _TAG.search(line, when.end, when.end + 300)
        if begin is None or not tagged(line, when, begin.start()):
            return None
    said = _SAID.match(line, begin.end())
    if said is None:
        return None
    last = line.rfind("(from client ", said.end())
    found = _CLIENT.fullmatch(line, last) if last >= 0 else None
    mac = card(found[2] or "") if found else ""
    if found is None or not mac or said[1] != "OK":
        return OTHER
    name = line[said.end() : last].rstrip().removesuffix("]")
    return Presence(mac, when.at, account=_account(name), where=found[1])


def _account(text: str) -> str:
    """The name alone: what stands behind a slash is how it logged on, or its password."""
    machine = text.startswith("host/")
    return ("host/" if machine else "") + text.removeprefix("host/").partition("/")[0][:253]
