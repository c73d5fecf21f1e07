"""The catalogue of blocklists: what each zone holds, what its codes mean, how one gets off it.

The knowledge is data/lists.toml; this file is its shape. A code may name a *part* (ZEN holds SBL, CSS,
XBL and PBL, each with its own way out); where it names none, its value is the meaning itself.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct, structs

from unlisted import catalogue
from unlisted.errors import ConfigError

_CODE = re.compile(r"127(\.(\*|[0-9]{1,3})){3}")
_BITS = frozenset(str(1 << n) for n in range(8))

STALE_DAYS = 180  # lists change hands and codes about once a year

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


class Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One zone. Codes are dotted; `*` stands for any one octet. Absent is "" or empty.

    `bits` is for lists whose last octet is a mask. `refused` are answers that say "I do not answer you":
    no listing. `neutral` are answers that accuse nobody (white, yellow, reputation).
    """

    zone: str  # "{key}" in it stands for the person's own key
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
    key_name: str = ""  # what its key is called under [keys] of the configuration
    keyed: str = ""  # the zone to ask with a key, where one may ask without as well
    limits: str = ""
    per_second: float = 0.0  # questions that the operator bears; 0: nobody says
    per_day: int = 0
    verified: bool = True  # False: codes or life are from memory or from others' lists, as `source` says
    every_hours: float = 24.0  # how often a watch asks again
    removal: Way = Way()
    test_listed: str = ""  # RFC 5782 §5 unless the list has its own; "-" is none
    test_clear: str = ""
    notes: str = ""
    key: str = ""  # the table's own name; `load` fills it in
    secret: str = ""  # the person's key; `load` fills it in, and nothing shows it

    @property
    def asked(self) -> bool:
        """Only what lives, and opens to us: the domain of a dead list belongs to a stranger."""
        return self.status in ("live", "stranger") and ("{key}" not in self.zone or bool(self.secret))

    @property
    def apex(self) -> str:
        """The zone as it is asked. What is shown is `zone`."""
        return self.zone.replace("{key}", self.secret.lower())

    @property
    def why_not(self) -> str:
        """Why it is not asked."""
        if self.status in ("dead", "merged"):
            return self.notes or self.status
        return f'it wants a key: {self.key_name} = "…" under [keys] in the configuration'


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """data/lists.toml."""

    list: dict[str, Entry]

    def by_zone(self, zone: str) -> Entry | None:
        """The entry of a zone, however it was spelled; of one of its other zones, set to that zone."""
        wanted = zone.lower().rstrip(".")
        for entry in self.list.values():
            if wanted == entry.zone:
                return entry
            if wanted in entry.also:
                return structs.replace(entry, zone=wanted)
        return None

    def find(self, name: str) -> Entry | None:
        """The entry of a key or of a zone."""
        return self.list.get(name) or self.by_zone(name)

    def live(self, kind: Kind) -> tuple[Entry, ...]:
        """What is worth asking about one kind of subject, the heaviest first."""
        chosen = (entry for entry in self.list.values() if entry.asked and kind in entry.kind)
        return tuple(sorted(chosen, key=lambda entry: (-entry.weight, entry.key)))

    def gone(self) -> tuple[Entry, ...]:
        """What died or was merged: never asked, kept to explain the refusals that still cite it."""
        return tuple(entry for entry in self.list.values() if not entry.asked)


def load(keys: Mapping[str, str] = {}) -> Catalogue:
    """The catalogue with the person's own entries merged over ours; ConfigError names what is wrong in it.

    `keys`: what lists gave the person to ask them with, by `key_name`.
    """
    table = catalogue.read("lists", Catalogue)
    for key, entry in table.list.items():
        if fault := _fault(entry):
            raise ConfigError(
                f"the catalogue of lists: {fault} - at `$.list.{key}`",
                remedy="correct that entry or take it out",
            )
    return Catalogue(
        {key: _opened(structs.replace(entry, key=key), keys) for key, entry in table.list.items()}
    )


def _opened(entry: Entry, keys: Mapping[str, str]) -> Entry:
    """The entry with its key, where the person has one."""
    secret = keys.get(entry.key_name, "") if entry.key_name else ""
    if not secret:
        return entry
    if not entry.keyed:
        return structs.replace(entry, secret=secret)
    return structs.replace(entry, secret=secret, zone=entry.keyed, also=(entry.zone, *entry.also))


def _fault(entry: Entry) -> str:
    """What types cannot say."""
    for pattern in (*entry.codes, *entry.refused, *entry.neutral):
        if not _CODE.fullmatch(pattern):
            return f"{pattern!r} is no code like 127.0.0.2"
    if any(bit not in _BITS for bit in entry.bits):
        return "a bit is a power of two from 1 to 128"
    if not 0 <= entry.weight <= 1:
        return "a weight lies between 0 and 1"
    for zone in (entry.zone, *entry.also):
        if zone != zone.lower().strip("."):
            return f"the zone {zone!r} is written in lower case, without a dot at the end"
    if entry.secret:
        return "a key stands under [keys] in the configuration, not here"
    if ("{key}" in entry.zone or entry.keyed) and not entry.key_name:
        return "a zone with {key} names its key: key_name"
    try:
        date.fromisoformat(entry.checked)
    except ValueError:
        return f"{entry.checked!r} is no date like 2026-11-23"
    unknown = {word for part in entry.parts.values() for word in part.removal.behind} - set(entry.parts)
    return f"no part is called {min(unknown)!r}" if unknown else ""


def stale(entry: Entry, today: str) -> str:
    """Why somebody should look at an entry again on that day (2026-11-25); "" when nobody need."""
    if not entry.asked:
        return ""
    days = (date.fromisoformat(today) - date.fromisoformat(entry.checked)).days
    return f"last looked at on {entry.checked}, {days} days ago" if days > STALE_DAYS else ""


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
