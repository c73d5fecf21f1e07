"""The catalogue of blocklists: what each zone holds, what its codes mean, how one gets off it.

The knowledge is data/lists.toml; this file is its shape. A code may name a *part* (ZEN holds SBL, CSS,
XBL and PBL, each with its own way out); where it names none, its value is the meaning itself.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct, structs

from unlisted import catalogue, net
from unlisted.errors import ConfigError

_CODE = re.compile(r"127(\.(\*|[0-9]{1,3})){3}")
_BITS = frozenset(str(1 << n) for n in range(8))
KEY = "{key}"  # in a zone: where the key of a subscriber stands, and what is shown in its place

Kind = Literal["ip4", "ip6", "domain"]
Scope = Literal["address", "range", "network", "policy", "domain"]
Status = Literal["live", "merged", "dead", "stranger"]
Method = Literal["request", "self", "provider", "expiry", "none"]


class Way(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a listing ends. Hours throughout.

    `request` a person there reads a form; `self` a form that acts at once; `provider` only the owner of
    the network may ask; `expiry` nothing to ask; `none` no way is known.
    `quiet_hours`: how long no spam may have left before one asks. Where a list publishes no such time it
    is 24: a machine that is here for one hour a day needs a whole day to show itself.
    """

    method: Method = "none"
    url: str = ""
    wait_hours: float = 24.0  # what the operator takes; not asked again before
    expires_after_hours: float | None = None  # after the last sign of spam; None: it does not, or nobody says
    quiet_hours: float = 24.0
    behind: tuple[str, ...] = ()  # parts of the same list that must be gone first
    notes: str = ""


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list within a list, told apart by its code."""

    meaning: str
    scope: Scope = "address"
    removal: Way = Way()


class Secret(str):
    """A subscriber's key: goes into the question, and nowhere else."""

    def __repr__(self) -> str:
        return repr(KEY)


class Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One zone. Codes are dotted; `*` stands for any one octet. Absent is "" or empty.

    `bits` is for lists whose last octet is a mask. `refused` are answers that say "I do not answer you":
    no listing. `neutral` are answers that accuse nobody (white, yellow, reputation).
    A zone with `{key}` in it is for subscribers and is not asked without a key; `keyed_zone` is asked in
    the place of the open one once there is a key. `zone` is what is shown; ask `asked_zone`.
    """

    zone: str
    also: tuple[str, ...] = ()  # other zones of the same list, with the same codes
    name: str
    operator: str
    lists: str  # what gets an address onto it
    kind: tuple[Kind, ...]
    source: str
    checked: str
    status: Status = "live"
    scope: Scope = "address"
    codes: dict[str, str] = {}
    bits: dict[str, str] = {}  # "8" -> meaning
    refused: dict[str, str] = {}
    neutral: dict[str, str] = {}
    parts: dict[str, Part] = {}
    weight: float = 0.0  # 0..1, how much mail a listing costs
    weight_because: str = ""
    lookup_url: str = ""
    registration: str = ""
    key_name: str = ""  # which of the configuration's [keys] stands for `{key}`
    keyed_zone: str = ""
    limits: str = ""
    per_second: float = 0.0  # questions that the operator bears; 0: nobody says
    per_day: int = 0
    every_hours: float = 24.0  # how often a watch asks again
    removal: Way = Way()
    test_listed: str = ""  # RFC 5782 §5 unless the list has its own; "-" is none
    test_clear: str = ""
    notes: str = ""
    verified: bool = True  # False: no page of the operator's was opened; see `source`
    key: str = ""  # the table's own name; `load` fills it in
    secret: str = ""  # a `Secret`; `with_keys` fills it in
    open_zone: str = ""  # where the same is told without the key; `with_keys` fills it in

    @property
    def asked(self) -> bool:
        """Only what lives is asked: the domain of a dead list belongs to a stranger."""
        return self.status in ("live", "stranger") and not self.keyless

    @property
    def keyless(self) -> bool:
        """For subscribers, and no key was given."""
        return KEY in self.zone and not self.secret

    @property
    def asked_zone(self) -> str:
        """The zone with the key in it: for the question only."""
        return self.zone.replace(KEY, self.secret) if self.secret else self.zone

    @property
    def allows(self) -> bool:
        """An allow-list: none of its answers accuses."""
        return not (self.codes or self.bits)

    def veiled(self, text: str) -> str:
        """What came back, without the key that went out."""
        return re.sub(re.escape(self.secret), KEY, text, flags=re.IGNORECASE) if self.secret else text


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """data/lists.toml."""

    list: dict[str, Entry]

    def by_zone(self, zone: str) -> Entry | None:
        """The entry of a zone, however it was spelled; of one of its other zones, set to that zone.

        Another zone may hold less (SBL in ZEN): its silence says nothing of the whole, so it is a list of its
        own. Only the open door of a list that has a key leads to the same. A person's entry goes before ours.
        """
        wanted = zone.lower().rstrip(".")
        for entry in reversed(self.list.values()):
            if wanted == entry.zone:
                return entry
        for entry in self.list.values():
            if wanted == entry.open_zone:
                return structs.replace(entry, zone=wanted)
            if wanted in entry.also:
                if entry.status != "live":
                    return structs.replace(entry, zone=wanted)
                return structs.replace(entry, key=wanted, zone=wanted, name=f"{entry.name} ({wanted})")
            for shape in (entry.zone, entry.keyed_zone):
                if KEY in shape and (secret := _between(wanted, *shape.split(KEY))):
                    return structs.replace(entry, zone=shape, secret=secret)
        return self._sister(wanted)

    def _sister(self, wanted: str) -> Entry | None:
        """A subscribers' zone that we do not know beside one that we know: its first label is a key, too."""
        shapes = [shape for entry in self.list.values() for shape in (entry.zone, entry.keyed_zone)]
        homes = {shape.split(".", 2)[2] for shape in shapes if shape.startswith(f"{KEY}.")}
        secret, _, zone = wanted.partition(".")
        if zone.partition(".")[2] not in homes or not net.label(secret):
            return None
        return structs.replace(stranger(f"{KEY}.{zone}"), secret=Secret(secret))

    def find(self, name: str) -> Entry | None:
        """The entry of a key, of a zone, or of a name as it is shown, in capitals or not."""
        wanted = name.strip().lower()
        if entry := self.list.get(wanted) or self.by_zone(name.strip()):
            return entry
        named = (entry for entry in self.list.values() if entry.name.lower() == wanted)
        return next(named, None)

    def live(self, kind: Kind) -> tuple[Entry, ...]:
        """What is worth asking about one kind of subject, the heaviest first; each zone once.

        A person's own entry for a zone of ours is merged behind ours, and takes its place.
        """
        known = {entry.asked_zone: entry for entry in self.list.values() if entry.asked}
        chosen = (entry for entry in known.values() if kind in entry.kind)
        return tuple(sorted(chosen, key=lambda entry: (-entry.weight, entry.key)))

    def gone(self) -> tuple[Entry, ...]:
        """What died or was merged: never asked, kept to explain the refusals that still cite it."""
        return tuple(entry for entry in self.list.values() if entry.status in ("dead", "merged"))

    def with_keys(self, keys: Mapping[str, str]) -> "Catalogue":
        """The same with the person's keys in it; ConfigError for a key that no list knows."""
        known = {entry.key_name for entry in self.list.values()} - {""}
        if unknown := set(keys) - known:
            raise ConfigError(
                f"no list takes a key called {min(unknown)!r} - at `$.keys`",
                remedy=f"the names are: {', '.join(sorted(known))}",
            )
        return Catalogue({name: _keyed(entry, keys) for name, entry in self.list.items()})


