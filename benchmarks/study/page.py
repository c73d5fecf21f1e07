"""docs/study.md: a table for each question."""

import math

import numpy as np

from study import HELD_OUT, REPORTED, TUNING, bots, honest, measure, real, run
from study.judged import Verdicts
from study.measure import OURS, TRW, TRW5, TWENTY, Caught, Exposure, Runs
from study.run import Results
from unlisted.find import trip

TARGET = 1e-3  # false holds a device-year for plain devices
NEAR = 1.3  # times the bound
BESIDE = (OURS, TRW, TRW5, TWENTY)


def render(results: Results) -> str:
    """The page."""
    return "\n\n".join(
        [
            _head(results),
            _short(results),
            _bots(results),
            _beside(results.caught),
            _bound(results.caught),
            _accused(results.exposed),
            _roles(results),
            _real(results.real),
            _assumed(),
            _limits(),
        ]
    ) + "\n"  # fmt: skip


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; numbers stand at the right."""
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    )


def _head(results: Results) -> str:
    years = sum(one.years for one in results.exposed if one.role.kind == honest.PLAIN)
    attempts = sum(one.attempts for one in results.exposed)
    scale = "" if results.scale >= 1 else f" **A quick run: {results.scale:.0%} of the devices, one seed.**"
    return f"""# How soon the trip sees a bot, and whom it accuses

Made by `make study`; the same seeds give the same text. **All volume here is synthetic**: traffic of generators
whose numbers are fitted on real traces where there are any and assumed where there are none (marked below).{scale}

- The detector is the one that the program runs, `find/trip.py: advance`, with `data/trip.toml`
  (its numbers: sha256 `{run.fingerprint()}`), fixed before these seeds were run.
- The figures come from the seeds {REPORTED} and up. Tuning may use the seeds {TUNING[0]} to {TUNING[-1]} only, and never the
  families {" and ".join(sorted(HELD_OUT))} (marked "held out").
- Honest devices: {attempts:,} attempts; {years:,.0f} device-years of plain devices (mail programs, copiers, relay
  users, stuck clients)."""


def _short(results: Results) -> str:
    plain = [one for one in results.exposed if one.role.kind == honest.PLAIN]
    years, count = sum(one.years for one in plain), sum(one.accused[OURS].alarms for one in plain)
    rate = (
        f"none, so at 95 % less than {3 / years:.2g}"
        if not count
        else f"{count:,}, which is {count / years:.2g}"
    )
    missed = [
        f"{one.family.name} ({one.runs[OURS].caught:.0%} flagged)"
        for one in results.caught
        if one.runs[OURS].caught < 0.99
    ]
    alarmed = [
        f"{one.role.name} ({one.accused[OURS].alarms / one.years:.2g})"
        for one in results.exposed
        if one.accused[OURS].alarms
    ]
    still = [
        f"{role.name} ({seen.accused} of {seen.devices})"
        for role, seen in zip(honest.ROLES, results.judged, strict=True)
        if seen.accused
    ]
    far = [
        f"{one.family.name} ({ratio:.1f})"
        for one in results.caught
        if NEAR < (ratio := _ratio(one)) < math.inf and one.family.detectable
    ]
    goal = "reached" if (count or 3) / years < TARGET else "**not reached**"
    return f"""## In short

- Plain devices: false alarms of the kernel alone: {rate} a device-year. The goal, under {TARGET:g}, is {goal}.
- Families that the kernel does not always flag: {_listed(missed)}.
- Families flagged later than {NEAR} times the bound, in the mean: {_listed(far)}.
- Roles on which the kernel alone trips (alarms a device-year): {_listed(alarmed)}.
- Roles that `find` still accuses, as rogue or suspect, when nothing is declared: {_listed(still)}."""


def _listed(many: list[str]) -> str:
    return ", ".join(many) if many else "none"


def _bots(results: Results) -> str:
    rows = []
    for one, seen in zip(results.caught, results.found, strict=True):
        runs = one.runs[OURS]
        middle, late = runs.at(0.5), runs.at(0.95)
        rows.append(
            [
                _family(one.family),
                f"{runs.caught:.1%}",
                f"{_number(middle[0])} / {_number(late[0])}",
                f"{_time(middle[1])} / {_time(late[1])}",
                f"{_number(middle[2])} / {_number(late[2])}",
                _verdicts(seen),
            ]
        )
    head = ["family", "flagged", "attempts", "time", "got out", "`find` says"]
    return f"""## How soon is each kind of bot flagged?

Median / 95th percentile over all infected devices; "never" where so many were not flagged. *Attempts* and *time*
count from its first spam. *Got out* are connections that were answered before a hold that comes
{measure.HOLD / 1000:g} ms after the flag, or in all that was watched when no hold came. `find` is the whole program, with
roles, on the log of up to 100 of them.

{table(head, rows)}"""


def _beside(caught: list[Caught]) -> str:
    names = (OURS, measure.BLIND, TRW, TRW5, TWENTY)
    rows = [[_family(one.family), *(_reach(one.runs[name]) for name in names)] for one in caught]
    return f"""## And by other detectors, on the same attempts?

Share flagged: median / 95th percentile of attempts. TRW is the threshold random walk of Jung et al. (IEEE S&P 2004)
with theta 0.8 and 0.2, beta 0.01 and alpha 1e-2 or 1e-5, on first contacts with a known outcome; it begins anew
after each verdict. Where outcomes are unknown (most packet logs) it says nothing at all; the second column is the
trip without them.

{table(["family", *names], rows)}

