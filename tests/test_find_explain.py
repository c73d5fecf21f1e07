"""`find --explain`: the score attempt by attempt, as the kernel saw it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from test_find import LEASE, line
from test_rank import MAC, attempt, burst
from unlisted.cli import main
from unlisted.find import explain, rank, trip
from unlisted.find.columns import gather
from unlisted.find.who import Who
from unlisted.messages import Attempt


def sorted_out(attempts: Sequence[Attempt], who: Who | None = None) -> rank.Sorted:
    made = rank.sort_out(gather(attempts), who or Who(), rank.Setting())
    assert isinstance(made, rank.Sorted)
    return made


def explained(attempts: Sequence[Attempt]) -> explain.Explained:
    return explain.explain(sorted_out(attempts), 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One machine that spams, one that does not, and the lease of the first."""
    office = tmp_path / "office"
    office.mkdir()
    rows = [line(i // 10, f"198.51.{i}.7") for i in range(200)]
    rows += [
        line(300 + i, "203.0.113.25", "192.168.50.8").replace("3c:5a:b4:12:34:56", "3c:5a:b4:00:00:08")
        for i in range(3)
    ]
    (office / "gateway").write_text("".join(rows))
    (office / "leases").write_text(LEASE)
    return office


def test_the_steps_add_up_to_what_the_trip_says() -> None:
    seen = explained([*burst(count=50), *(attempt(500.0 + n, "198.18.0.7", dport=587) for n in range(3))])
    table = trip.load()
    fast = slow = 0.0
    for place in range(len(seen.rows)):
        step = seen.step(place)
        fast, slow = fast + step.added_fast, slow + step.added_slow
        assert step.fast == pytest.approx(fast)
        assert step.slow == pytest.approx(slow)
        assert step.attempt == place + 1
    assert seen.step(0).gap == "first-ever"
    assert seen.step(1).gap == "second"
    assert (seen.step(50).first, seen.step(50).other_port) == (False, True)
    assert (seen.step(51).first, seen.step(51).other_port) == (False, False)
    assert seen.thresholds == (table.fast_threshold, table.slow_threshold)
    judged = rank.judge(gather(burst(count=50)), Who(), rank.Setting()).suspects[0]
    assert judged.flagged_after is not None
    assert seen.crossed == judged.flagged_after - 1
    assert seen.step(seen.crossed).tripped == "fast"


def test_a_device_is_found_by_address_mac_and_name() -> None:
    from ipaddress import ip_address

    from unlisted.messages import Lease

    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, "LT-0417", start=10.0))
    made = sorted_out([*burst(), *burst("192.168.50.10")], who)
    for text in ("192.168.50.9", MAC.upper().replace(":", "-"), "lt-0417", " LT-0417"):
        assert [made.made.who[n].device.mac for n in explain.matching(made, text)] == [MAC]
    for text in ("192.168.50.11", "", "nobody", "00:00:00:00:00:00"):
        assert explain.matching(made, text) == []


def test_a_long_history_is_shown_around_its_crossings_and_at_its_end() -> None:
    quiet = [attempt(n * 60.0, "203.0.113.25") for n in range(500)]
    seen = explained(
        [*quiet, *burst(start=1e5), *(attempt(2e5 + n * 60, "203.0.113.25") for n in range(500))]
    )
    assert seen.crossed is not None
    assert seen.crossed > 499
    shown = seen.shown()
    assert shown[-explain.LAST :] == list(range(1020 - explain.LAST, 1020))
    assert {seen.crossed - explain.BEFORE, seen.crossed, seen.crossed + explain.AFTER} <= set(shown)
    assert len(shown) < 40
    rows = list(explain.table((seen.step(place) for place in shown), 80, 4))
    assert "attempts not shown" in "".join(rows)
    assert sum("^ trips" in row for row in rows) == sum(1 for n in shown if seen.tripped[n])
    near, whole = seen.series(whole=False)[0], seen.series(whole=True)[0]
    assert (len(near.values), len(whole.values)) == (explain.NEARBY, 1020)
    assert near.first <= seen.crossed + 1 <= near.last
    assert near.tripped == whole.tripped == seen.crossed + 1
    assert (
        near.values[near.tripped - near.first] >= near.threshold > near.values[near.tripped - near.first - 1]
    )


