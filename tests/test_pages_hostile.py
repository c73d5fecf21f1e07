"""Lists' pages that somebody wrote to hurt: no text raises, and everything that is kept is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasted import CONNECTION, OURS
from unlisted.notice import pages, replies, sighting

WORDS = (
    "\n|cbl |spamhaus |spamcop |psbl |backscatter |uceprotect |interserver |sinkhole |> |::|1.|"
    "99999999 |<|<html>|<script|<!--|&#0;|\x00|İ|A |(UTC) |NOT LISTED |source port 51518 |"
    "destination port 80 |is not |HELOs as |IP Address 203.0.113.5 |is listed in the CBL. |"
    "last detected at |2026-11-12 12:09:13 |on port 1 |going to |observed making connections to |"
    "detected by a TCP connection from |address 198.51.100.27 |infected with the |"
    "203.0.113.5 listed in bl.spamcop.net |(IP, UTC timestamp, HELO value) |"
    "203.0.113.5 2026-11-12 12:09:13 x |Currently listed in PSBL? Yes |removal history for |"
    "UCEPROTECT-Level 1 |Last was |13.13.2026 99:99 CET |+/- 9999 days |earliest date |"
    "This IP IS CURRENTLY LISTED in our Database |554 5.7.1 |about 3 hours ago |"
    "Received: from a (HELO b) |said: "
)
EACH = WORDS.split("|")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(EACH) | st.text(max_size=8), max_size=40))
def test_no_text_of_their_words_raises(words: list[str]) -> None:
    text = "".join(words)
    found, rest = pages.split(text)
    assert len(found) <= pages.MOST
    assert found or rest == text
    for one in found:
        assert sighting.question(one)
        assert sighting.sentence(one).isprintable()
        assert sighting.precision(one) in sighting.MEANS
        assert one.since is None or one.until is None or one.since <= one.until
        assert all(0 <= port < 65536 for port in (one.source_port, one.dport))
    assert all(one.source == "x" for one in replies.pasted(text, "x"))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    for kind in pages.known().values():
        kind.read(text)
    for hint in ("", *sum((kind.HINTS for kind in pages.known().values()), ())):
        assert isinstance(pages.split(f"{hint} {text}"), tuple)


@given(st.binary())
def test_no_bytes_are_an_archive_by_accident(raw: bytes) -> None:
    assert pages.archived(raw) == ""
    assert isinstance(pages.archived(b"From: <Saved by Blink>\n" + raw), str)


@pytest.mark.parametrize("word", EACH)
def test_a_megabyte_is_bounded(word: str) -> None:
    text = CONNECTION + word * (1_000_000 // len(word))
    found, _ = pages.split(text)
    assert 1 <= len(found) <= pages.MOST
    assert all(len(one.quote) <= pages.QUOTE for one in found)
    assert all(
        len(str(getattr(one, name))) <= 300
        for one in found
        for name in ("helo", "host", "malware", "message_id")
    )
    assert all(len(one.notes) < 10 for one in found)


def test_what_stands_behind_the_limit_is_left_to_the_replies() -> None:
    text = CONNECTION + "x" * pages.LENGTH + "\n550 5.1.1 User unknown\n"
    found, rest = pages.split(text)
    assert len(found) == 1
    assert rest.endswith("\n550 5.1.1 User unknown\n")


def test_many_pages_are_cut_off() -> None:
    text = "".join(CONNECTION.replace(OURS, f"203.0.113.{n}") for n in range(150))
    assert len(pages.read(text)) == pages.MOST
