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