def test_without_a_crossing_the_peak_is_shown() -> None:
    seen = explained([attempt(n * 60.0, "203.0.113.25") for n in range(500)] + [attempt(1e6, "198.18.0.1")])
    assert seen.crossed is None
    assert 0 in seen.shown() or 500 in seen.shown()
    assert all(one.tripped is None for one in seen.series(whole=False))


def test_rows_keep_to_eighty_columns_whatever_the_address() -> None:
    from ipaddress import ip_address

    from msgspec import structs

    long = ip_address("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
    rows = [structs.replace(one, dst=long, src=ip_address("fd00::9")) for one in burst()]
    seen = explain.explain(sorted_out([*rows, *burst("fd00::9")]), 0)
    table = list(explain.table((seen.step(n) for n in range(len(seen.rows))), 80, 5))
    assert all(len(row) <= 80 for row in table)
    assert any(row.strip() == f"to {long}" for row in table)


def test_for_a_person(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "--explain", "192.168.50.9"]) == 1
    out, _ = capsys.readouterr()
    assert out.startswith("rogue: 192.168.50.9  3c:5a:b4:12:34:56  Google, Inc.  FRONTDESK-PC")
    assert "^ trips: over the threshold (fast" in out
    assert "of 200 attempts shown; --all shows every one" in out
    assert "^ attempt 3 trips" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert main(["find", str(folder), "--explain", "FRONTDESK-PC", "--all"]) == 1
    out, _ = capsys.readouterr()
    assert "not shown" not in out
    numbers = [int(found) for found in re.findall(r"(?m)^ *(\d+) [\d:.]{12} 25 ", out)]
    assert numbers == list(range(1, 201))


def test_an_honest_device_is_0_and_explained_as_well(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", str(folder), "--explain", "3c:5a:b4:00:00:08"]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("honest (relay user): 192.168.50.8")
    assert "trips" not in out.partition("contact")[2]


def test_as_json_every_attempt_is_an_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "--explain", "192.168.50.9", "--json"]) == 1
    steps = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [step["attempt"] for step in steps] == list(range(1, 201))
    assert set(steps[0]) == set(explain.Step.__struct_fields__)
    assert next(step["attempt"] for step in steps if step["tripped"]) == 3
    assert steps[2]["fast"] >= steps[2]["threshold_fast"] > steps[1]["fast"]
    assert steps[2]["destination"] == "198.51.2.7"
    assert (steps[2]["source"], steps[2]["line"]) == (str(folder / "gateway"), 3)


def test_the_picture_is_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "score.svg"
    assert main(["find", str(folder), "--explain", "192.168.50.9", "--svg", str(target), "--json"]) == 1
    texts = {one.text for one in ET.parse(target).iter("{http://www.w3.org/2000/svg}text")}
    assert "192.168.50.9  3c:5a:b4:12:34:56  Google, Inc.  FRONTDESK-PC" in texts
    assert {"FRONTDESK-PC", "attempt 3 trips"} <= texts
    assert "written" in capsys.readouterr().err
    assert (
        main(["find", str(folder), "--explain", "192.168.50.9", "--svg", str(tmp_path / "no" / "x.svg")]) == 4
    )
    assert "cannot write the picture" in capsys.readouterr().err


def test_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "--svg", "x.svg"]) == 2
    assert "--explain DEVICE" in capsys.readouterr().err
    assert main(["find", str(folder), "--explain", "192.168.50.77"]) == 3
    err = capsys.readouterr().err
    assert "made no attempt on a mail port" in err
    assert "3c:5a:b4:12:34:56" in err
    (folder / "outer").write_text("")
    (folder / "gateway").write_text("".join(line(i, f"198.51.{i}.7", "203.0.113.5") for i in range(9)))
    assert main(["find", str(folder), "--explain", "203.0.113.5"]) == 3


@pytest.mark.corpus
def test_donbot_is_explained(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(corpora / "flows" / "ctu13_sc6_outbound_smtp_4878.csv")
    words = ["find", log, "--inside", "147.32.0.0/16", "--explain", "147.32.84.165"]
    assert main([*words, "--json"]) == 1
    steps = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert len(steps) == 4398
    assert next(step["attempt"] for step in steps if step["tripped"]) == 3
    assert np.mean([step["first"] for step in steps[:100]]) > 0.5
    assert main(words) == 1
    assert "attempt 3 trips" in capsys.readouterr().out
