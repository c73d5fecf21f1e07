"""What ISC dhcpd says on its terminal (`dhcpd -d`): as by syslog, without time, host and tag.

Source: ISC DHCP 4.4.3, omapip/errwarn.c. Sample: tests/samples/dhcpd_terminal/. Such a lease tells no time.
"""

import re
from collections.abc import Callable

from unlisted.evidence import OTHER, Other
from unlisted.evidence.leases.dhcpd_log import said
from unlisted.messages import Lease

HINT = ""

_BEGIN = re.compile(r"(?:dhcpd6?(?:\[\d{1,7}\])?: )?(?=DHCP|Reply [NT]A: )")
_BESIDE = re.compile(  # on a terminal, where no tag says whose they are
    r"(?:DHCP(?:DISCOVER|OFFER|REQUEST|DECLINE|NAK|INFORM|LEASEQUERY|EXPIRE) |DHCP(?:ACK|RELEASE) "
    r"|Internet Systems Consortium DHCP|Copyright 2\d{3}-2\d{3} Internet Systems Consortium"
    r"|For info, please visit https?://www\.isc\.org/software/dhcp"
    r"|(?:Config|Database|PID) file: \S{0,200}dhcp"
    r"|Wrote \d+ (?:leases|deleted host|new dynamic|class decl|NA, )|Listening on +(?:LPF|BPF|Socket)/"
    r"|Sending on +(?:LPF|BPF|Socket)/|Server starting service\.)"
)


def session() -> Callable[[str, float], Lease | Other | None]:
    """A reader of lines in their order: behind the copyright one line is anybody's."""
    before = ""

    def read(line: str, near: float) -> Lease | Other | None:
        nonlocal before
        made, known = parse(line, near), before.startswith("Copyright")
        before = line if made is OTHER else ""
        return OTHER if known and line.startswith("All rights reserved") else made

    return read


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - no times
    """Read one line."""
    if (begin := _BEGIN.match(line)) and (made := said(line, begin.end(), None)):
        return made
    return OTHER if _BESIDE.match(line) else None
