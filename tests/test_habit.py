"""A sender by trade against its own past."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from unlisted.find import roles
from unlisted.find.habit import HOUR, Stretch, departure
from unlisted.find.roles import Past

PAST = roles.load()["mail-server"].past or Past(1.0, 1.0, 1, 1.0, "")

Hours = dict[int, tuple[int, int]]  # hour -> attempts, of these to new networks


def judged(hours: Hours, failing: frozenset[int] = frozenset(), past: Past = PAST) -> Stretch | None:
    at: list[int] = []
    fresh: list[bool] = []
    failed: list[bool] = []
    for hour, (count, new) in sorted(hours.items()):
        at += [hour * HOUR + i * HOUR // (count + 1) for i in range(count)]
        fresh += [i < new for i in range(count)]
        failed += [hour in failing] * count
    return departure(
        np.array(at, np.int64),
        np.array(fresh, np.bool_),
        np.array(failed, np.bool_),
        ~np.array(failed, np.bool_),
        past,
    )


def office(days: int) -> Hours:
    """A small server: busy by day, 40 attempts an hour, of which the first days bring more new networks."""
    return {
        day * 24 + hour: (40, 20 if day == 0 else 3) for day in range(days) for hour in (0, *range(8, 19))
    }


def test_a_server_that_goes_on_as_before_stands_out_in_no_hour() -> None:
    assert judged(office(30)) is None


def test_fifty_times_as_many_new_networks_stand_out_with_their_numbers() -> None:
    hours = office(7) | {7 * 24 + 3: (2000, 1500)}
    hour = judged(hours, frozenset({7 * 24 + 3}))
    assert hour is not None
    assert (hour.new, hour.usual_new, hour.start) == (1500, 3, (7 * 24 + 3) * HOUR)
    assert (hour.failed, hour.usual_failed) == (1.0, 0.0)
    assert (hour.unit, hour.before) == (HOUR, (7 * 24 + 3) * HOUR)
    before = 7 * 12 * 40
    assert hour.row == before + 49, "the fiftieth new network of the hour, at which the limit was passed"


def test_a_volume_to_known_networks_stands_out_too_unless_it_is_retries() -> None:
    hours = office(7) | {7 * 24 + 3: (5000, 0)}
    found = judged(hours)
    assert found is not None
    assert (found.volume, found.usual_volume) == (5000, 40)
    assert judged(hours, frozenset({7 * 24 + 3})) is None


def test_the_first_day_says_nothing() -> None:
    assert judged({0: (10, 10), 3: (5000, 5000)}) is None
    assert judged({0: (10, 10), 25: (5000, 5000)}) is not None


def test_a_quiet_past_makes_no_small_hour_stand_out() -> None:
    assert judged(dict.fromkeys(range(200), (1, 0)) | {201: (49, 49)}) is None


def test_one_odd_hour_before_hides_nothing() -> None:
    """One newsletter in a week of hours is above the quantile."""
    hours = office(14) | {5 * 24 + 20: (390, 40), 13 * 24 + 3: (3000, 2500)}
    found = judged(hours)
    assert found is not None
    assert (found.new, found.usual_new) == (2500, 3)


def test_a_newsletter_host_is_held_to_its_issues() -> None:
    past = roles.load()["newsletter"].past
    assert past is not None
    issues = {week * 168: (20_000, 5000 if not week else 100) for week in range(8)}
    assert judged(issues, past=past) is None
    assert judged(issues | {8 * 168 + 50: (90_000, 4000)}, past=past) is not None
    assert judged({0: (200, 100), 168: (20_000, 5000)}, past=past) is None, "a month is wanted"


def test_a_clock_that_jumps_over_decades_costs_nothing() -> None:
    assert judged({0: (3, 3), 500_000: (3, 3), 500_001: (3, 0)}) is None


@given(st.dictionaries(st.integers(0, 5000), st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1))
def test_few_a_day_never_stand_out(hours: Hours) -> None:
    assert judged(hours) is None


def test_what_is_too_slow_for_the_hour_shows_in_the_day() -> None:
    hours = office(21)
    for hour in range(21 * 24, 22 * 24):
        hours[hour] = (49, 40)
    found = judged(hours)
    assert found is not None
    assert (found.unit, found.by_new, found.start) == (24 * HOUR, True, 21 * 24 * HOUR)
    assert found.usual_new == 36
    assert judged(office(5) | dict.fromkeys(range(5 * 24, 6 * 24), (49, 40))) is None, "a week is wanted"


def test_synthetic_servers_go_years_without_an_alarm_and_a_bot_on_one_is_found() -> None:
    """Poisson hours with a gamma's spread, Zipf's destinations and 3 % never seen again; fixed seeds."""
    for seed in range(6):
        noise = np.random.default_rng(seed)
        hours = np.arange(365 * 24)
        busy = np.where((hours % 24 > 6) & (hours % 24 < 19), 1.0, 0.12) * np.where(
            hours // 24 % 7 > 4, 0.25, 1
        )
        counts = noise.poisson(busy / busy.mean() * (200 / 24) * noise.gamma(2.0, 0.5, len(hours)))
        at = np.sort(np.repeat(hours, counts) * HOUR + noise.integers(0, HOUR, counts.sum()))
        weights = 1 / np.arange(1, 3001) ** 1.1
        target = noise.choice(3000, len(at), p=weights / weights.sum())
        target = np.where(noise.random(len(at)) < 0.03, 3000 + np.arange(len(at)), target)
        assert _stands_out(at, target) is None, seed
        begin = 200 * 24 * HOUR
        spam = begin + np.sort(noise.integers(0, 12 * HOUR, 12 * 120))
        both = np.r_[at, spam]
        order = np.argsort(both, kind="stable")
        found = _stands_out(both[order], np.r_[target, 10**6 + np.arange(len(spam))][order])
        assert found is not None
        assert 0 <= both[order][found.row] - begin < 3 * HOUR


def _stands_out(at: npt.NDArray[np.int64], target: npt.NDArray[np.int64]) -> Stretch | None:
    fresh = np.zeros(len(at), np.bool_)
    fresh[np.unique(target, return_index=True)[1]] = True
    none = np.zeros(len(at), np.bool_)
    return departure(at, fresh, none, ~none, PAST)
