"""docs/study.md: a table for each question."""

import math
from collections import Counter
from textwrap import dedent, fill

import numpy as np

from study import HELD_OUT, REPORTED, TUNING, bots, honest, measure, real, run
from study.judged import Verdicts
from study.measure import BLIND, OURS, TRW, TRW5, TWENTY, Caught, Exposure, Runs
from study.run import Results
from unlisted.find import weights

TARGET = 1e-3  # false holds a device-year for plain devices
NEAR = 1.3  # times the bound
BESIDE = (OURS, TRW, TRW5, TWENTY)
_WIDTH = 110


def render(results: Results) -> str:
    """The page."""
    parts = [
        *_head(results),
        *_short(results),
        *_bots(results),
        *_beside(results.caught),
        *_bound(results.caught),
        *_accused(results.exposed),
        *_roles(results),
        *_real(results.real),
        *_assumed(),
        *_limits(),
    ]
    return "\n\n".join(parts) + "\n"


def words(text: str) -> str:
    """A paragraph."""
    return fill(" ".join(dedent(text).split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def points(*texts: str) -> str:
    """A list."""
    return "\n".join(
        fill(
            " ".join(one.split()), _WIDTH, initial_indent="- ", subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )
        for one in texts
    )  # fmt: skip


def table(head: list[str], rows: list[list[str]], *, left: bool = False) -> str:
    """A Markdown table; numbers stand at the right."""
    rule = ["---", *["---" if left else "---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def _head(results: Results) -> list[str]:
    years = sum(one.years for one in results.exposed if one.role.kind == honest.PLAIN)
    attempts = sum(one.attempts for one in results.exposed)
    quick = "" if results.scale >= 1 else f" **A quick run: {results.scale:.0%} of the devices, one seed.**"
    return [
        "# How soon the trip sees a bot, and whom it accuses",
        words(f"""
            Made by `make study`; the same seeds give the same text. **All volume here is synthetic**:
            traffic of generators whose numbers are fitted on real traces where there are any and assumed
            where there are none (marked below).{quick}"""),
        points(
            f"""The detector is the one that the program runs, `find/trip.py: advance`, with the numbers of
            `data/trip.toml` (sha256 `{run.fingerprint("trip")}`), which were chosen and frozen
            without any result of these seeds. What `find`
            says is by `find/rank.py: judge` and `data/roles.toml`
            (sha256 `{run.fingerprint("roles")}`).""",
            f"""The figures come from the seeds {REPORTED} and up. Tuning may use the seeds {TUNING[0]} to
            {TUNING[-1]} only, and never the families {" and ".join(sorted(HELD_OUT))} ("held out" below).""",
            f"""Honest devices: {attempts:,} attempts; {years:,.0f} device-years of plain devices (mail
            programs, copiers, relay users, stuck clients).""",
        ),
    ]


def _short(results: Results) -> list[str]:
    plain = [one for one in results.exposed if one.role.kind == honest.PLAIN]
    goal = " ".join(_goal(word, plain) for word in GOALS)
    missed = [
        f"{one.family.name} ({one.runs[OURS].caught:.1%} flagged)"
        for one in results.caught
        if one.runs[OURS].caught < 0.995
    ]
    late = [
        f"{one.family.name} ({ratio:.2f})"
        for one in results.caught
        if NEAR < (ratio := _ratio(one)) < math.inf
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
    return [
        "## In short",
        points(
            f"Plain devices; the goal is under {TARGET:g} alarms a device-year of the kernel alone. {goal}",
            f"Families that the kernel does not always flag: {_listed(missed)}.",
            f"Families flagged later than {NEAR} times the bound, in the mean: {_listed(late)}.",
            f"Roles on which the kernel alone trips, alarms a device-year: {_listed(alarmed)}.",
            f"""Roles that `find` still accuses, as rogue or suspect, when nothing is declared and there is
            nothing but a gateway log: {_listed(still)}.""",
        ),
    ]


GOALS = ("Reached", "**Missed**", "No alarm, but too few years to say so")


def _goal(word: str, plain: list[Exposure]) -> str:
    """The plain devices of which that is true."""
    many = []
    for one in plain:
        count = one.accused[OURS].alarms
        reached = (count or 3) / one.years < TARGET
        if word == GOALS[0 if reached else 1 if count else 2]:
            bound = "" if count else "< "
            many.append(f"{one.role.name} ({bound}{(count or 3) / one.years:.2g})")
    return f"{word}: {_listed(many)}."


def _listed(many: list[str]) -> str:
    return ", ".join(many) if many else "none"


def _bots(results: Results) -> list[str]:
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
                _counts(one.scores),
                _verdicts(seen),
            ]
        )
    head = ["family", "flagged", "attempts", "time", "got out", "by the score", "`find` says"]
    return [
        "## How soon is each kind of bot flagged?",
        words(f"""
            Median / 95th percentile over all infected devices; "never" where so many were not flagged.
            *Attempts* and *time* count from its first spam. *Got out* are the connections that were
            answered before a hold that comes {measure.HOLD / 1000:g} ms after the flag, or in all that was
            watched where no hold came. `find` is the whole program, with roles, on the gateway log of up to
            100 of them."""),
        table(head, rows),
    ]


def _beside(caught: list[Caught]) -> list[str]:
    names = [OURS, BLIND, TRW, TRW5, TWENTY]
    rows = [[_family(one.family), *(_reach(one.runs[name]) for name in names)] for one in caught]
    return [
        "## And by other detectors, on the same attempts?",
        words("""
            Share flagged: median / 95th percentile of attempts. TRW is the threshold random walk of Jung et
            al. (IEEE S&P 2004) with theta 0.8 and 0.2, beta 0.01 and alpha 1e-2 or 1e-5, on first contacts
            with a network (as the trip counts them) whose outcome is known; it begins anew
            after each verdict. Where outcomes are unknown, as in most packet logs, it says nothing at
            all; the second column is the trip without them."""),
        table(["family", *names], rows),
        "Connections that got out before the hold, median / 95th percentile:",
        table(
            ["family", *names],
            [[_family(one.family), *(_out(one.runs[name]) for name in names)] for one in caught],
        ),
        "![Share of infected devices flagged by their n-th spam attempt](study-delays.svg)",
    ]


def _bound(caught: list[Caught]) -> list[str]:
    rows = []
    for one in caught:
        found = one.bound
        rows.append(
            [
                _family(one.family),
                f"{found.fast:.2f}",
                f"{found.slow:.2f}",
                _decimal(found.attempts),
                _decimal(_mean(one)),
                _decimal(_ratio(one), 2),
            ]
        )
    given = weights.load()
    fast, slow = (height / weights.NATS for height in (given.fast_threshold, given.slow_threshold))
    return [
        "## How near is that to the bound?",
        words(f"""
            Page's and Lorden's bound for the mean delay is log(ARL)/KL: the threshold ({fast:.1f} nats for
            the fast score, {slow:.1f} for the slow one) over what an attempt of the family adds in the mean
            (over its first {measure.BEGINNING}, by the table's own likelihoods), by the score that is
            sooner. The goal is within {NEAR}. Below 1 is possible: the first attempts of a family may tell
            more than the mean, and a flag is a whole attempt. The mean is of the devices that were flagged;
            an owner's mail counts against the delay and not in the bound."""),
        table(["family", "fast, nats", "slow, nats", "log(ARL)/KL", "mean attempts", "ratio"], rows),
    ]


def _mean(one: Caught) -> float:
    runs = one.runs[OURS].attempts
    return float(runs[np.isfinite(runs)].mean()) if np.isfinite(runs).any() else math.inf


def _ratio(one: Caught) -> float:
    """How many times the bound; infinite where there is none to speak of."""
    known = math.isfinite(_mean(one)) and math.isfinite(one.bound.attempts)
    return _mean(one) / one.bound.attempts if known else math.inf


def _accused(exposed: list[Exposure]) -> list[str]:
    rows = [
        [
            one.role.name,
            f"{one.years:,.{0 if one.years >= 10 else 2}f}",
            f"{one.attempts:,}",
            *(_rate(one, name) for name in measure.DETECTORS),
            f"{one.accused[OURS].devices:,} of {one.devices:,}",
            _counts(one.scores) or "none",
        ]
        for one in exposed
    ]
    return [
        "## Who is accused wrongly, by the kernel alone?",
        words("""
            Alarms: their number, and how many a device-year; where there was none, the rate that can be
            excluded at 95 % (three over the device-years). Then, of the trip: devices with any alarm, and
            the score that crossed. Roles are not asked here, so mail servers and newsletter hosts trip by
            design."""),
        table(["role", "device-years", "attempts", *measure.DETECTORS, "devices", "by the score"], rows),
        "![False alarms by role](study-alarms.svg)",
    ]


def _rate(one: Exposure, name: str) -> str:
    count = one.accused[name].alarms
    return f"{count:,} ({count / one.years:.2g})" if count else f"0 (< {3 / one.years:.2g})"


def _roles(results: Results) -> list[str]:
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
                _counts(seen.roles),
            ]
        )
    head = ["role", "devices", "rogue", "suspect", "honest", "declared", "called", "named as"]
    return [
        "## And by `find`, where roles come before thresholds?",
        words("""
            Devices of one seed, each with a gateway log of at most 30 days and nothing else: no leases, no
            mail log. *Declared* and *called*: how many are still accused when each is declared as a sender,
            or when five networks outside are seen to bring mail to its port 25."""),
        table(head, rows),
    ]


def _real(seen: real.Real | None) -> list[str]:
    title = "## On the one real bot (**real**: CTU-13 scenario 6, DonBot)"
    if seen is None:
        return [title, "Not run: the corpora were not there (`UNLISTED_CORPORA`)."]
    rows = []
    for part, runs in seen.runs.items():
        count = len(runs[OURS].attempts)
        kept = f"1/{part} of them, {count} thinnings" if part > 1 else "every attempt, one run"
        rows.append([kept, *(_reach(runs[name]) for name in BESIDE), _time(runs[OURS].at(0.5)[1])])
    accused = ", ".join(f"{name} {count}" for name, count in seen.accused.items())
    return [
        title,
        table(["kept", *BESIDE, "trip: time"], rows),
        words(f"""
            The {seen.others} honest hosts of the trace ({seen.hours:.1f} h,
            {seen.others * seen.hours / 8766:.3f} device-years, which proves little), accused:
            {accused}. Weights and generators were fitted on shares and gaps of this trace among others:
            it is a check, and no held-out proof. The bot was cut off: nobody answered it, so that nothing
            got out."""),
    ]


def _assumed() -> list[str]:
    return [
        "## What was assumed",
        "**R** fitted on a real trace, **L** from literature, **A** assumed.",
        table(["family", "numbers"], [[_family(one), one.numbers] for one in bots.FAMILIES], left=True),
        table(["role", "numbers"], [[one.name, one.numbers] for one in honest.ROLES], left=True),
    ]


def _limits() -> list[str]:
    return [
        "## What this does not show",
        points(
            """Real honest traffic in volume: there was under 0.1 device-years of it. A rate of alarms here
            is that of the generator.""",
            """Abuse of the own relay, and a proxy that passes a stranger's bytes through: one destination, no
            fan-out. The trip is blind to both; the relay's own log is what tells.""",
            """Dependence: the devices of one office set up accounts on the same day, and one provider moves
            for all at once. Here each is by itself.""",
            """Outcomes as a gateway comes to know them: here each attempt carries its own at once. The column
            without outcomes is the other end.""",
        ),
    ]


def _family(one: bots.Family) -> str:
    marks = [mark for mark, on in (("held out", one.held_out), ("no fan-out", not one.detectable)) if on]
    return f"{one.name} ({', '.join(marks)})" if marks else one.name


def _verdicts(seen: Verdicts) -> str:
    return ", ".join(
        f"{verdict} {seen.bare[verdict]}" for verdict in ("rogue", "suspect", "honest") if seen.bare[verdict]
    )


def _counts(many: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(many.items()))


def _reach(runs: Runs) -> str:
    if not runs.caught:
        return "none"
    return f"{runs.caught:.0%}: {_number(runs.at(0.5)[0])} / {_number(runs.at(0.95)[0])}"


def _out(runs: Runs) -> str:
    return f"{_number(runs.at(0.5)[2])} / {_number(runs.at(0.95)[2])}"


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
