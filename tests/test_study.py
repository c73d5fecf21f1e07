"""The simulation study: generators are what they say, peers are right, and what the trip does on them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from study import HELD_OUT, REPORTED, TUNING, bots, honest, judged, measure, page, peers, real, run
from study.traces import ANSWERED, PORT_25, PORT_465, PORT_587, SILENT, UNKNOWN, Bools, Trace, columns
from unlisted.find.trip import Attempts

ROOT = Path(__file__).resolve().parent.parent
FAMILY = {one.name: one for one in bots.FAMILIES}
ROLE = {one.name: one for one in honest.ROLES}


def sequence(outcomes: str) -> Attempts:
    """First contacts a second apart: F failed, S succeeded, U unknown; R a repeat that failed."""
    known = {"F": SILENT, "S": ANSWERED, "U": UNKNOWN, "R": SILENT}
    prefix = np.cumsum([one != "R" for one in outcomes])
    at = np.arange(len(outcomes)) * 1_000_000
    return columns(np.zeros(len(outcomes)), at, prefix, PORT_25, [known[one] for one in outcomes])


def walked(outcomes: str, alpha: float) -> list[int]:
    given = sequence(outcomes)
    return [int(row) for row in peers.walk(given, peers.first_contacts(given), alpha)]


def first_of(trace: Trace) -> Bools:
    """First contacts, a row for each device."""
    return peers.first_contacts(trace.attempts).reshape(trace.devices, -1)


# A failure adds ln(.8 / .2) = 1.386, a success takes as much. alpha .01: "scanner" at ln(.99 / .01) = 4.595,
# the fourth failure; alpha 1e-5: at ln(.99 / 1e-5) = 11.503, the ninth. "Honest" at ln(.01 / .99) = -4.595.


@pytest.mark.parametrize(
    ("outcomes", "alpha", "rows"),
    [
        ("FFFF", 1e-2, [3]),
        ("FFF", 1e-2, []),
        ("FSFFFF", 1e-2, [5]),
        ("FFFRRR", 1e-2, []),
        ("FFFUF", 1e-2, [4]),
        ("SSSFFFFFFF", 1e-2, [9]),
        ("SSSSFFFF", 1e-2, [7]),
        ("FFFFFFFF", 1e-2, [3, 7]),
        ("FFFFFFFF", 1e-5, []),
        ("FFFFFFFFF", 1e-5, [8]),
        ("U" * 50, 1e-2, []),
    ],
)
def test_the_random_walk_is_that_of_the_paper(outcomes: str, alpha: float, rows: list[int]) -> None:
    assert walked(outcomes, alpha) == rows


def test_the_random_walk_begins_anew_with_each_device() -> None:
    given = sequence("FFFF")._replace(device=np.array([0, 0, 1, 1], np.int32))
    assert peers.walk(given, peers.first_contacts(given), 1e-2).tolist() == []


@pytest.mark.parametrize(
    ("count", "gap", "rows"),
    [(19, 1.0, []), (20, 1.0, [19]), (200, 1.0, [19]), (60, 3.2, []), (20, 60 / 19, [19])],
)
def test_twenty_within_a_minute(count: int, gap: float, rows: list[int]) -> None:
    given = columns(np.zeros(count), np.arange(count) * gap * 1e6, 7, PORT_587, ANSWERED)
    assert peers.twenty(given).tolist() == rows


def test_compiled_and_plain_peers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    given = bots.made(FAMILY["emotet-like"], 7, 20).attempts
    first = peers.first_contacts(given)
    plain = peers.walk(given, first, 1e-2)
    monkeypatch.setattr(peers, "COMPILE_FROM", 0)
    assert np.array_equal(peers.first_contacts(given), first)
    assert np.array_equal(peers.walk(given, first, 1e-2), plain)


def test_donbot_is_as_it_was_measured() -> None:
    trace = bots.made(FAMILY["donbot-like"], 1, 50)
    at = trace.attempts.at.reshape(50, -1)
    gaps = np.diff(at, axis=1) / 1e6
    starts = np.concatenate([np.ones((50, 1), bool), gaps >= 1], axis=1)
    between = np.concatenate([np.diff(row[first]) for row, first in zip(at, starts, strict=True)]) / 1e6
    assert np.median(between) == pytest.approx(9.8, rel=0.03)
    assert between.min() >= 6
    assert between.max() < 22.1
    assert gaps[gaps < 1].max() <= 110e-6
    first = first_of(trace)
    # 57 networks, for 70 addresses, in the first hundred of the real trace; the first fourteen all new.
    assert first[:, :100].mean() == pytest.approx(0.57, abs=0.03)
    assert first[:, :14].mean() > 0.9
    assert (trace.attempts.outcome == SILENT).all()
    assert (trace.attempts.port == PORT_25).all()


def test_donbot_over_two_hours_is_as_it_was_measured() -> None:
    at = bots.donbot(np.random.default_rng(1), 10, 4398)
    assert first_of(at).mean() == pytest.approx(1269 / 4398, abs=0.02)
    hours = np.ptp(at.attempts.at.reshape(10, -1), axis=1) / 3600e6
    assert np.median(4398 / hours / 60) == pytest.approx(36.6, rel=0.05)


def test_emotet_is_as_it_was_measured() -> None:
    trace = bots.made(FAMILY["emotet-like"], 1, 200)
    ports = [float((trace.attempts.port == port).mean()) for port in (PORT_587, PORT_465, PORT_25)]
    assert ports == pytest.approx([0.42, 0.30, 0.28], abs=0.01)
    first = first_of(trace)
    assert first.mean() == pytest.approx(247 / 355, abs=0.01)
    failed = (trace.attempts.outcome != ANSWERED).reshape(first.shape)
    assert failed[first].mean() == pytest.approx(0.21, abs=0.01)
    assert failed.mean() == pytest.approx(0.26, abs=0.01)
    new = [np.diff(row[one]) for row, one in zip(trace.attempts.at.reshape(first.shape), first, strict=True)]
    assert np.median(np.concatenate(new)) / 1e6 == pytest.approx(0.6, abs=0.15)


def test_a_stuck_client_is_as_it_was_measured() -> None:
    trace = honest.made(ROLE["stuck client"], 1, 20)
    gaps = np.diff(trace.attempts.at.reshape(20, -1), axis=1)
    assert (gaps[:, ::2] == 21_000_000).all()
    assert gaps[:, 1::2].min() >= (180 - 21) * 1e6
    assert gaps[:, 1::2].max() <= 3000 * 1e6


def test_a_monitor_asks_99_times_a_minute() -> None:
    trace = honest.made(ROLE["monitor"], 1, 2, 1.0)
    assert len(trace.attempts.at) / 2 / 1440 == pytest.approx(99, rel=0.01)
    assert set(trace.attempts.prefix.tolist()) == {0, 1}


@pytest.mark.parametrize("order", [honest.HOSTS, honest.PORTS, honest.ANY, honest.AT_ONCE])
def test_account_set_up_tries_each_host_on_three_ports_within_half_a_minute(order: str) -> None:
    device = at = np.zeros(1, np.int64)
    for seed in range(20):
        tried = honest._tried(np.random.default_rng(seed), device, at, order)
        hosts, times = np.unique(tried.prefix, return_counts=True)
        assert 2 <= len(hosts) <= 6
        assert set(times.tolist()) == {3}
        assert len(set(zip(tried.prefix.tolist(), tried.port.tolist(), strict=True))) == 3 * len(hosts)
        assert np.ptp(tried.at) <= (1e6 if order == honest.AT_ONCE else 30e6)
        if order == honest.HOSTS:
            assert (np.diff(tried.prefix) >= 0).all()
        if order == honest.PORTS:
            assert tried.port.tolist() == np.repeat(tried.port[:: len(hosts)], len(hosts)).tolist()


@pytest.mark.parametrize("name", [*FAMILY, *ROLE])
def test_devices_follow_each_other_in_order_of_time(name: str) -> None:
    trace = (
        bots.made(FAMILY[name], 3, 4)
        if name in FAMILY
        else honest.made(ROLE[name], 3, 3, min(ROLE[name].days, 9))
    )
    device, at = trace.attempts.device, trace.attempts.at
    assert len(at) > 0
    assert (np.diff(device) >= 0).all()
    assert device.max() < trace.devices
    if name != "bad clock and log":
        assert (np.diff(at)[np.diff(device) == 0] >= 0).all()
    assert trace.rogue.any() == (name in FAMILY)


def test_clock_steps_and_disorder_are_really_there() -> None:
    trace = honest.made(ROLE["bad clock and log"], 3, 20)
    back = np.diff(trace.attempts.at) < 0
    same = np.diff(trace.attempts.device) == 0
    assert (back & same).mean() > 0.005
    assert (trace.attempts.at < 600_000_000).any()
    assert ((np.diff(trace.attempts.at) == 0) & same).mean() == pytest.approx(0.01, abs=0.005)


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    first, again, other = (bots.made(FAMILY["mx-engine"], seed, 5).attempts.at for seed in (1000, 1000, 1001))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_seeds_of_the_report_are_none_of_the_tuning() -> None:
    assert REPORTED not in TUNING
    assert max(TUNING) < REPORTED
    assert {name.partition(",")[0] for name, one in FAMILY.items() if one.held_out} == HELD_OUT


def test_donbot_is_flagged_at_its_third_attempt_and_before_the_peers() -> None:
    found = measure.caught(FAMILY["donbot-like"], run.QUICK)
    assert found.runs[measure.OURS].at(0.5)[0] == 3
    assert found.runs[measure.TRW].at(0.5)[0] == 4
    assert found.runs[measure.TRW5].at(0.5)[0] == 9
    assert found.runs[measure.TWENTY].at(0.5)[0] == 20
    assert found.runs[measure.OURS].caught == 1.0
    assert measure.OURS in found.runs
    assert found.bound.attempts == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize("name", ["stuck client", "copier", "relay user", "mail program", "random MAC"])
def test_plain_devices_are_not_accused(name: str) -> None:
    found = measure.exposed(ROLE[name], run.QUICK)
    assert found.attempts > 1000
    assert found.accused[measure.OURS] == (0, 0)
    assert judged.role(ROLE[name], run.QUICK).accused == 0


def test_the_trip_is_blind_to_abuse_of_the_relay_and_says_so() -> None:
    found = measure.caught(FAMILY["relay abuse"], run.QUICK)
    assert found.runs[measure.OURS].caught == 0.0
    assert found.bound.attempts == np.inf
    assert not found.family.detectable


def test_what_got_out_is_counted_up_to_the_hold() -> None:
    at = np.array([0, 1000, 2000, 2900, 3001, 9000])
    given = columns(
        np.zeros(6), at, np.arange(6), PORT_25, [ANSWERED, SILENT, ANSWERED, ANSWERED, ANSWERED, ANSWERED]
    )
    trace = Trace(given, np.ones(6, bool), 1, 1.0)
    assert measure.delays(trace, np.array([2])).at(0.5) == (3.0, 0.002, 3.0)
    missed = measure.delays(trace, np.array([], np.int64))
    assert missed.caught == 0.0
    assert missed.out.tolist() == [5.0]


def test_a_flag_before_the_first_spam_is_no_catch() -> None:
    given = columns(np.zeros(4), np.arange(4) * 1e6, np.arange(4), PORT_25, SILENT)
    trace = Trace(given, np.array([False, False, True, True]), 1, 1.0)
    assert measure.delays(trace, np.array([1])).caught == 0.0
    assert measure.delays(trace, np.array([1, 3])).attempts.tolist() == [2.0]


def test_a_declared_mail_server_is_not_accused_nor_one_that_takes_mail() -> None:
    found = judged.role(ROLE["mail server"], 0.2)
    assert found.bare["rogue"] == found.devices
    assert found.declared["honest"] == found.called["honest"] == found.devices


def test_the_quick_study_writes_a_page_and_pictures(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "tools" / "study.py"), "--quick", "--out", str(tmp_path)]
    subprocess.run(words, check=True, capture_output=True, env={"PYTHONPATH": str(ROOT / "src")}, timeout=120)
    text = (tmp_path / "study.md").read_text()
    for name in (*FAMILY, *ROLE):
        assert f"\n| {name}" in text
    assert "synthetic" in text
    assert "A quick run" in text
    for name in ("study-delays.svg", "study-alarms.svg"):
        assert f"({name})" in text
        assert (tmp_path / name).read_text().startswith("<svg ")


def test_the_published_study_is_of_these_parameters() -> None:
    text = (ROOT / "docs" / "study.md").read_text()
    assert run.fingerprint("trip") in text, "data/trip.toml has changed since: make study"
    assert "A quick run" not in text


@pytest.mark.corpus
def test_the_real_donbot(corpora: Path) -> None:
    found = real.study(corpora)
    assert found.runs[1][measure.OURS].attempts.tolist() == [3.0]
    assert found.runs[1][measure.TRW].attempts.tolist() == [4.0]
    assert found.runs[1][measure.TRW5].attempts.tolist() == [9.0]
    assert found.others == 32
    assert found.accused[measure.OURS] == 0
    assert found.runs[10][measure.OURS].caught == 1.0


def test_a_page_says_what_was_missed() -> None:
    assert page._number(np.inf) == "never"
    assert page._time(np.inf) == "never"
    assert page._time(3e5) == "3.5 d"
