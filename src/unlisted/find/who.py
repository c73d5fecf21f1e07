"""Who had an address at a moment: leases and neighbor tables as intervals, joined and never guessed.

`spans.py` says what starts and ends tell. A neighbor table tells neither and counts only where no dated
lease does. Where two MACs remain, both are candidates and neither is named.
"""

from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple

from unlisted.find.spans import Past, Span
from unlisted.messages import Device, Lease, Presence
from unlisted.net import Address

ACCOUNTS = 100_000  # of devices with their users; more are not kept
LOGONS = 200  # spans of logging on kept of one device; one that has more is not told by its account
SLACK = 5.0  # seconds by which a lease may seem to start after the first packet: two logs, two clocks


class Identity(NamedTuple):
    """A device, how it was joined, and who else it could be."""

    device: Device
    candidates: tuple[Device, ...]  # empty when it is unique
    via: str  # "MAC in the log", "lease", "neighbor table", "address only", "several leases"


class _LoggedOn(NamedTuple):
    start: float
    end: float
    account: str


class _Card:
    """What is known of one MAC wherever it was."""

    __slots__ = ("_named_at", "addresses", "first_seen", "hostname", "identities")

    def __init__(self) -> None:
        self.addresses: set[Address] = set()
        self.first_seen: float | None = None
        self.hostname = ""
        self.identities: set[str] = set()
        self._named_at = -inf

    def add(self, lease: Lease) -> None:
        """One more lease of this MAC."""
        self.addresses.add(lease.address)
        if lease.start is not None and (self.first_seen is None or lease.start < self.first_seen):
            self.first_seen = lease.start
        at = lease.start or lease.end or 0.0
        if lease.hostname and (at, lease.hostname) > (self._named_at, self.hostname):
            self.hostname, self._named_at = lease.hostname, at


def _told_apart(lease: Lease) -> str:
    """The client id where it tells more than the MAC: not the MAC itself (RFC 2132 §9.14), nor a name."""
    octets = lease.client_id.lower().replace("-", ":").split(":")
    if len(octets) < 8 or ":".join(octets[1:]) == lease.mac:
        return ""
    return ":".join(octets)


class Who:
    """Everything known of who was here. `vendor` names the maker of a MAC."""

    def __init__(self, vendor: Callable[[str], str] = lambda _mac: "") -> None:
        self._vendor = vendor
        self._pasts: dict[Address, Past] = {}
        self._cards: dict[str, _Card] = {}
        self._clients: dict[str, dict[str, None]] = {}  # client id: the MACs that gave it
        self._accounts: dict[str, list[_LoggedOn]] = {}  # by MAC

    def __len__(self) -> int:
        return len(self._cards)

    def add(self, lease: Lease) -> None:
        """One more fact; order does not matter."""
        if not lease.mac:
            return
        self._cards.setdefault(lease.mac, _Card()).add(lease)
        self._logged_on(lease)
        if (told := _told_apart(lease)) and len(self._clients) < ACCOUNTS:
            self._cards[lease.mac].identities.add(told)
            self._clients.setdefault(told, {})[lease.mac] = None
        for mac in self._pasts.setdefault(lease.address, Past()).add(lease):
            self._cards[mac].addresses.discard(lease.address)
            if not self._cards[mac].addresses:
                del self._cards[mac]

    def present(self, one: Presence) -> None:
        """A device was on the network, its address unknown."""
        self._logged_on(one)

    def _logged_on(self, one: Lease | Presence) -> None:
        if not one.account or (len(self._accounts) >= ACCOUNTS and one.mac not in self._accounts):
            return
        start = -inf if one.start is None else one.start
        end = inf if one.end is None else one.end
        many = self._accounts.setdefault(one.mac, [])
        same = [known for known in many if known.account == one.account]
        full = same if len(many) >= LOGONS else []
        for known in full or same:
            if full or (known.start <= end and start <= known.end):
                many.remove(known)
                start, end = min(start, known.start), max(end, known.end)
        if len(many) < LOGONS:
            many.append(_LoggedOn(start, end, one.account))

    def account(self, address: Address, at: float, mac: str = "") -> str:
        """Who was logged on with the device that had this address; "" where nobody or several were."""
        card = mac or self.identify(address, at).device.mac
        many = self._accounts.get(card, ())
        fits = {one.account for one in many if one.start - SLACK <= at <= one.end + SLACK}
        return fits.pop() if len(fits) == 1 and len(many) < LOGONS else ""

    @property
    def forgotten(self) -> int:
        """How many starts and ends of leases were dropped: of one address only so many are kept."""
        return sum(past.forgotten for past in self._pasts.values())

    @property
    def addresses(self) -> Iterable[Address]:
        """Every address that a lease or a neighbor table names."""
        return self._pasts.keys()

    def macs(self, inside: Callable[[Address], bool]) -> set[str]:
        """Every MAC that had an address inside."""
        return {mac for mac, card in self._cards.items() if any(map(inside, card.addresses))}

    def moves(self, address: Address) -> bool:
        """True when more than one MAC is known to have had the address."""
        return len({span.mac for span in self.spans(address)}) > 1

    def spans(self, address: Address) -> tuple[Span, ...]:
        """Who had the address when."""
        past = self._pasts.get(address)
        return past.spans() if past is not None else ()

    def device(self, address: Address, at: float, mac: str = "") -> Device:
        """The device alone; where several fit, it is known by its address only."""
        return self.identify(address, at, mac).device

    def same(self, mac: str) -> tuple[str, ...]:
        """Other MACs that gave the same DHCP client id, one not made from a MAC: the same device."""
        card = self._cards.get(mac)
        return tuple(
            other
            for identity in (card.identities if card else ())
            for other in self._clients.get(identity, ())
            if other != mac
        )

    def known(self, mac: str) -> Device:
        """The device of a MAC, wherever it was."""
        card = self._cards.get(mac)
        address = min(card.addresses, key=lambda one: (one.version, one)) if card and card.addresses else None
        return self._describe(address, mac)

    def identify(self, address: Address, at: float, mac: str = "") -> Identity:
        """Who had `address` at `at`; a MAC seen on the wire settles it."""
        if mac:
            return Identity(self._describe(address, mac), (), "MAC in the log")
        spans = [s for s in self.spans(address) if s.start - SLACK <= at <= s.end + SLACK]
        dated = [s for s in spans if s.dated]
        spans = dated or spans
        macs = list(dict.fromkeys(span.mac for span in spans))
        if len(macs) == 1:
            return Identity(self._describe(address, macs[0]), (), "lease" if dated else "neighbor table")
        if not macs:
            return Identity(Device(address=address), (), "address only")
        candidates = tuple(self._describe(address, one) for one in macs)
        return Identity(Device(address=address), candidates, "several leases")

    def _describe(self, address: Address | None, mac: str) -> Device:
        card = self._cards.get(mac) or _Card()
        return Device(address, mac, self._vendor(mac), card.hostname, card.first_seen)
