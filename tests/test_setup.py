"""Account set-up in the midst of other mail: what it explains, and what it must not."""

import sys
from pathlib import Path

import numpy as np
import pytest

from test_rank import attempt, judge, only
from unlisted.find import trip
from unlisted.messages import Attempt

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from study import bots, honest, judged
from study.traces import HOUR, SECOND, Trace, randomness, rows
from unlisted.find.trip import Attempts

DOORS = (587, 465, 25)
SEED = 7  # tuning may use 0 to 99


def knocking(start: float, hosts: int, first: int = 0, apart: float = 0.3) -> list[Attempt]:
    """Each host at each door, door by door: what the fast score takes for a burst."""
    return [
        attempt(
            start + (door * hosts + host) * apart, f"198.18.{first + host}.7", dport=port, sport=1000 + door
        )
        for door, port in enumerate(DOORS)
        for host in range(hosts)
    ]


def mail(start: float, count: int = 20) -> list[Attempt]:
    return [
        attempt(start + n * 600.0, "203.0.113.25", dport=587, sport=2000 + n, outcome="answered")
        for n in range(count)
    ]


def test_a_new_account_is_named_as_such_once_an_hour_of_quiet_was_seen() -> None:
    one = only(judge([*mail(0.0), *knocking(20_000.0, 6), *mail(21_000.0)]))
    assert (one.verdict, one.role, one.flagged_after) == ("honest", "account set-up", None)
    assert one.score > trip.load().fast_threshold / trip.NATS, "the kernel alone names it"


def test_a_log_that_ends_with_it_leaves_a_suspect_and_says_what_would_tell() -> None:
    one = only(judge([*mail(0.0), *knocking(20_000.0, 6)]))
    assert (one.verdict, one.role) == ("suspect", "account set-up")
    assert one.flagged_after is not None
    assert "crossed the threshold" in one.because
    assert "The log ends too soon after it" in one.because
    assert "if it shows further ones, it is a bot" in one.because
    alone = only(judge(knocking(20_000.0, 6)))
    assert (alone.verdict, alone.role) == ("suspect", "account set-up")


def test_of_two_set_ups_the_one_that_the_log_cuts_is_the_one_in_doubt() -> None:
    late = [*mail(0.0), *knocking(20_000.0, 6), *mail(21_000.0, 40), *knocking(60_000.0, 6, 50)]
    one = only(judge(late))
    assert (one.verdict, one.role) == ("suspect", "account set-up")
    assert one.flagged_at is not None
    assert one.flagged_at > 60_000.0
    assert one.because.startswith("it looks like a mail program")
    few = only(judge([*mail(0.0), *knocking(20_000.0, 6), *mail(21_000.0, 40), *knocking(60_000.0, 2, 50)]))
    assert (few.verdict, few.role) == ("honest", "account set-up"), (
        "two more hosts trip nothing by themselves"
    )


def test_three_accounts_on_a_new_laptop_are_no_bot_and_ten_are() -> None:
    def laptop(accounts: int) -> list[Attempt]:
        made = [knocking(600.0 * n, 6, 6 * n) for n in range(accounts)]
        return [*(one for many in made for one in many), *mail(600.0 * accounts, 40)]

    assert only(judge(laptop(3))).role == "account set-up"
    assert only(judge(laptop(3))).verdict == "honest"
    assert only(judge(laptop(10))).verdict == "rogue"


def test_who_goes_on_to_further_servers_is_no_set_up() -> None:
    """A bot that falls back from door to door, a new server every five minutes."""
    bot = [one for n in range(60) for one in knocking(n * 300.0, 1, n)]
    assert only(judge([*bot, *mail(100_000.0)])).verdict == "rogue"


def test_a_set_up_does_not_excuse_what_else_the_device_does() -> None:
    spam = [attempt(40_000.0 + n * 0.5, f"198.19.{n}.7", dport=587, sport=5000 + n) for n in range(40)]
    one = only(judge([*mail(0.0), *knocking(20_000.0, 6), *spam, *mail(60_000.0)]))
    assert (one.verdict, one.role) == ("rogue", "")


def test_one_door_each_is_no_set_up() -> None:
    each = [attempt(100.0 + n * 0.3, f"198.18.{n}.7", dport=DOORS[n % 3], sport=3000 + n) for n in range(12)]
    assert only(judge([*each, *mail(10_000.0)])).verdict == "rogue"


@pytest.mark.parametrize("order", [honest.HOSTS, honest.PORTS, honest.ANY, honest.AT_ONCE])
def test_account_set_up_in_any_order_accuses_hardly_anybody(order: str) -> None:
    made = honest.set_up(randomness("set-up", SEED), 60, 30.0, order)
    assert judged.verdicts(made, sender=False).bare["rogue"] == 0
    assert judged.verdicts(made, sender=False).accused <= 1  # whose log ends with it


def test_new_laptops_are_not_accused() -> None:
    assert judged.verdicts(honest.new_laptop(randomness("laptop", SEED), 60, 30.0), sender=False).accused == 0


def test_a_provider_of_many_networks_is_a_mail_program() -> None:
    found = judged.verdicts(honest.mua(randomness("pool", SEED), 60, 30.0, pool=30), sender=False)
    assert found.accused == 0
    assert found.roles["mail program"] == 60


def everywhere(trace: Trace) -> Trace:
    """Each attempt at all three doors, two seconds apart: a bot that falls back."""
    given, many = trace.attempts, len(DOORS)
    at = (given.at[:, None] + np.arange(many) * int(2 * SECOND)).reshape(-1)
    port = np.tile(np.array([2, 1, 0], np.int8), len(given.at))
    more = Attempts._make(np.repeat(column, many) for column in given)._replace(at=at, port=port)
    return trace._replace(
        attempts=rows(more, np.lexsort((at, more.device))), rogue=np.repeat(trace.rogue, many)
    )


def submitting(trace: Trace) -> Trace:
    """The same on 587, all of it answered: the worst case for the role of a mail program."""
    given = trace.attempts
    port, answered = np.full_like(given.port, 2), np.full_like(given.outcome, 1)
    return trace._replace(attempts=given._replace(port=port, outcome=answered))


def within_an_hour(trace: Trace) -> Trace:
    """What a log of the first hour shows."""
    given = trace.attempts
    keep = given.at < given.at.min() + int(HOUR)
    return trace._replace(attempts=rows(given, keep), rogue=trace.rogue[keep])


@pytest.mark.parametrize("minutes", [1, 10, 60, 240])
def test_throttled_bots_on_submission_ports_are_named_by_their_fan_out(minutes: int) -> None:
    for make in (bots.throttled, bots.throttled_beside):
        trace = make(randomness("throttled", SEED), 12, minutes)
        for made in (submitting(trace), everywhere(trace)):
            found = judged.verdicts(made, sender=False)
            assert found.bare["rogue"] == found.devices, (make, found)


def test_an_hour_of_emotet_is_no_account_set_up() -> None:
    trace = bots.emotet(randomness("emotet", SEED), 30)
    for made in (trace, within_an_hour(trace), within_an_hour(everywhere(trace))):
        found = judged.verdicts(made, sender=False)
        assert found.bare["rogue"] == found.devices
