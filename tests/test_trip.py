"""The kernel: what trips, what does not, and that neither a cut nor the runner changes anything."""

import csv
import math
import random
import sys
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlisted import net
from unlisted.find import saved, trip, weights

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
TABLE = trip.load()
SEEDS = range(100)  # what the weights were set with; the study uses others

Row = tuple[int, int, int, int, int, int]  # device, at, prefix, port, outcome, age


def columns(rows: list[Row]) -> trip.Attempts:
    kinds = (np.int32, np.int64, np.int64, np.int8, np.int8, np.int8)
    return trip.Attempts(*(np.array([r[i] for r in rows], kind) for i, kind in enumerate(kinds)))


def run(rows: list[Row], devices: int = 1) -> tuple[trip.State, trip.Alarms]:
    return trip.advance(trip.State.new(devices), columns(rows), TABLE)


def flagged(rows: list[Row]) -> tuple[int, float, str] | None:
    """At which attempt, after how many hours, and by which score; of one device, in order of time."""
    rows = sorted(rows)
    _, alarms = run(rows)
    if not len(alarms.row):
        return None
    hours = (rows[int(alarms.row[0])][1] - rows[0][1]) / HOUR
    return int(alarms.attempt[0]), hours, trip.SCORES[int(alarms.which[0])]


def same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(np.asarray(ours), np.asarray(theirs)) for ours, theirs in zip(one, other, strict=True)
    )


# ---- bursts: the fast score --------------------------------------------------------------------------


def test_a_batch_to_new_prefixes_on_port_25_trips_at_the_third_attempt() -> None:
    state, alarms = run([(0, i * 300, 1000 + i, 0, 0, 0) for i in range(10)])
    assert alarms.attempt.tolist() == [3]
    assert alarms.row.tolist() == [2]
    assert trip.SCORES[alarms.which[0]] == "fast"
    assert alarms.score[0] >= TABLE.fast_threshold
    assert state.fresh.tolist() == [10]


@pytest.mark.parametrize("outcome", [0, 1, 3])
@pytest.mark.parametrize("port", [1, 2])
def test_a_batch_on_the_submission_ports_trips_within_five(port: int, outcome: int) -> None:
    _, alarms = run([(0, i * 300, 1000 + i, port, outcome, 0) for i in range(10)])
    assert alarms.attempt[0] <= 5


def test_a_mix_of_ports_to_new_servers_trips_by_the_fifth() -> None:
    """Emotet's ports (42 % 587, 30 % 465, 28 % 25), 79 % answered, a new server in 0.6 s."""
    for seed in SEEDS:
        dice = random.Random(seed)
        ports = dice.choices((0, 1, 2), (28, 30, 42), k=5)
        rows: list[Row] = [
            (0, i * 600_000, 1000 + i, port, 1 + 2 * (dice.random() < 0.21), 0)
            for i, port in enumerate(ports)
        ]
        assert flagged(rows) is not None, seed


def emotet(dice: random.Random) -> list[Row]:
    """Seven of ten attempts to a new server, each with its own port; bursts of a dozen."""
    rows: list[Row] = []
    at, ports = 0.0, dict[int, int]()
    for i in range(60):
        known = ports and dice.random() >= 0.7
        server = dice.choice(list(ports)) if known else 5000 + i
        port = ports.setdefault(server, dice.choices((0, 1, 2), (28, 30, 42))[0])
        rows.append((0, round(at * SECOND), server, port, 1 + 2 * (dice.random() < 0.21), 0))
        at += dice.expovariate(math.log(2) / 0.6) + 60 * (i % 12 == 11)
    return rows


