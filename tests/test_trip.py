"""The kernel: what trips, what does not, and that cutting the stream changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.find import trip

SECOND = 1_000_000
HOUR = 3600 * SECOND
TABLE = trip.load()

Row = tuple[int, int, int, int, int, int]  # device, at, prefix, port, outcome, age


def columns(rows: list[Row]) -> trip.Attempts:
    kinds = (np.int32, np.int64, np.int64, np.int8, np.int8, np.int8)
    return trip.Attempts(*(np.array([r[i] for r in rows], kind) for i, kind in enumerate(kinds)))


def run(rows: list[Row], devices: int = 1) -> tuple[trip.State, trip.Alarms]:
    return trip.advance(trip.State.new(devices), columns(rows), TABLE)


def test_a_batch_to_new_prefixes_on_port_25_trips_at_the_third_attempt() -> None:
    state, alarms = run([(0, i * 300, 1000 + i, 0, 0, 0) for i in range(10)])
    assert alarms.attempt.tolist() == [3]
    assert alarms.row.tolist() == [2]
    assert alarms.score[0] >= TABLE.fast_threshold
    assert state.fresh.tolist() == [10]


def test_a_clock_set_back_makes_no_burst() -> None:
    def gaps(times: list[int]) -> list[int]:
        rows = [(0, at, 1000 + i, 0, 0, 0) for i, at in enumerate(times)]
        return [int(gap) for gap in trip.trace(columns(rows), TABLE).gap]

    assert gaps([10 * HOUR, 8 * HOUR, 6 * HOUR]) == gaps([0, 2 * HOUR, 4 * HOUR]) == [4, 3, 3]


@pytest.mark.parametrize("port", [1, 2])
def test_a_batch_on_the_submission_ports_trips_within_five(port: int) -> None:
    _, alarms = run([(0, i * 300, 1000 + i, port, 3, 0) for i in range(10)])
    assert alarms.attempt[0] <= 5


def test_a_client_stuck_on_one_dead_server_never_trips() -> None:
    state, alarms = run([(0, i * 21 * SECOND, 7, 0, 3, 1) for i in range(5000)])
    assert len(alarms.row) == 0
    assert state.tries.tolist() == [5000]


def test_a_monitor_that_asks_two_servers_all_day_never_trips() -> None:
    _, alarms = run([(0, i * SECOND // 2, i % 2, 0, 1, 0) for i in range(20_000)])
    assert len(alarms.row) == 0


def test_account_set_up_tries_three_hosts_on_three_ports_and_is_not_accused() -> None:
    rows = [(0, (host * 3 + port) * 2 * SECOND, host, port, 0, 0) for host in range(3) for port in range(3)]
    assert len(run(rows)[1].row) == 0


def test_devices_do_not_share_a_score() -> None:
    _, alarms = run([(i % 4, i * 300, i, 0, 0, 0) for i in range(8)], devices=4)
    assert len(alarms.row) == 0


def test_the_score_comes_back_to_zero_and_alarms_once_a_crossing() -> None:
    spam = [(0, i * 300, i, 0, 0, 0) for i in range(50)]
    calm = [(0, (100 + i) * SECOND, 49, 0, 1, 0) for i in range(60)]
    again = [(0, 200 * SECOND + i * 300, 500 + i, 0, 0, 0) for i in range(50)]
    state, alarms = run(spam + calm)
    assert state.fast.tolist() == [0]
    assert state.fast_peak.tolist() == [TABLE.ceiling * TABLE.fast_threshold]
    assert len(alarms.row) == 1
    assert len(run(spam + calm + again)[1].row) == 2


rows_of_anything = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 10**16), st.integers(0, 2**62 + 2**48 - 1),
        st.integers(0, 2), st.integers(0, 3), st.integers(0, 1),
    ),
    max_size=60,
)  # fmt: skip


@given(rows_of_anything, st.data())
def test_a_stream_may_be_cut_anywhere(rows: list[Row], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    whole, alarms = run(rows, 4)
    half, first = run(rows[:cut], 4)
    resumed, second = trip.advance(half, columns(rows[cut:]), TABLE)
    for ours, theirs in zip(whole, resumed, strict=True):
        assert np.array_equal(ours, theirs)
    assert alarms.row.tolist() == first.row.tolist() + [row + cut for row in second.row.tolist()]
    assert alarms.score.tolist() == first.score.tolist() + second.score.tolist()


@given(rows_of_anything)
def test_scores_are_integers_within_bounds(rows: list[Row]) -> None:
    state, _ = run(rows, 4)
    for score, peak, threshold in (
        (state.fast, state.fast_peak, TABLE.fast_threshold),
        (state.slow, state.slow_peak, TABLE.slow_threshold),
    ):
        assert score.dtype == np.int64
        assert ((score >= 0) & (score <= TABLE.ceiling * threshold)).all()
        assert (peak >= score).all()


def test_compiled_and_plain_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    noise = np.random.default_rng(25)
    rows = [
        (int(d), int(t), int(p), int(q), int(o), int(a))
        for d, t, p, q, o, a in zip(
            noise.integers(0, 9, 3000), np.sort(noise.integers(0, 10**12, 3000)),
            noise.integers(0, 400, 3000), noise.integers(0, 3, 3000),
            noise.integers(0, 4, 3000), noise.integers(0, 2, 3000), strict=True,
        )
    ]  # fmt: skip
    plain, alarms = run(rows, 9)
    monkeypatch.setattr(trip, "COMPILE_FROM", 0)
    compiled, others = run(rows, 9)
    assert len(alarms.row) > 0
    for ours, theirs in zip((*plain, *alarms), (*compiled, *others), strict=True):
        assert np.array_equal(ours, theirs)


def test_room_for_more_devices_keeps_what_was_known() -> None:
    state, _ = run([(0, i * 300, i, 0, 0, 0) for i in range(2)])
    state, alarms = trip.advance(state.grown(3), columns([(0, 900, 9, 0, 0, 0)]), TABLE)
    assert alarms.attempt.tolist() == [3]
    assert state.tries.tolist() == [3, 0, 0]
