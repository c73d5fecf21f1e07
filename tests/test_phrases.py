"""RE2 finds the place and `re` reads it: together they answer as `re` alone does."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.notice import cited, dialects, listed, phrases, refusal
from unlisted.notice.dialects import plain
from unlisted.notice.phrases import Phrase, Phrases

PHRASES = {
    "remote": dialects._REMOTE,
    "original": dialects._ORIGINAL,
    "body": plain._BODY,
    "prose": plain._PROSE,
    "said": refusal._SAID,
    "using": listed._USING,
    "part": listed._PART,
    "ours": cited._OURS,
    "theirs": cited._THEIRS,
}
BITS = [
    *("host mx.example.org[192.0.2.1] said: 550 ", "while talking to ", "remote server ", "\n", "\r\n", " "),
    *(
        "mx1.example.net (2001:db8::1): ",
        "Blocked by ",
        "listed at ",
        "(PBL) is in the SBL",
        "zen.example.org",
        "client ",
        "for [",
        "é",
    ),
    *(
        "----- original message -----\n",
        "******\nThis message was created",
        "Received: from x",
        "\n> ",
        "mx[",
    ),
    *("could not be delivered to ", "b@example.org", "Undeliverable to: <", "server (", "responded: ", "€"),
]


@pytest.mark.parametrize("name", PHRASES)
@given(st.lists(st.sampled_from(BITS), max_size=12).map("".join))
def test_a_phrase_is_where_re_finds_it(name: str, text: str) -> None:
    phrase = PHRASES[name]
    expected = phrase.pattern.search(text)
    found = phrase.search(text)
    assert (found and found.span()) == (expected and expected.span())
    assert [m.span() for m in phrase.finditer(text)] == [m.span() for m in phrase.pattern.finditer(text)]
    assert phrase.occurs(text) is (expected is not None)


@given(
    st.lists(st.sampled_from([*BITS, "after DATA", "RCPT TO", ">>> MAIL", "helo handshake"])).map(" ".join)
)
def test_several_at_once_are_those_that_re_finds(text: str) -> None:
    each = [number for number, one in enumerate(dialects._COMMAND.patterns) if one.search(text)]
    assert sorted(dialects._COMMAND.which(text)) == each


def test_places_behind_letters_of_several_octets() -> None:
    find = phrases.finder("b+")
    assert find("äöü€bbb") == (4, 7)
    assert find("b€äbb", 1) == (3, 5)
    assert find("äöü") is None


def test_a_gate_that_holds_too_often_changes_nothing() -> None:
    loose = Phrase(r"ab(?=c)", gate="ab")
    found = loose.search("ab abd abc")
    assert found is not None
    assert found.start() == 7
    assert loose.search("ab abd") is None


def test_without_re2_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)  # `import re2` now fails
    assert phrases.finder("b+")("äbb B", 1) == (1, 3)
    assert phrases.finder("b+")("aaa") is None
    found = Phrase(r"^host (\S+)$").search("x\nHost mx.example.org\n")
    assert found is not None
    assert found[1] == "mx.example.org"
    assert list(Phrases("a", "^b$", "c").which("A\nB\n")) == [0, 1]


def test_hostile_text_is_passed_over_in_one_go() -> None:
    # `re` alone would try every start of the run: the suite's timeout is the judge.
    assert not Phrase(r"x[\w ]{0,200}y[\w ]{0,200}z").occurs("x " * 200_000)
