"""Steps of the clock that wrote a log: counted, said, and a false date mended."""

from datetime import UTC, datetime

import pytest

from test_rank import attempt
from unlisted.find import rank
from unlisted.find.clock import steady
from unlisted.find.columns import Flows, Gatherer
from unlisted.find.rank import Setting
from unlisted.find.who import Who

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


def log(times: list[float], *, packets: bool = True) -> Flows:
    made = Gatherer("gw.log", packets=packets)
    for line, at in enumerate(times, 1):
        made.add(attempt(at, f"198.18.{line % 250}.7", sport=line), line)
    return made.flows()


def test_a_clock_that_was_set_back_is_said() -> None:
    times = [NOON + 10 * n for n in range(40)]
    flows, [note] = steady(log([*times, *(at - 3600 for at in times)]))
    assert note.startswith("gw.log: the clock was set back once")
    assert "(line 41, from 2026-11-20 12:06:30Z to 2026-11-20 11:00:00Z)" in note
    assert flows.at.tolist() == [round(at * 1e6) for at in [*times, *(at - 3600 for at in times)]]
    assert "was set back" in rank.judge(flows, Who(), Setting()).notes[0]
    _, [twice] = steady(log([*times, NOON, NOON + 1, NOON - 600, *times]))
    assert "set back 2 times" in twice


@pytest.mark.parametrize(
    "begin", [datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)]
)
def test_a_date_without_a_clock_goes_on_from_before(begin: datetime) -> None:
    times = [NOON + 10 * n for n in range(30)]
    booted = [begin.timestamp() + n for n in range(3)]
    flows, [note] = steady(log([*times, *booted, NOON + 9e5]))
    assert "3 attempts count as an hour after the last" in note
    later = [*(times[-1] + 3600 + n for n in range(3)), NOON + 9e5]
    assert flows.at[30:].tolist() == [round(at * 1e6) for at in later]


def test_no_clock_is_blamed_for_what_is_in_no_order() -> None:
    times = [NOON + 10 * n for n in range(40)]
    for flows in (log(times), log(times[::-1]), log([*times, *times], packets=False), log([NOON, NOON - 5])):
        assert steady(flows)[1] == []
    old, new = (datetime(2026, *day, tzinfo=UTC).timestamp() for day in ((12, 31), (1, 1)))
    _, [note] = steady(log([*(old + n for n in range(30)), new]))
    assert "an hour" not in note, "a new year whose year is not told"


def test_a_machine_may_start_again_and_again_and_times_may_be_anything() -> None:
    times = [NOON + 10 * n for n in range(60)]
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    boots = [begin + 5, begin + 300, begin + 5, begin + 300]
    flows, [note] = steady(log([*times, *boots]))
    assert note.count("2 attempts count as an hour after the last") == 2
    assert (flows.at[1:] > flows.at[:-1]).all()
    whole = [begin + 3600 * n for n in range(60)]
    flows, [note] = steady(log([*times, *whole]))
    assert "an hour" not in note, "the log of another month, put behind"
    assert flows.at[60] == round(begin * 1e6)
    assert len(steady(log([3.9e12, *times]))[1]) == 1
