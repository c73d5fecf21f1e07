"""The screen: nothing that a stranger wrote can move the cursor or hide a letter."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import show


@given(st.text(), st.integers(2, 600))
def test_nothing_hidden_gets_through(text: str, limit: int) -> None:
    shown = show.clean(text, limit)
    assert len(shown) <= limit
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_an_escape_sequence_is_harmless() -> None:
    assert show.clean("PC\x1b[2J\u202egnp") == "PC\ufffd[2J\ufffdgnp"


def test_json_shows_nothing_hidden_and_keeps_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    hidden = [
        c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")
    ]
    assert {"\x9b", "\x7f", "\u202e", "\u2066", "\ufeff", "\U000e0041"} <= set(hidden)
    value = {"name\x9b": "\\".join(hidden), "plain": "Grüße, 日本 🙂 \u00a0"}
    show.emit(value)
    line = capsys.readouterr().out
    assert json.loads(line) == value
    assert not set(hidden) & set(line.removesuffix("\n"))
    assert "Grüße, 日本 🙂 \u00a0" in line, "what hides nothing stays as it is"
    assert "\\u202e" in line
    show.emit("a\x7fb")
    assert capsys.readouterr().out == '"a\\u007fb"\n'


@given(st.floats(allow_nan=True) | st.none())
def test_no_moment_raises(at: float | None) -> None:
    show.when(at)


def test_moments_are_utc() -> None:
    assert show.when(0.0) == "1970-01-01 00:00:00Z"


@given(st.text(alphabet="ab 漢é:/", max_size=200), st.integers(10, 80), st.integers(0, 6))
def test_rows_fit_and_no_word_is_broken(text: str, room: int, hang: int) -> None:
    rows = show.wrap(text, room, hang)
    assert " ".join(rows).split() == text.split()
    assert all(show.cells(row) <= room or " " not in row.strip() for row in rows)
    assert all(row.startswith(" " * hang) for row in rows[1:])


def test_wide_letters_take_two_columns() -> None:
    assert [show.cells(text) for text in ("abc", "漢字", "e\u0301")] == [3, 4, 1]


def test_what_is_made_to_be_copied_stays_whole() -> None:
    url = "https://check.spamhaus.org/query/ip/203.0.113.5/" + "x" * 60
    command = "unlisted find --seen 203.0.113.5:51518 --at 2026-11-12T12:09:13Z"
    rows = show.wrap(f"next: look at it there: {url} and then type {command} as it stands here", 40, 6)
    assert f"      {url}" in rows
    assert f"      {command}" in rows
    assert "nc -vz -w 10 mx.example.org 25;" in show.wrap("type nc -vz -w 10 mx.example.org 25; and look", 33)


def test_pieces_stand_beside_each_other_where_they_fit() -> None:
    assert show.rows(["one two", "", '"three"', "[four]"], 40) == ['one two  "three"  [four]']
    assert show.rows(["one two", '"three"', "[four]"], 15) == ["one two", '    "three"', "    [four]"]


def test_the_width_is_the_screens_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, width in (("60", 60), ("300", show.WIDEST), ("3", show.NARROWEST), ("", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert show.width() == width
