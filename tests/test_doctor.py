"""`unlisted doctor --lists`: what the catalogue rests on."""

import json
import os
from pathlib import Path

import pytest

from unlisted.cli import doctor, main
from unlisted.edge import survey
from unlisted.notice import lists

CHECKED = 1_795_564_800.0  # 2026-11-25
DAY = 86400.0


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "now", lambda: CHECKED)


def test_fresh_entries_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--lists"]) == 0
    page = capsys.readouterr().out
    live = sum(entry.status == "live" for entry in lists.load().list.values())
    assert page.startswith(f"{live} lists live: IPv4 ")
    assert "spamhaus-authbl (dqs)" in page
    assert "sorbs" in page.split("dead or merged")[1]
    assert page.rstrip().endswith("nothing is stale: all was looked at within 180 days")


def test_json_is_a_line_for_each_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--lists", "--json"]) == 0
    rows = {row["list"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(rows) == set(lists.load().list)
    assert list(rows["psbl"]) == list(doctor.Row.__struct_fields__)
    assert (rows["sorbs"]["status"], rows["sorbs"]["asked"]) == ("dead", False)
    assert (rows["abusix"]["needs_key"], rows["abusix"]["asked"]) == ("abusix", False)
    assert (rows["dnswl"]["allows"], rows["psbl"]["allows"]) == (True, False)
    assert rows["zenrbl"]["verified"] is False
    assert 0 <= rows["psbl"]["age_days"] <= 5


def test_after_half_a_year_what_lives_is_stale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(survey, "now", lambda: CHECKED + 181 * DAY)
    assert main(["doctor"]) == 1
    page = capsys.readouterr().out
    stale = page.split("stale: last looked at more than 180 days ago")[1]
    assert "psbl 2026-11-23" in stale
    assert "sorbs" not in stale  # what is dead stays dead
    assert page.rstrip().endswith("renew `checked`, or update Unlisted")


@pytest.mark.parametrize(("age", "stale"), [(-400, True), (-2, True), (-1, False), (180, False), (181, True)])
def test_a_day_to_come_is_no_day_of_looking(age: int, stale: bool) -> None:
    """A wrong year would never go stale. Tomorrow is today somewhere."""
    assert doctor.row(lists.load().list["psbl"], age).stale is stale


def test_an_entry_of_ones_own_grows_old_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.environ["UNLISTED_ETC"], "lists.toml").write_text(
        '[list.ours]\nzone = "bl.office.example"\nname = "Ours"\noperator = "we"\nlists = "what we saw"\n'
        'kind = ["ip4"]\nsource = "https://office.example/"\nchecked = "2026-03-01"\n'
        'codes = { "127.0.0.2" = "seen" }\n'
    )
    assert main(["doctor", "--lists"]) == 1
    assert "ours 2026-03-01" in capsys.readouterr().out


def test_a_key_ends_the_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unlisted.toml"
    path.write_text('[keys]\ndqs = "s3same"\n')
    assert main(["doctor", "--lists", "--config", str(path)]) == 0
    page = capsys.readouterr().out
    assert "spamhaus-authbl (dqs)" not in page
    assert "abusix (abusix)" in page
    assert "s3same" not in page