def test_bursts_that_come_back_to_known_servers_trip_within_seconds() -> None:
    found = [flagged(emotet(random.Random(seed))) for seed in SEEDS]
    assert all(found)
    attempts = sorted(one[0] for one in found if one)
    assert attempts[len(attempts) // 2] <= 7
    assert attempts[-1] <= 24


# ---- throttled: the slow score -----------------------------------------------------------------------


def throttled(dice: random.Random, minutes: float, port: int, days: float = 7) -> list[Row]:
    """A new network every so often, half to one and a half of it, and two mails a day of a person."""
    rows: list[Row] = [(0, round((day + dice.random()) * DAY), 1, 2, 1, 0) for day in range(7) for _ in "ab"]
    at = 0.0
    while at < days * DAY:
        rows.append((0, round(at), 1000 + len(rows), port, 3, 0))
        at += minutes * 60 * SECOND * dice.uniform(0.5, 1.5)
    return sorted(rows)


@pytest.mark.parametrize(
    ("minutes", "port", "hours"),
    [
        *((1, 0, 0.15), (10, 0, 1.5), (60, 0, 12), (240, 0, 72)),
        *((1, 2, 0.6), (10, 2, 5), (60, 2, 36), (240, 2, 168)),
    ],
)
def test_a_throttled_bot_is_found_within_hours_or_days(minutes: float, port: int, hours: float) -> None:
    for seed in range(20):
        found = flagged(throttled(random.Random(seed), minutes, port))
        assert found is not None, seed
        assert found[1] <= hours, seed


def test_what_minutes_cannot_tell_the_slow_score_does() -> None:
    found = flagged(throttled(random.Random(0), 240, 0))
    assert found is not None
    assert found[2] == "slow"


def test_between_two_mails_of_a_person_the_bot_is_not_excused() -> None:
    """Every repeat lowers the fast score; the slow one hears nothing of it."""
    bot = throttled(random.Random(0), 60, 0)
    person: list[Row] = [(0, i * 12 * 60 * SECOND, 7, 2, 1, 0) for i in range(800)]
    alone, mixed = flagged(bot), flagged(bot + person)
    assert alone is not None
    assert mixed is not None
    assert mixed[2] == "slow"
    assert mixed[1] <= alone[1] + 2


def test_a_new_server_in_weeks_drifts_back_to_nothing() -> None:
    rows: list[Row] = [(0, i * 14 * DAY, 1000 + i, 0, 3, 0) for i in range(60)]
    state, alarms = run(rows)
    assert not len(alarms.row)
    assert state.slow_peak[0] <= TABLE.slow.max()
    assert state.fast_peak[0] <= TABLE.fast[12] + TABLE.outcome.max()


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("kept", "share", "attempts"), [(1, 1.0, 3), (10, 1.0, 5), (100, 0.95, 8), (440, 0.7, 9)]
)
def test_donbot_thinned(corpora: Path, kept: int, share: float, attempts: int) -> None:
    """One of so many of its real attempts. The trace lasts two hours: one of 440 are ten attempts."""
    with (corpora / "flows" / "ctu13_sc6_outbound_smtp_4878.csv").open() as file:
        flows = [flow for flow in csv.DictReader(file) if flow["SrcAddr"] == "147.32.84.165"]
    bot: list[Row] = []
    for flow in flows:
        at = datetime.strptime(f"{flow['StartTime']}+0000", "%Y/%m/%d %H:%M:%S.%f%z")
        bot.append((0, round(at.timestamp() * 1e6), net.prefix(ip_address(flow["DstAddr"])), 0, 0, 0))
    bot.sort()
    assert {flow["Dport"] for flow in flows} == {"25"}
    assert len(bot) == 4398
    tries = [
        flagged([row for row in bot if dice.random() * kept < 1]) for dice in map(random.Random, range(40))
    ]
    found = [one for one in tries if one is not None]
    assert len(found) >= share * len(tries)
    assert sorted(one[0] for one in found)[len(found) // 2] <= attempts


# ---- honest devices ----------------------------------------------------------------------------------


def test_a_clock_set_back_makes_no_burst() -> None:
    def gaps(times: list[int]) -> list[int]:
        rows: list[Row] = [(0, at, 1000 + i, 0, 0, 0) for i, at in enumerate(times)]
        return [int(gap) for gap in trip.trace(columns(rows), TABLE).gap]

    assert gaps([10 * HOUR, 8 * HOUR, 6 * HOUR]) == gaps([0, 2 * HOUR, 4 * HOUR]) == [4, 3, 3]


def test_a_client_stuck_on_one_dead_server_never_trips() -> None:
    state, alarms = run([(0, i * 21 * SECOND, 7, 0, 3, 1) for i in range(5000)])
    assert len(alarms.row) == 0
    assert state.tries.tolist() == [5000]


def test_a_monitor_that_asks_two_servers_all_day_never_trips() -> None:
    _, alarms = run([(0, i * SECOND // 2, i % 2, 0, 1, 0) for i in range(20_000)])
    assert len(alarms.row) == 0


def test_polling_does_not_make_a_new_server_a_burst() -> None:
    """The gap is between first contacts: what a device asks in between says nothing of fan-out."""
    rows: list[Row] = [(0, i * 10 * SECOND, 7 if i % 360 else 1000 + i, 0, 1, 0) for i in range(3600)]
    trace = trip.trace(columns(rows), TABLE)
    assert {trip.GAPS[gap] for gap in trace.gap[trace.first][3:]} == {"longer"}


@pytest.mark.parametrize("apart", [300, 2 * SECOND])
@pytest.mark.parametrize("hosts", [2, 3, 4, 5, 6])
def test_account_set_up_that_tries_each_host_on_each_port_is_not_accused(hosts: int, apart: int) -> None:
    rows: list[Row] = [
        (0, (host * 3 + port) * apart, host, port, 3, 0) for host in range(hosts) for port in range(3)
    ]
    assert len(run(rows)[1].row) == 0


def laptop(dice: random.Random) -> list[Row]:
    """A year: five mails a day to three servers, set-up twice a month, another server in three weeks."""

    def moment() -> float:
        return dice.randrange(365) * DAY + dice.uniform(8, 17) * HOUR

    rows: list[Row] = [(0, round(moment()), dice.randrange(3), 2, 1, 0) for _ in range(5 * 365)]
    for number in range(24):
        at, hosts = moment(), dice.randint(2, 6)
        times = sorted(dice.uniform(0, 30) for _ in range(hosts * 3))
        rows += [
            (0, round(at + times[host * 3 + port] * SECOND), 1000 + number * 6 + host, port, 3, 0)
            for host in range(hosts)
            for port in range(3)
        ]
    rows += [(0, round(moment()), 5000 + number, dice.choice((0, 1, 2, 2)), 1, 0) for number in range(17)]
    return sorted(rows)


def test_thirty_years_of_a_laptop_accuse_nobody() -> None:
    """Also that a server in daily use is not forgotten for the sake of hundreds that were tried once."""
    for seed in range(30):
        rows = laptop(random.Random(seed))
        state, alarms = run(rows)
        assert not len(alarms.row), seed
        assert state.fresh[0] == len({row[2] for row in rows}), seed


def test_devices_do_not_share_a_score() -> None:
    _, alarms = run([(i % 4, i * 300, i, 0, 0, 0) for i in range(8)], devices=4)
    assert len(alarms.row) == 0


def test_the_score_comes_back_to_zero_and_alarms_once_a_crossing() -> None:
    spam: list[Row] = [(0, i * 300, i, 0, 0, 0) for i in range(50)]
    calm: list[Row] = [(0, (100 + i) * SECOND, 49, 0, 1, 0) for i in range(60)]
    again: list[Row] = [(0, 200 * SECOND + i * 300, 500 + i, 0, 0, 0) for i in range(50)]
    state, alarms = run(spam + calm)
    assert state.fast.tolist() == [0]
    assert state.fast_peak.tolist() == [TABLE.ceiling * TABLE.fast_threshold]
    assert len(alarms.row) == 1
    assert len(run(spam + calm + again)[1].row) == 2


# ---- whatever runs it, wherever it is cut ------------------------------------------------------------

integers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), -1, 0, 1, 2**62, 2**63 - 1])
)
moments = st.one_of(
    integers, st.integers(0, 60), st.integers(0, 10 * HOUR), st.integers(0, 90).map(DAY.__mul__)
)
rows_of_anything = st.lists(
    st.tuples(
        st.integers(0, 3), moments, st.one_of(integers, st.integers(0, 100)),
        st.integers(0, 2), st.integers(0, 3), st.integers(0, 1),
    ),
    max_size=120,
)  # fmt: skip


