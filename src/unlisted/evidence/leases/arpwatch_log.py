"""arpwatch's log lines: an address was seen with a MAC for the first time, or with another than before.

Source: arpwatch 2.1a15 (Debian), db.c, report.c; arpwatch(8). Sample: tests/samples/arpwatch_log/.
`arpwatch: new station 192.168.50.23 3c:5a:b4:12:34:56 lan0`, `changed ethernet address 192.168.50.23 NEW
(OLD)`, `flip flop …`, `reused old ethernet address …`, `new activity …` (nothing for six months). A bogon's
address belongs to no network here, a mismatch is one packet's: both are passed over.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.leases._client import tag
from unlisted.messages import Lease

HINT = "arpwatch"

_TAG = re.compile(tag("arpwatch"))
_MAC = r"((?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2})"
_SAID = re.compile(
    r"(?:new (?:station|activity)|changed ethernet address|flip flop|reused old ethernet address) "
    rf"([0-9.]{{7,15}}) {_MAC}(?: \({_MAC}\))?(?: \S{{1,32}})?\s*"
)


def parse(line: str, near: float) -> tuple[Lease, ...] | Lease | Other | None:
    """Read one line: who has the address now, and who had it before."""
    when = stamp(line, near)
    begin = _TAG.search(line, when.end, when.end + 300) if when else None
    if when is None or begin is None or not tagged(line, when, begin.start()):
        return None
    if not (found := _SAID.fullmatch(line, begin.end())):
        return OTHER
    address, now, before = net.ip(found[1]), card(found[2]), card(found[3] or "")
    if address is None:
        return None
    if not now:
        return OTHER
    lease = Lease(address, now, start=when.at)
    return (Lease(address, before, end=when.at), lease) if before else lease
