"""Why a device is named, or is not: one plain sentence with the numbers, for a person who decides by it."""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.columns import Flows
from unlisted.find.habit import Hour
from unlisted.find.roles import Profile, Role
from unlisted.find.served import Rows
from unlisted.messages import Device

CALLED = 3  # networks; as many as the role of a mail exchanger wants
CANDIDATES = 4  # MACs named where the leases leave several


class Grounds(NamedTuple):
    """All that speaks for or against one device, as far as it goes into words."""

    flows: Flows
    rows: Rows  # its own, in order of time
    profile: Profile
    role: Role | None
    broken: Role | None  # declared, but the device goes beyond it
    crossed: tuple[int, int, str] | None  # row, how many-eth attempt, by which score
    half: bool  # of a threshold
    hour: Hour | None  # in which it left its own past
    young: bool  # its past is too short to tell
    candidates: tuple[Device, ...]
    doubt: str


def because(seen: Grounds) -> str:
    """The sentences in one text."""
    told = _made(seen)
    if seen.role is not None:
        told = f"{seen.role.because}: {told}"
    if seen.broken is not None:
        told += (
            f"; it is declared as {_a(seen.broken.title)}, which contacts at most {seen.broken.declare:,}"
            " networks"
        )
    if seen.hour is not None:
        told += ". " + _departure(seen.hour)
    elif seen.crossed is not None and (seen.role is None or seen.role.excuses != "all"):
        told += "; " + _crossing(seen, *seen.crossed)
    elif seen.crossed is not None and seen.young and seen.role is not None and seen.role.past is not None:
        days = seen.role.past.days
        told += (
            f". Its own past says nothing yet: that wants more than {days:g} {'day' if days == 1 else 'days'}"
        )
    elif seen.role is None and seen.half:
        told += "; its score passed half of the threshold"
    if seen.role is not None and seen.role.excuses == "naming" and seen.crossed is not None:
        told += ". A bot that ran as long would look the same: a mail server of yours is named with --sender"
    if seen.candidates:
        macs = " or ".join(one.mac for one in seen.candidates[:CANDIDATES])
        told += f". The leases do not say which device had the address then: {macs}"
    return f"{told}. {seen.doubt[0].upper()}{seen.doubt[1:]}" if seen.doubt else told


def _made(seen: Grounds) -> str:
    """What it did, in numbers."""
    flows, rows, profile = seen.flows, seen.rows, seen.profile
    addresses = int(np.unique(flows.dst[rows]).size)
    ports = sorted({net.MAIL_PORTS[port] for port in np.unique(flows.port[rows])})
    made = (
        f"{profile.attempts:,} {'attempt' if profile.attempts == 1 else 'attempts'} on port"
        f" {', '.join(map(str, ports))} to {addresses:,} {'address' if addresses == 1 else 'addresses'}"
        f" in {profile.destinations:,} {'network' if profile.destinations == 1 else 'networks'}"
    )
    if profile.attempts > 1:
        made += f" within {span(profile.seconds)}" if profile.seconds else " at one moment of the log"
    if profile.known:
        answered = profile.known - profile.unanswered
        made += f", {answered:,} of {profile.known:,} answered" if answered else ", none answered"
    return made


def _crossing(seen: Grounds, row: int, count: int, score: str) -> str:
    """Where the score crossed its threshold."""
    took = int(seen.flows.at[row] - seen.flows.at[seen.rows[0]]) / 1e6
    when = f"{span(took)} after the first" if took else "at the same moment of the log as the first"
    told = f"attempt {count}, {when}, crossed the threshold{score}"
    if seen.role is None and seen.profile.called >= CALLED:
        told += ". Servers outside call its port 25: if it is a mail server of yours, name it (--sender)"
    return told


def _departure(hour: Hour) -> str:
    """The hour in which a sender by trade left its own past."""
    begin = datetime.fromtimestamp(hour.start / 1e6, UTC)
    told = (
        f"In the hour from {begin:%Y-%m-%d %H:%M}Z it contacted {hour.new:,} networks for the first time"
        f" (at most {hour.usual_new:,} in the busy hours of the {span(hour.hours * 3600.0)} before) with"
        f" {hour.attempts:,} attempts (at most {hour.usual_attempts:,})"
    )
    if hour.failed > hour.usual_failed:
        told += f"; {hour.failed:.0%} of the new ones did not answer, {hour.usual_failed:.0%} before"
    return told + (
        ". It may be abused: look for one account, script or host in its mail log (a newsletter looks alike)"
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def span(seconds: float) -> str:
    """A length of time in words that a person would use."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
