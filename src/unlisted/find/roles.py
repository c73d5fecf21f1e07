"""Roles: what a device honestly does on the mail ports, declared or recognized by data/roles.toml.

Roles come before thresholds: a mail server contacts thousands of destinations by design, and is held to
its own past instead (`habit.py`). A device that only repeats a few destinations cannot have listed an
address by fan-out, however often it calls. What a person declares is believed as far as it goes: a
copier that contacts two thousand networks is no copier any more.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import Struct, structs

from unlisted import catalogue, net

REGULAR = 5  # attempts on a network that is returned to


class Past(Struct, frozen=True, forbid_unknown_fields=True):
    """How a role is held to its past (`habit.py`)."""

    busiest: float  # the quantile of the hours before, 1 is the very busiest
    times: float  # so many times as much stands out
    least: int  # networks; fewer new ones in an hour are no matter, however quiet it was before
    days: float  # of past, before an hour can be compared with it
    alike: str  # what honest thing looks the same
    answered: bool = False  # only attempts known to be answered are volume; else all not known to have failed


class Episode(Struct, frozen=True, forbid_unknown_fields=True):
    """What an account set-up looks like in the midst of other mail (`setup.py`)."""

    minutes: float  # in which one network is tried on several ports
    networks: int  # so many tried like that at most, one after the other
    span: float  # minutes from the first of them to the last
    quiet: float  # minutes without another one, until they count as over
    daily: int  # networks tried like that in one day at most


class Role(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of data/roles.toml; its head says what each limit means. 0 is no limit."""

    title: str
    because: str
    excuses: Literal["all", "naming", "low"]
    source: str
    checked: str
    attempts: int
    destinations: int = 0
    addresses: int = 0
    returns: float = 0.0
    repeats: float = 0.0
    unanswered: float = 0.0
    answered: float = 0.0
    told: float = 0.0
    minutes: float = 0.0
    days: int = 0
    submission: float = 0.0
    returned: float = 0.0
    busy: float = 0.0
    calm: float = 0.0
    slow: bool = False
    delivered: float = 0.0
    callers: int = 0
    called: int = 0
    published: bool = False
    makers: tuple[str, ...] = ()
    past: Past | None = None
    episode: Episode | None = None
    declare: int | None = None
    recognize: bool = True


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """data/roles.toml."""

    checked: str
    source: str
    role: dict[str, Role]


class Profile(NamedTuple):
    """What a log shows of one device."""

    attempts: int
    destinations: int  # networks
    addresses: int
    regular: int  # networks that it attempted at least `REGULAR` times
    known: int  # attempts whose outcome is known
    unanswered: int  # of those
    seconds: float  # from the first to the last
    days: int  # with attempts
    hours: int  # with attempts
    returned: int  # networks that it contacted on more than one day
    burst: bool  # the fast score crossed its threshold
    submission: int  # attempts on 465 and 587
    delivered: int  # attempts that our own mail log shows as deliveries
    called: int  # networks outside that called its port 25
    callers: int  # those of them that it answered
    published: bool  # a mail host by the DNS of a domain of ours
    vendor: str


@lru_cache(maxsize=1)
def load() -> Mapping[str, Role]:
    """The roles by name, in their order."""
    return catalogue.read("roles", Roles).role


def declarable() -> tuple[str, ...]:
    """The names that a person may give a device."""
    return tuple(name for name, role in load().items() if role.declare is not None)


def sender() -> Role:
    """What `senders` in the configuration and `--sender` declare: that it sends, not what it is."""
    return Role(
        title="declared mail sender",
        because="it is declared as a mail sender",
        excuses="all",
        source="the person's configuration",
        checked="",
        attempts=0,
        past=load()["mail-server"].past,
        declare=0,
    )


def declared(names: AbstractSet[str], senders: Iterable[str], roles: Mapping[str, str]) -> Role | None:
    """The role that the person gave a device of these addresses and MACs; `roles` goes first."""
    named = next((role for text, role in roles.items() if spelled(text) in names), None)
    if named is not None:
        role = load()[named]
        return structs.replace(role, because=f"it is declared as {a(role.title)}")
    return sender() if any(spelled(text) in names for text in senders) else None


def a(noun: str) -> str:
    """The noun with its article."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def spelled(text: str) -> str:
    """An address or a MAC in its one form; "" for neither."""
    return net.mac(text) or str(net.ip(text) or "")


def kept(profile: Profile, role: Role) -> bool:
    """True when a device is not beyond what its declared role explains."""
    return not role.declare or profile.destinations <= role.declare


def explaining() -> Iterator[tuple[Role, Episode]]:
    """Roles that explain some of a device's attempts, which no profile of the whole device shows."""
    return ((role, role.episode) for role in load().values() if role.episode is not None)


def recognise(profile: Profile) -> Role | None:
    """The first role that fits, or None."""
    return next((role for role in load().values() if role.recognize and _fits(profile, role)), None)


def _fits(seen: Profile, role: Role) -> bool:
    return (
        seen.attempts >= role.attempts
        and (not role.destinations or seen.destinations <= role.destinations)
        and (not role.addresses or seen.addresses <= role.addresses)
        and seen.attempts >= role.repeats * seen.destinations
        and seen.regular >= role.returns * seen.destinations
        and (not role.unanswered or (seen.known > 0 and seen.unanswered >= role.unanswered * seen.known))
        and (not role.answered or seen.known - seen.unanswered >= role.answered * seen.known)
        and seen.known >= role.told * seen.attempts
        and (not role.minutes or seen.seconds <= role.minutes * 60)
        and (not role.days or _daily(seen, role.days))
        and seen.submission >= role.submission * seen.attempts
        and seen.returned >= role.returned * seen.destinations
        and seen.attempts >= role.busy * seen.hours
        and (not role.calm or seen.attempts <= role.calm * seen.hours)
        and not (role.slow and seen.burst)
        and seen.delivered >= role.delivered * seen.attempts
        and seen.callers >= role.callers
        and seen.called >= role.called
        and (not role.published or seen.published)
        and (not role.makers or seen.vendor.startswith(role.makers))
    )


def _daily(seen: Profile, days: int) -> bool:
    """Attempts on so many days, and on most of the days there were."""
    return seen.days >= days and 2 * seen.days > seen.seconds / 86_400
