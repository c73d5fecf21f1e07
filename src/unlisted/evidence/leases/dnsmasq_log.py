"""dnsmasq's DHCP log lines: who got which address, and when; with `log-dhcp` also what kind of system it is.

Source: dnsmasq 2.90, src/rfc2131.c (log_packet, do_options), src/rfc3315.c. Sample:
tests/samples/dnsmasq_log/.
`dnsmasq-dhcp[9102]: 1120775550 DHCPACK(lan0) 192.168.50.129 3c:5a:b4:12:34:56 FRONTDESK-PC`; the number
in front is the transaction's and stands there with `log-dhcp` only. DHCPRELEASE ends a lease.

Surprises: the vendor class and the name that the client asks for stand before the DHCPACK, the options that
it requests behind, over several lines; of a new client the DHCPOFFER has told them already. A lease is told
at its DHCPACK, and once more when what follows makes its fingerprint whole.
"""

import re
from collections.abc import Callable

from msgspec import structs

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.leases._client import duid_mac, fingerprint, named, tag
from unlisted.messages import Lease

HINT = "dnsmasq"

OPEN = 1000  # transactions at once; a server of a whole company has tens
_DHCP = re.compile(
    tag("dnsmasq(?:-dhcp)?") + r"(?:\d+ )?DHCP(ACK|RELEASE|REPLY)\([^)\s]*\) (\S+) (\S+)(?: (\S+))?"
)
_TOLD = re.compile(
    tag("dnsmasq(?:-dhcp)?") + r"(\d{1,10}) (?:(DHCP[A-Z]{3,12})\(|(requested options|vendor class"
    r"|client provides name|client MAC address): ?(.{0,600}))?"
)
_OPTION = re.compile(r"\s*(\d{1,3})(?::[^,]{0,80})?(?:,|\s*$)")
_MOST = 256  # options that a client can ask for


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line; what dnsmasq says besides is Other."""
    return _read(line, near, "")


def _read(line: str, near: float, card: str) -> Lease | Other | None:
    if not (m := _DHCP.search(line)):
        return OTHER if " dnsmasq" in line and stamp(line, near) else None
    address, when = net.ip(m[2]), stamp(line, near)
    if when is None or not tagged(line, when, m.start()):
        return None  # another program's line, in which a stranger may have spelled a lease
    mac = net.mac(m[3]) or duid_mac(m[3]) or card
    if address is None:
        return None
    if not mac:
        return OTHER  # a DUID that holds no MAC
    client_id = m[3].lower() if m[1] == "REPLY" else ""
    if m[1] == "RELEASE":
        return Lease(address, mac, end=when.at)
    return Lease(address, mac, named(m[4]), client_id, start=when.at)


def session() -> Callable[[str, float], Lease | Other | None]:
    """A reader of lines in their order."""
    return _Transactions().read


class _Talk:
    """What was told of one transaction."""

    __slots__ = ("card", "lease", "listing", "name", "options", "vendor")

    def __init__(self) -> None:
        self.vendor = self.name = self.card = ""
        self.options: list[str] = []
        self.listing = False  # the line before listed options
        self.lease: Lease | None = None  # told already, perhaps without its options


class _Transactions:
    """The transactions that are under way, by their number."""

    def __init__(self) -> None:
        self._talks: dict[str, _Talk] = {}

    def read(self, line: str, near: float) -> Lease | Other | None:
        """One line."""
        found = _TOLD.search(line)
        when = stamp(line, near) if found else None
        if found is None or when is None or not tagged(line, when, found.start()):
            return parse(line, near)
        talk = self._talk(found[1])
        if found[3] == "requested options":
            _list(talk, found[4])
            return OTHER
        whole, talk.listing = talk.listing, False
        if found[2]:
            return self._message(talk, line, near)
        if found[3] == "vendor class":
            talk.vendor = found[4].strip()
        elif found[3] == "client provides name":
            talk.name = named(found[4])
        elif found[3]:
            talk.card = net.mac(found[4])
        return _again(talk) if whole else OTHER

    def _message(self, talk: _Talk, line: str, near: float) -> Lease | Other | None:
        made = _read(line, near, talk.card)
        if not isinstance(made, Lease) or made.start is None:
            return made
        talk.lease = structs.replace(
            made,
            hostname=made.hostname or talk.name,
            fingerprint=fingerprint(",".join(talk.options), talk.vendor),
        )
        return talk.lease

    def _talk(self, number: str) -> _Talk:
        talk = self._talks.get(number)
        if talk is None:
            while len(self._talks) >= OPEN:
                del self._talks[next(iter(self._talks))]
            talk = self._talks[number] = _Talk()
        return talk


def _list(talk: _Talk, text: str) -> None:
    if not talk.listing:
        talk.listing, talk.options = True, []
    at = 0
    while len(talk.options) < _MOST and (option := _OPTION.match(text, at)):
        talk.options.append(option[1])
        at = option.end()
        if at >= len(text):
            break


def _again(talk: _Talk) -> Lease | Other:
    """The lease once more, when its options came behind it."""
    mark = fingerprint(",".join(talk.options), talk.vendor)
    if talk.lease is None or talk.lease.fingerprint == mark:
        return OTHER
    talk.lease = structs.replace(talk.lease, fingerprint=mark)
    return talk.lease
