"""`ip neigh` as text: the kernel's table of neighbors, a snapshot without a time.

Source: iproute2 6.1, ip/ipneigh.c. Sample: tests/samples/ip_neigh/.
`192.168.50.23 dev lan0 lladdr 3c:5a:b4:12:34:56 REACHABLE`; entries without lladdr failed.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.messages import Lease

HINT = " dev "

_NEIGHBOR = re.compile(
    r"([0-9a-fA-F.:]{2,45}) dev (\S{1,32})(?: lladdr ((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}))?"
    r"(?: (?:router|proxy|extern_learn|managed|offload|used \S+|ref \d+|probes \d+))*"
    r" (?:REACHABLE|STALE|DELAY|PROBE|PERMANENT|NOARP|FAILED|INCOMPLETE|NONE)\s*"
)


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - the table has no times
    """Read one line."""
    if not (m := _NEIGHBOR.fullmatch(line)):
        return None
    address = net.ip(m[1])
    if address is None:
        return None
    return Lease(address, m[3].lower()) if m[3] else OTHER
