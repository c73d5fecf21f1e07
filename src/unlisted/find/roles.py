"""Roles: what a device honestly does on the mail ports, declared or recognized by data/roles.toml.

Roles come before thresholds: a mail server contacts thousands of destinations by design. A device that
only repeats a few destinations cannot have listed an address by fan-out, however often it calls.
"""

from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from unlisted import catalogue, net
from unlisted.messages import Device


class Role(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of data/roles.toml; its head says what each limit means. 0 is no limit."""

    title: str
    because: str
    honest: bool
    source: str
    checked: str
    attempts: int
    destinations: int = 0
    repeats: float = 0.0
    unanswered: float = 0.0
    answered: float = 0.0
    minutes: float = 0.0
    submission: bool = False
    delivered: float = 0.0
    callers: int = 0


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """data/roles.toml."""

    checked: str
    source: str
    role: dict[str, Role]


DECLARED = Role(
    title="declared mail sender",
    because="it is declared as a mail sender",
    honest=True,
    source="the person's configuration",
    checked="",
    attempts=0,
)


class Profile(NamedTuple):
    """What a log shows of one device."""

    attempts: int
    destinations: int  # networks
    known: int  # attempts whose outcome is known
    unanswered: int  # of those
    seconds: float  # from the first to the last
    submission: int  # attempts on 465 and 587
    delivered: int  # attempts that our own mail log shows as deliveries
    callers: int  # networks outside that its port 25 answered


@lru_cache(maxsize=1)
def load() -> tuple[Role, ...]:
    """The roles in their order."""
    return tuple(catalogue.read("roles", Roles).role.values())


def declared(device: Device, senders: tuple[str, ...]) -> bool:
    """True when `senders` (addresses or MACs) names the device."""
    macs = {net.mac(text) for text in senders} - {""}
    return device.mac in macs or (device.address is not None and device.address in map(net.ip, senders))


def recognise(profile: Profile, roles: tuple[Role, ...]) -> Role | None:
    """The first role that fits, or None."""
    return next((role for role in roles if _fits(profile, role)), None)


def _fits(seen: Profile, role: Role) -> bool:
    return (
        seen.attempts >= role.attempts
        and (not role.destinations or seen.destinations <= role.destinations)
        and seen.attempts >= role.repeats * seen.destinations
        and (not role.unanswered or (seen.known > 0 and seen.unanswered >= role.unanswered * seen.known))
        and (not role.answered or seen.known - seen.unanswered >= role.answered * seen.known)
        and (not role.minutes or seen.seconds <= role.minutes * 60)
        and (not role.submission or seen.submission > 0)
        and seen.delivered >= role.delivered * seen.attempts
        and seen.callers >= role.callers
    )