@pytest.fixture(params=["plain", "numba"])
def runner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numba":
        pytest.importorskip("numba")
    for name in ("COMPILE_FROM", "LOADED_FROM"):
        monkeypatch.setattr(trip, name, 0 if request.param == "numba" else sys.maxsize)
    return str(request.param)


def plain(rows: list[Row]) -> tuple[trip.State, trip.Alarms]:
    """The loop as it stands, over NumPy arrays, without what `advance` does around it."""
    state, attempts, size = trip.State.new(4), columns(rows), len(rows)
    out = [np.zeros(size, np.int64) for _ in range(4)]
    none = np.empty(0, np.int64)
    walk: Any = trip._walk
    with np.errstate(all="raise"):
        found = walk(
            *state[:-1], state.seen.reshape(-1), *attempts, *TABLE, *out, none, none, none
        )  # fmt: skip
    row, attempt, score, which = (column[:found] for column in out)
    return state, trip.Alarms(attempts.device[row].astype(np.int64), row, attempt, score, which)


@settings(deadline=None, max_examples=150)
@given(rows_of_anything, st.data())
@pytest.mark.usefixtures("runner")
def test_every_runner_and_every_cut_gives_the_same_to_the_last_bit(
    rows: list[Row], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    whole, alarms = plain(rows)
    state: trip.State | saved.Refused = trip.State.new(4)
    parts: list[tuple[int, trip.Alarms]] = []
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        assert isinstance(state, trip.State)
        state, found = trip.advance(state, columns(rows[start:end]), TABLE)
        parts.append((start, found))
        state = saved.load(saved.dump(state))
    assert isinstance(state, trip.State)
    assert same(whole, state)
    joined = trip.Alarms(*(np.concatenate(many) for many in zip(*(part for _, part in parts), strict=True)))
    rows_of = np.concatenate([part.row + start for start, part in parts])
    assert same(alarms, joined._replace(row=rows_of))
    batch, once = trip.advance(trip.State.new(4), columns(rows), TABLE)
    assert same(whole, batch)
    assert same(alarms, once)


@given(rows_of_anything)
def test_scores_are_integers_within_bounds(rows: list[Row]) -> None:
    state, alarms = run(rows, 4)
    for score, peak, threshold in (
        (state.fast, state.fast_peak, TABLE.fast_threshold),
        (state.slow, state.slow_peak, TABLE.slow_threshold),
    ):
        assert score.dtype == np.int64
        assert ((score >= 0) & (score <= TABLE.ceiling * threshold)).all()
        assert (peak >= score).all()
    assert {int(device) for device in alarms.device} == {
        device for device in range(4) if trip.highest(state, device, TABLE).over
    }


@settings(deadline=None)
@given(rows_of_anything)
@pytest.mark.usefixtures("runner")
def test_a_trace_tells_what_the_kernel_did(rows: list[Row]) -> None:
    rows = [(0, *row[1:]) for row in rows]
    trace = trip.trace(columns(rows), TABLE)
    state, alarms = run(rows)
    assert int(trace.first.sum()) == state.fresh[0]
    assert np.array_equal(np.cumsum(trace.step_fast), trace.fast)
    assert np.array_equal(np.cumsum(trace.step_slow), trace.slow)
    assert max([0, *trace.fast.tolist()]) == state.fast_peak[0]
    assert max([0, *trace.slow.tolist()]) == state.slow_peak[0]
    assert ((trace.gap >= 0) == trace.first).all()
    assert not (trace.other & trace.first).any()
    over = (trace.fast >= TABLE.fast_threshold) | (trace.slow >= TABLE.slow_threshold)
    before = np.concatenate([[False], over[:-1]]) if len(over) else over
    assert np.array_equal(np.flatnonzero(over & ~before), alarms.row)


def test_a_trace_names_the_parts() -> None:
    rows: list[Row] = [(7, 0, 1, 2, 0, 0), (7, 5, 1, 2, 0, 0), (7, 9, 1, 1, 0, 0), (7, 2 * HOUR, 2, 0, 3, 1)]
    trace = trip.trace(columns(rows), TABLE)
    assert trace.first.tolist() == [True, False, False, True]
    assert trace.other.tolist() == [False, False, True, False]
    assert [trip.GAPS[gap] for gap in trace.gap if gap >= 0] == ["first-ever", "longer"]
    assert trace.step_fast.tolist()[:2] == [1540, -1170]
    assert trace.fast.tolist()[2:] == [0, 1500 + 300 + 300]


def test_without_numba_the_same_loop_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    assert trip._compiled.__wrapped__() is trip._walk


def test_where_no_folder_can_be_written_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract: Numba 0.68 raises RuntimeError at decoration when it finds no place for its cache."""

    def njit(*, nogil: bool, cache: bool = False) -> Callable[[object], object]:
        assert nogil
        if cache:
            raise RuntimeError("cannot cache function '_walk': no locator available")
        return lambda loop: ("compiled", loop)

    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(njit=njit))
    made: Any = trip._compiled.__wrapped__()
    assert made == ("compiled", trip._walk)


@pytest.mark.parametrize(
    ("column", "value"), [("device", 1), ("device", -1), ("port", 3), ("outcome", 4), ("age", 2), ("age", -1)]
)
def test_what_the_loop_would_read_beyond_its_tables_is_a_bug_that_is_told(column: str, value: int) -> None:
    attempts = columns([(0, 0, 1, 0, 0, 0)] * 2)
    wrong = getattr(attempts, column).copy()
    wrong[1] = value
    with pytest.raises(ValueError, match=column):
        trip.advance(trip.State.new(1), attempts._replace(**{column: wrong}), TABLE)
    with pytest.raises(ValueError, match="length"):
        trip.advance(trip.State.new(1), attempts._replace(**{column: wrong[:1]}), TABLE)


def test_room_for_more_devices_keeps_what_was_known() -> None:
    state, _ = run([(0, i * 300, i, 0, 0, 0) for i in range(2)])
    state, alarms = trip.advance(state.grown(3), columns([(0, 900, 9, 0, 0, 0)]), TABLE)
    assert alarms.attempt.tolist() == [3]
    assert state.tries.tolist() == [3, 0, 0]


def test_two_ports_of_one_network_and_two_networks_of_one_hash_are_told_apart() -> None:
    """IPv6 prefixes differ in their upper half alone; IPv4 ones are neighbors."""
    prefixes = [*range(1, 33), *((1 << 62) | (site << 32) for site in range(1, 33))]
    rows: list[Row] = [(0, i * SECOND, prefix, 2, 1, 0) for i, prefix in enumerate(prefixes * 3)]
    state, _ = run(rows)
    assert state.fresh.tolist() == [len(prefixes)]


# ---- the thresholds ----------------------------------------------------------------------------------


def test_thresholds_are_walds_bound_of_false_alarms() -> None:
    given = weights.read()
    assert TABLE.fast_threshold == round(1000 * math.log(given.fast.events / given.fast.false_alarms))
    assert TABLE.slow_threshold == round(1000 * math.log(given.slow.events / given.slow.false_alarms))
    assert given.fast.false_alarms + given.slow.false_alarms <= 1e-3
    assert weights.threshold(1, 1e9) == 1


def test_the_nearer_score_speaks() -> None:
    state = trip.State.new(1)
    state.fast[0], state.slow[0] = TABLE.fast_threshold - 1, TABLE.slow_threshold
    state.fast_peak[0] = 2 * TABLE.fast_threshold
    near = trip.now(state, 0, TABLE)
    assert (near.which, near.score, near.over) == ("slow", TABLE.slow_threshold, True)
    assert trip.highest(state, 0, TABLE).which == "fast"
