"""Why a device is named, or is not: one plain sentence with the numbers, for a person who decides by it."""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.columns import Flows
from unlisted.find.habit import HOUR, Stretch
from unlisted.find.roles import Past, Profile, Role, a
from unlisted.find.served import Rows
from unlisted.find.submitted import Heavy
from unlisted.find.trip import Near
from unlisted.messages import Device
from unlisted.show import count

CALLED = 3  # networks; as many as the role of a mail exchanger wants
CANDIDATES = 4  # MACs named where the leases leave several


_SCORES = {
    "fast": "the fast score, which counts new networks within minutes",
    "slow": "the slow score, which counts new networks over days",
    "fast and slow": "both scores, of minutes and of days",
}


class Crossing(NamedTuple):
    """Where a device tripped first."""

    row: int
    attempt: int  # how many it had made by then
    which: str  # of trip.SCORES


class Grounds(NamedTuple):
    """All that speaks for or against one device, as far as it goes into words."""

    flows: Flows
    rows: Rows  # its own, in order of time
    profile: Profile
    role: Role | None
    broken: Role | None  # declared, but the device goes beyond it
    crossed: Crossing | None
    near: Near  # how near to tripping it ever was
    departed: Stretch | None  # in which it left its own past
    cut: bool  # it looks like an account set-up, and the log ends before that can be told
    young: bool  # its past is too short to tell
    candidates: tuple[Device, ...]
    doubt: str
    heavy: Heavy | None  # the account that a server sent for


def called(profile: Profile) -> bool:
    """True when it may be a mail server: servers outside call its port 25, and its mail is answered."""
    return profile.called >= CALLED and 2 * profile.unanswered <= profile.known


def halfway(near: Near) -> bool:
    """True when a score passed half of its threshold."""
    return 2 * near.score >= near.threshold


def because(seen: Grounds) -> str:
    """The sentences in one text."""
    told = _made(seen)
    if seen.role is not None:
        told = f"{'it looks like ' if seen.cut else ''}{seen.role.because}: {told}"
    if seen.broken is not None:
        told += (
            f"; it is declared as {a(seen.broken.title)}, which contacts at most"
            f" {count(seen.broken.declare or 0, 'network')}"
        )
    if seen.departed is not None and seen.role is not None and seen.role.past is not None:
        told += ". " + _departure(seen.departed, seen.role.past)
    elif seen.crossed is not None and (seen.role is None or seen.role.excuses != "all" or seen.cut):
        told += "; " + _crossing(seen, seen.crossed)
    elif seen.crossed is not None and seen.young and seen.role is not None and seen.role.past is not None:
        days = seen.role.past.days
        told += (
            f". Its own past says nothing yet: that wants more than {days:g} {'day' if days == 1 else 'days'}"
        )
    elif seen.role is None and halfway(seen.near):
        told += f"; it passed half of the threshold of {_SCORES[seen.near.which]}"
    if seen.cut:
        told += (
            ". The log ends too soon after it: if the next hour shows only a few of these servers, it was a"
            " new account; if it shows further ones, it is a bot. Give a log that goes on, or ask its owner"
        )
    if seen.role is not None and seen.role.excuses == "naming" and seen.crossed is not None:
        told += ". A bot that ran as long would look the same: a mail server of yours is named with --sender"
    if seen.candidates:
        macs = " or ".join(one.mac for one in seen.candidates[:CANDIDATES])
        told += f". The leases do not say which device had the address then: {macs}"
    if seen.heavy is not None:
        told += f". {seen.heavy.sentence()}"
    return f"{told}. {seen.doubt[0].upper()}{seen.doubt[1:]}" if seen.doubt else told


def _made(seen: Grounds) -> str:
    """What it did, in numbers."""
    flows, rows, profile = seen.flows, seen.rows, seen.profile
    addresses = int(np.unique(flows.dst[rows]).size)
    ports = sorted({net.MAIL_PORTS[port] for port in np.unique(flows.port[rows])})
    made = (
        f"{count(profile.attempts, 'attempt')} on port {', '.join(map(str, ports))}"
        f" to {count(addresses, 'address', 'addresses')} in {count(profile.destinations, 'network')}"
    )
    if profile.attempts > 1:
        made += f" within {span(profile.seconds)}" if profile.seconds else " at one moment of the log"
    if profile.known:
        answered = profile.known - profile.unanswered
        made += f", {answered:,} of {profile.known:,} answered" if answered else ", none answered"
    return made


def _crossing(seen: Grounds, crossed: Crossing) -> str:
    """Where a score crossed its threshold."""
    took = int(seen.flows.at[crossed.row] - seen.flows.at[seen.rows[0]]) / 1e6
    when = f"{span(took)} after the first" if took else "at the same moment of the log as the first"
    told = f"attempt {crossed.attempt}, {when}, crossed the threshold of {_SCORES[crossed.which]}"
    if seen.role is None and called(seen.profile):
        told += ". Servers outside call its port 25: if it is a mail server of yours, name it (--sender)"
    return told


def _departure(seen: Stretch, past: Past) -> str:
    """The hour, or the day, in which a sender by trade left its own past."""
    ended = "were answered" if past.answered else "did not fail"
    unit = "hour" if seen.unit == HOUR else "day"
    begin = datetime.fromtimestamp(seen.start / 1e6, UTC)
    what, many, usual = (
        ("contacted {} for the first time", count(seen.new, "network"), seen.usual_new)
        if seen.by_new
        else ("made {}", f"{count(seen.volume, 'attempt')} that {ended}", seen.usual_volume)
    )
    told = (
        f"In the {unit} from {begin:%Y-%m-%d %H:%M}Z it {what.format(many)}, after at most {usual:,} in the"
        f" busy {unit}s of the {span(seen.before / 1e6)} before"
    )
    if seen.by_new and seen.failed > seen.usual_failed:
        told += f"; {seen.failed:.0%} of them did not answer, {seen.usual_failed:.0%} of the new ones before"
    return (
        f"{told}. It may be abused: look for one account, script or host in the mail log"
        f" ({past.alike} looks alike)"
    )


def span(seconds: float) -> str:
    """A length of time in words that a person would use."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