def _keyed(entry: Entry, keys: Mapping[str, str]) -> Entry:
    if entry.key_name not in keys:
        return entry
    secret = Secret(keys[entry.key_name])
    if not entry.keyed_zone:
        return structs.replace(entry, secret=secret)
    return structs.replace(entry, zone=entry.keyed_zone, open_zone=entry.zone, secret=secret)


def _between(name: str, head: str, tail: str) -> Secret:
    """The key in a zone that somebody wrote out; "" when it is another zone."""
    inner = name[len(head) : len(name) - len(tail)]
    return Secret(inner if name == f"{head}{inner}{tail}" and net.label(inner) else "")


def load() -> Catalogue:
    """The catalogue with the person's own entries merged over ours; ConfigError names what is wrong in it."""
    table = catalogue.read("lists", Catalogue)
    for key, entry in table.list.items():
        if fault := _fault(entry):
            raise ConfigError(
                f"the catalogue of lists: {fault} - at `$.list.{key}`",
                remedy="correct that entry or take it out",
            )
    return Catalogue({key: structs.replace(entry, key=key) for key, entry in table.list.items()})


def _fault(entry: Entry) -> str:
    """What types cannot say."""
    for pattern in (*entry.codes, *entry.refused, *entry.neutral):
        if not _CODE.fullmatch(pattern) or any(len(o) > 2 and int(o) > 255 for o in pattern.split(".")):
            return f"{pattern!r} is no code like 127.0.0.2"
    if any(bit not in _BITS for bit in entry.bits):
        return "a bit is a power of two from 1 to 128"
    if not 0 <= entry.weight <= 1:
        return "a weight lies between 0 and 1"
    if entry.per_second < 0 or entry.per_day < 0 or entry.every_hours <= 0:
        return "limits are 0 or more, and hours more than 0"
    if entry.secret or entry.open_zone:
        return "keys stand in the configuration, under [keys]"
    if bool(entry.key_name) != (KEY in f"{entry.zone} {entry.keyed_zone}"):
        return f"a zone with {KEY} has a key_name, and only such a one"
    for zone in (entry.zone, *entry.also, entry.keyed_zone):
        if zone != zone.lower().strip("."):
            return f"the zone {zone!r} is written in lower case, without a dot at the end"
    try:
        date.fromisoformat(entry.checked)
    except ValueError:
        return f"{entry.checked!r} is no date like 2026-11-23"
    unknown = {word for part in entry.parts.values() for word in part.removal.behind} - set(entry.parts)
    return f"no part is called {min(unknown)!r}" if unknown else ""


def stranger(zone: str) -> Entry:
    """A zone that the catalogue does not know: any code in 127/8 is taken as a listing, two groups are not.

    127.0.0.1 means white, open proxy, bot or "refused", each on a list of its own: without the list's
    word it means nothing. 127.255.255.x are Spamhaus' refusals, which others copied.
    """
    name = zone.lower().rstrip(".")
    return Entry(
        key=name,
        zone=name,
        name=name,
        operator="",
        lists="",
        kind=("ip4", "ip6", "domain"),
        source="",
        checked="",
        status="stranger",
        codes={"127.*.*.*": "not in the catalogue"},
        refused={
            "127.0.0.1": "127.0.0.1 is white, proxy, bot or refusal, by the list; this one is unknown",
            "127.255.255.*": "the list refused to answer this resolver",
        },
        weight=0.3,
        weight_because="nothing is known of who uses it",
        removal=Way(method="request", notes="see the list's own page"),
    )