![Delays](study-delays.svg)"""


def _bound(caught: list[Caught]) -> str:
    rows = []
    for one in caught:
        if "beside" in one.family.name:
            continue
        runs = one.runs[OURS].attempts
        mean = float(runs[np.isfinite(runs)].mean()) if np.isfinite(runs).any() else math.inf
        rows.append(
            [
                _family(one.family),
                f"{one.bound.nats:.2f}",
                _decimal(one.bound.attempts),
                _decimal(mean),
                _decimal(_ratio(one), 2),
            ]
        )
    head = ["family", "nats an attempt", "log(ARL)/KL", "mean attempts", "ratio"]
    return f"""## How near is that to the bound?

Page's and Lorden's bound for the mean delay is log(ARL)/KL: the threshold ({_height()})
over what an attempt of the family adds in the mean (over its first {measure.BEGINNING}, by the table's own likelihoods). The
goal is within {NEAR}. Below 1 is possible: the first attempts of a family may tell more than its mean.

{table(head, rows)}"""


def _height() -> str:
    return f"{trip.load().threshold / trip.NATS:g} nats"


def _ratio(one: Caught) -> float:
    runs = one.runs[OURS].attempts
    if not np.isfinite(runs).any() or not math.isfinite(one.bound.attempts):
        return math.inf
    return float(runs[np.isfinite(runs)].mean()) / one.bound.attempts


def _accused(exposed: list[Exposure]) -> str:
    rows = [
        [
            one.role.name,
            f"{one.years:,.{0 if one.years >= 10 else 2}f}",
            f"{one.attempts:,}",
            *(_rate(one, name) for name in BESIDE),
        ]
        for one in exposed
    ]
    head = ["role", "device-years", "attempts", *BESIDE]
    return f"""## Who is accused wrongly, by the kernel alone?

Alarms: their number, and how many a device-year; where there was none, the rate that can be excluded at 95 %
(three over the device-years). Roles are not asked here, so mail servers and newsletter hosts trip by design.

{table(head, rows)}

![False alarms](study-alarms.svg)"""


def _rate(one: Exposure, name: str) -> str:
    count = one.accused[name].alarms
    return f"{count:,} ({count / one.years:.2g})" if count else f"0 (< {3 / one.years:.2g})"


def _roles(results: Results) -> str:
    rows = []
    for role, seen in zip(honest.ROLES, results.judged, strict=True):
        called = seen.called["rogue"] + seen.called["suspect"]
        declared = seen.declared["rogue"] + seen.declared["suspect"]
        rows.append(
            [
                role.name,
                f"{seen.devices}",
                *(f"{seen.bare[verdict]}" for verdict in ("rogue", "suspect", "honest")),
                f"{declared}",
                f"{called}",
                ", ".join(f"{title} {count}" for title, count in sorted(seen.roles.items())),
            ]
        )
    head = ["role", "devices", "rogue", "suspect", "honest", "declared", "called", "named as"]
    return f"""## And by `find`, where roles come before thresholds?

Devices of one seed, each with a gateway log of at most 30 days and nothing else: no leases, no mail log. *Declared*
and *called*: how many are still accused when each is declared as a sender, or when five networks outside are
seen to bring mail to its port 25.

{table(head, rows)}"""


def _real(seen: real.Real | None) -> str:
    title = "## On the one real bot (**real**: CTU-13 scenario 6, DonBot)"
    if seen is None:
        return f"{title}\n\nNot run: the corpora were not there (`UNLISTED_CORPORA`)."
    rows = [
        [
            f"every attempt, {len(runs[OURS].attempts)} run" if part == 1
            else f"1/{part} of them, {len(runs[OURS].attempts)} thinnings",
            *(_reach(runs[name]) for name in BESIDE), _time(runs[OURS].at(0.5)[1]),
        ]
        for part, runs in seen.runs.items()
    ]  # fmt: skip
    accused = ", ".join(f"{name} {count}" for name, count in seen.accused.items())
    return f"""{title}

{table(["kept", *BESIDE, "trip: time"], rows)}

The {seen.others} honest hosts of the trace, {seen.hours:.1f} h ({seen.others * seen.hours / 8766:.3f} device-years, which proves
little), accused: {accused}."""


def _assumed() -> str:
    bots_ = [[_family(one), one.numbers] for one in bots.FAMILIES]
    roles = [[one.name, one.numbers] for one in honest.ROLES]
    return f"""## What was assumed

**R** fitted on a real trace, **L** from literature, **A** assumed.

{table(["family", "numbers"], bots_).replace("---:", "---")}

{table(["role", "numbers"], roles).replace("---:", "---")}"""


def _limits() -> str:
    return """## What this does not show

- Real honest traffic in volume: there was under 0.1 device-years of it. An alarm rate here is that of the generator.
- Abuse of the own relay, and a proxy that passes a stranger's bytes through: one destination, no fan-out. The trip is
  blind to both; the relay's own log is what tells.
- Independence: devices of one office set up accounts on the same day, and one provider moves for all at once.
- Outcomes as a gateway would know them: here each attempt carries its own at once."""


def _family(one: bots.Family) -> str:
    marks = [mark for mark, on in (("held out", one.held_out), ("no fan-out", not one.detectable)) if on]
    return f"{one.name} ({', '.join(marks)})" if marks else one.name


def _verdicts(seen: Verdicts) -> str:
    return ", ".join(
        f"{verdict} {seen.bare[verdict]}" for verdict in ("rogue", "suspect", "honest") if seen.bare[verdict]
    )


def _reach(runs: Runs) -> str:
    if not runs.caught:
        return "none"
    return f"{runs.caught:.0%}: {_number(runs.at(0.5)[0])} / {_number(runs.at(0.95)[0])}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "never"


def _decimal(value: float, places: int = 1) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else "none"


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "never"
    for limit, unit, name in ((1, 1e-3, "ms"), (120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}" if seconds / unit < 10 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.1f} d"
