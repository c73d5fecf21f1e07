"""The story simulated: the same engine and readers, and every line says what it is."""

import json
from pathlib import Path

import pytest

from unlisted import cli
from unlisted.lab import network


def test_it_ends_well_and_every_line_says_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--simulated", "--evidence", str(tmp_path / "e")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20
    assert all(line.startswith("SIMULATED") for line in lines)


def test_where_the_lab_cannot_run_it_is_simulated_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(network, "possible", lambda: "you are not root")
    assert cli.main(["demo", "--evidence", str(tmp_path / "e")]) == 0
    told = capsys.readouterr()
    assert "you are not root" in told.err
    assert told.out.startswith("SIMULATED")


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_the_dice_say(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["demo", "--simulated", "--json", "--seed", str(seed), "--evidence", str(tmp_path / "e")])
        == 0
    )
    beats = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {beat["what"]: beat["text"] for beat in beats}
    assert told["held"].startswith("0 of its messages")
    assert told["clear"] == "every list says clear"
    assert [beat["at"] for beat in beats] == sorted(beat["at"] for beat in beats)


def test_the_evidence_that_it_leaves_convicts_the_laptop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "e"
    cli.main(["demo", "--simulated", "--evidence", str(folder)])
    capsys.readouterr()
    assert cli.main(["investigate", str(folder), "--json", "--no-save"]) == 1
    case = json.loads(capsys.readouterr().out)
    assert [one["device"]["hostname"] for one in case["suspects"] if one["verdict"] == "rogue"] == ["LT-0417"]
    assert cli.main(["investigate", f"{folder}-before", "--json", "--no-save"]) == 1
    case = json.loads(capsys.readouterr().out)
    assert case["suspects"] == []


def test_a_speed_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--speed", "0"]) == 2
