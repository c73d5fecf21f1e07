"""Which device did it: the trip's scores, who the devices are and what they may do, made into a ranked list.

A verdict is `rogue` (over the threshold), `suspect` (over half of it, with fan-out and no honest role; or
a sender by trade that left its own past; or an address that may be nobody's) or `honest`. Each carries
the attempts that convinced us.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field, structs

from unlisted import net
from unlisted.find import clock, habit, roles, trip
from unlisted.find.because import Crossing, Grounds, because, called, halfway
from unlisted.find.cards import Devices, devices, filled
from unlisted.find.columns import OUTCOMES, Flows, columns
from unlisted.find.doubts import doubts
from unlisted.find.itself import Itself, itself
from unlisted.find.outgoing import Outgoing, outgoing
from unlisted.find.rotating import rotating
from unlisted.find.served import Deliveries, Rows, Served
from unlisted.find.side import blind, bridged, left_out, may_be_ours, wrong_side
from unlisted.find.submitted import Heavy, Submitted
from unlisted.find.who import Identity, Who
from unlisted.messages import Device, Suspect
from unlisted.net import Address, Network

QUOTED = 10  # lines of evidence for each device
FAN_OUT = 3  # networks; fewer are no fan-out, whatever the score
REPEATS = 20  # attempts a network; who comes back that often is a program that retries, or a relay's user
DAY = 86_400_000_000  # microseconds
NOBODY = (0, 0)
_PORT_25, _ANSWERED = 0, OUTCOMES.index("answered")


class Setting(Struct, frozen=True):
    """What the person told us."""

    inside: tuple[Network, ...] = net.INSIDE
    own: tuple[Address, ...] = ()
    senders: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)  # address or MAC -> name in data/roles.toml
    published: tuple[Address, ...] = ()  # mail hosts by the DNS of our domains


class Findings(NamedTuple):
    """The answer, what must be said beside it, and whether the evidence could tell at all."""

    suspects: list[Suspect]  # the worst first; evidence without text
    notes: list[str]
    told: bool
    outer: bool = False  # only sources that are not inside: `--inside` may be what is missing
    steps: Mapping[str, str] = {}  # the next step by the device's key, where it is not the usual one


class Sorted(NamedTuple):
    """The attempts that count, each with its device."""

    out: Outgoing
    made: Devices
    notes: list[str]
    itself: Itself  # what the logging machine sent


def sort_out(flows: Flows, who: Who, setting: Setting) -> Sorted | Findings:
    """The attempts that count with their devices; what is to be said where no device can be told."""
    macs = who.macs(lambda address: net.inside(address, setting.inside))
    flows, stepped = clock.steady(flows)
    out = outgoing(flows, setting.inside, macs, setting.own)
    notes = [*stepped, *left_out(out, setting.own)]
    declared = {roles.spelled(text) for text in (*setting.senders, *setting.roles)}

    def is_machine(one: Address) -> bool:
        return str(one) in declared or any(span.dated for span in who.spans(one))

    if reason := wrong_side(out, setting.own, is_machine):
        return Findings([], [reason], told=False, outer=may_be_ours(out))
    own = itself(out.flows, is_machine)
    notes += own.notes
    out = structs.replace(out, flows=filled(out.flows.rows(~own.gateway)))
    if own.gateway.any() and not out.flows.size:
        return Findings([], notes, told=False)
    if not out.flows.size:
        nothing = ["no attempt on a mail port left the own network in these"] if flows.size else []
        return Findings([], notes + nothing, told=False)
    made = devices(out.flows, who)
    notes += made.notes
    if who.forgotten:
        notes.append(f"{who.forgotten:,} old facts of who had an address were forgotten: it has too many")
    return Sorted(out, made, notes, own)


def judge(flows: Flows, who: Who, setting: Setting, deliveries: Deliveries | None = None) -> Findings:
    """Every device that made attempts, the worst first."""
    sorted_out = sort_out(flows, who, setting)
    if isinstance(sorted_out, Findings):
        return sorted_out
    out, made, notes, own = sorted_out
    attempts, table = columns(out.flows, made.id), trip.load()
    state, alarms = trip.advance(trip.State.new(len(made.who)), attempts, table)
    first = {int(d): i for i, d in reversed(list(enumerate(alarms.device)))}
    suspects, steps, groups = list[Suspect](), dict[str, str](), list(_by_device(made.id))
    served = deliveries.server(out.flows, groups) if deliveries else Served()
    if served.skew:
        notes.append(f"the mail log's clock stands {served.skew / 3600:+g} h from the gateway's: taken so")
    doubtful = doubts(out.flows, made, who)
    notes += doubtful.notes
    for number, rows in groups:
        alarm = first.get(number)
        addresses = _sources(out.flows, rows)
        unsure = own.doubt(addresses) or bridged(addresses, made.who[number].device.mac)
        seen = _Seen(
            flows=out.flows,
            rows=rows,
            prefixes=attempts.prefix[rows],
            who=made.who[number],
            addresses=addresses,
            near=trip.highest(state, number, table),
            crossed=None if alarm is None else _crossing(alarms, alarm),
            delivered=served.delivered if number == served.device else 0,
            callers=max(out.callers.get(address, NOBODY) for address in addresses),
            submitted=Submitted() if deliveries is None else deliveries.submitted,
            skew=served.skew,
            doubt=". ".join(filter(None, (doubtful.why.get(number, ""), unsure))),
            nobody=number in doubtful.nobody or bool(unsure),
        )
        one, step = _suspect(seen, setting)
        suspects.append(one)
        steps |= {one.device.key: step} if step else {}
    order: Mapping[str, int] = {"rogue": 0, "suspect": 1, "honest": 2}
    suspects.sort(key=lambda one: (order[one.verdict], -one.score, -one.attempts, one.device.key))
    shifting = list(rotating(out.flows, made, table))
    notes += shifting
    hidden = own.weighs or blind(out, setting.own)
    told = any(one.verdict != "honest" for one in suspects) or not (hidden or shifting)
    if hidden and not told:
        notes.append("could not tell: of too many attempts this log does not show who made them inside")
    return Findings(suspects, notes, told, steps=steps)


def _crossing(alarms: trip.Alarms, place: int) -> Crossing:
    row, attempt, which = (int(column[place]) for column in (alarms.row, alarms.attempt, alarms.which))
    return Crossing(row, attempt, trip.SCORES[which])


def _by_device(ids: npt.NDArray[np.int32]) -> Iterator[tuple[int, Rows]]:
    order = np.argsort(ids, kind="stable")
    bounds = np.flatnonzero(np.diff(ids[order])) + 1
    for rows in np.split(order, bounds):
        if len(rows):
            yield int(ids[rows[0]]), rows


def _sources(flows: Flows, rows: Rows) -> list[Address]:
    return [flows.addresses[source] for source in np.unique(flows.src[rows])]


class _Seen(NamedTuple):
    """One device and all that speaks for or against it."""

    flows: Flows
    rows: Rows
    prefixes: npt.NDArray[np.int64]  # destination networks of the rows
    who: Identity
    addresses: list[Address]
    near: trip.Near  # how near to tripping it ever was
    crossed: Crossing | None
    delivered: int
    callers: tuple[int, int]  # networks outside that called its port 25, and those of them that it answered
    submitted: Submitted  # what was handed to our mail server
    skew: int  # seconds by which the mail log's clock stands ahead
    doubt: str
    nobody: bool  # its address may be nobody's


class _Verdict(NamedTuple):
    verdict: str
    role: roles.Role | None = None
    flagged: tuple[int, int] | None = None  # row, how many-eth attempt
    departed: habit.Stretch | None = None
    broken: roles.Role | None = None


def _suspect(seen: _Seen, setting: Setting) -> tuple[Suspect, str]:
    """One device judged, and the next step where it is not the usual one."""
    flows, rows = seen.flows, seen.rows
    profile = _profile(seen, setting.published)
    judged = _verdict(seen, profile, setting)
    heavy = _heavy(seen, profile, judged)
    flagged = judged.flagged
    upto = int(np.searchsorted(rows, flagged[0], side="right")) if flagged else QUOTED
    telling = rows[max(0, upto - QUOTED) : max(upto, QUOTED)][:QUOTED]
    grounds = Grounds(
        flows=flows,
        rows=rows,
        profile=profile,
        role=judged.role,
        broken=judged.broken,
        crossed=seen.crossed,
        near=seen.near,
        departed=judged.departed,
        young=judged.departed is None and _young(profile, judged.role),
        candidates=seen.who.candidates,
        doubt=seen.doubt,
        heavy=heavy,
    )
    made = Suspect(
        device=_first_seen(seen.who.device, int(flows.at[rows[0]]) / 1e6),
        verdict=judged.verdict,
        score=round(seen.near.score / trip.NATS, 3),
        attempts=len(rows),
        destinations=int(np.unique(flows.dst[rows]).size),
        flagged_at=int(flows.at[flagged[0]]) / 1e6 if flagged else None,
        flagged_after=flagged[1] if flagged else None,
        role=judged.role.title if judged.role else "",
        because=because(grounds),
        evidence=flows.evidence([int(row) for row in telling]),
    )
    if judged.verdict != "suspect" or (heavy is None and not (judged.role is None and called(profile))):
        return made, ""
    look = "unlisted investigate FOLDER, with its mail log"
    if heavy is not None:
        return (
            made,
            f"{look}: look at account {heavy.account[:80]} and its client {heavy.client or 'unknown'}",
        )
    return made, f"the same with --sender {seen.addresses[0]} if that is your mail server; else {look}"


def _heavy(seen: _Seen, profile: roles.Profile, judged: "_Verdict") -> Heavy | None:
    """The account that a mail server sent for."""
    serves = called(profile) if judged.role is None else judged.role.past is not None
    if judged.verdict == "honest" or not (serves or seen.delivered):
        return None
    first, last = (int(seen.flows.at[seen.rows[place]]) / 1e6 + seen.skew for place in (0, -1))
    heavy = seen.submitted.heaviest(first, last)
    return heavy if heavy is None or heavy.client not in seen.addresses else None


def _verdict(seen: _Seen, profile: roles.Profile, setting: Setting) -> _Verdict:
    """Roles come before thresholds; whom an address belongs to, before the name."""
    names = {seen.who.device.mac, *map(str, seen.addresses)} - {""}
    role, broken = roles.declared(names, setting.senders, setting.roles), None
    if role is not None and not roles.kept(profile, role):
        role, broken = None, role
    elif role is None:
        role = roles.recognise(profile)
    crossed = (seen.crossed.row, seen.crossed.attempt) if seen.crossed else None
    if role is None or role.excuses == "low":
        if crossed is not None:
            doubtful = seen.nobody or called(profile)
            return _Verdict("suspect" if doubtful else "rogue", None, crossed, broken=broken)
        wide = profile.destinations >= FAN_OUT and profile.attempts < REPEATS * profile.destinations
        half = role is None and wide and halfway(seen.near)
        return _Verdict("suspect" if half else "honest", role, broken=broken)
    if (left := _departure(seen, role)) is not None:
        return _Verdict("suspect", role, (int(seen.rows[left.row]), left.row + 1), left)
    if role.excuses == "naming" and crossed is not None:
        return _Verdict("suspect", role, crossed)
    return _Verdict("honest", role)


def _departure(seen: _Seen, role: roles.Role) -> habit.Stretch | None:
    """Where a sender by trade left its own past, if its role is held to it."""
    if role.past is None:
        return None
    fresh = np.zeros(len(seen.rows), np.bool_)
    fresh[np.unique(seen.prefixes, return_index=True)[1]] = True
    outcome = seen.flows.outcome[seen.rows]
    volume = outcome == _ANSWERED if role.past.answered else outcome <= _ANSWERED
    return habit.departure(seen.flows.at[seen.rows], fresh, outcome > _ANSWERED, volume, role.past)


def _young(profile: roles.Profile, role: roles.Role | None) -> bool:
    return role is not None and role.past is not None and profile.seconds < role.past.days * 86_400


def _first_seen(device: Device, attempt: float) -> Device:
    known = device.first_seen
    return structs.replace(device, first_seen=attempt if known is None else min(known, attempt))


def _profile(seen: _Seen, published: Iterable[Address]) -> roles.Profile:
    flows, rows = seen.flows, seen.rows
    outcome = flows.outcome[rows]
    _, visits = np.unique(seen.prefixes, return_counts=True)
    return roles.Profile(
        attempts=len(rows),
        destinations=len(visits),
        addresses=int(np.unique(flows.dst[rows]).size),
        regular=int((visits >= roles.REGULAR).sum()),
        known=int((outcome > 0).sum()),
        unanswered=int((outcome > _ANSWERED).sum()),
        seconds=int(flows.at[rows[-1]] - flows.at[rows[0]]) / 1e6,
        days=int(np.unique(flows.at[rows] // DAY).size),
        submission=int((flows.port[rows] != _PORT_25).sum()),
        delivered=seen.delivered,
        called=seen.callers[0],
        callers=seen.callers[1],
        published=not set(published).isdisjoint(seen.addresses),
        vendor=seen.who.device.vendor,
    )
