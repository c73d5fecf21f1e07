"""Lists' pages as people paste them: each shape in many layouts, what is no page, and several in one text."""

import json
from pathlib import Path

import pytest

from pasted import (
    CONNECTION,
    LAYOUTS,
    OURS,
    SINK,
    SINKHOLE,
    SPAMCOP,
    TABLE,
    TEXTS,
    TOLD,
    UCEPROTECT,
    WINDOW,
    at,
    facts,
    html,
)
from unlisted import cli
from unlisted.notice import pages, replies, sighting
from unlisted.notice.pages import _text


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", TOLD)
def test_each_page_in_each_layout(name: str, layout: str) -> None:
    (one,) = pages.read(LAYOUTS[layout](TEXTS[name]))
    assert facts(one) == TOLD[name]
    assert one.kind in pages.known()
    assert 0 < len(one.quote) <= pages.QUOTE
    assert one.quote.isprintable()


@pytest.mark.parametrize("name", TOLD)
def test_the_same_with_ipv6(name: str) -> None:
    ours, sink = "2001:db8:0:1::5", "2001:db8:ffff::1b"
    (one,) = pages.read(TEXTS[name].replace(OURS, ours).replace(SINK, sink))
    assert facts(one) == TOLD[name] | {"address": ours} | ({"dst": sink} if "dst" in TOLD[name] else {})


@pytest.mark.parametrize("name", TOLD)
def test_no_hint_and_no_sign_hides_a_page(name: str) -> None:
    text = TEXTS[name]
    (one,) = pages.read(text)
    kind = pages.known()[one.kind]
    assert any(hint in text.lower() for hint in kind.HINTS)
    found = kind.STARTS.search(_text.flat(text))
    assert found
    assert any(sign in found[0].lower() for sign in kind.SIGNS)


def test_the_evidence_alone_is_enough() -> None:
    (one,) = pages.read("\n".join(CONNECTION.splitlines()[3:5]))
    assert (one.address, one.listed, one.source_port, str(one.dst)) == (None, None, 51518, SINK)
    (one,) = pages.read("\n".join(SINKHOLE.splitlines()[5:]))
    assert (str(one.address), one.source_port, str(one.dst), one.at) == (
        OURS,
        1049,
        SINK,
        at("2026-08-28 17:11:04"),
    )


def test_a_controller_or_a_greeting_is_something_to_look_for() -> None:
    (one,) = pages.read(
        "This IP is infected with, or is NATting for a machine infected with Torpig, also known as Anserin.\n"
        f"It made contact to a Torpig Command and Control server at {SINK}, with contents of its own."
    )
    assert (one.address, one.listed, one.at, str(one.dst)) == (None, None, None, SINK)
    assert sighting.question(one).startswith(f"look in the gateway's log for whoever spoke to {SINK}")
    (one,) = pages.read("This IP address is HELO'ing as \u201clocalhost.localdomain\u201d, says the CBL.")
    assert (one.helo, one.listed) == ("localhost.localdomain", None)
    assert sighting.question(one).startswith("look for what greets as localhost.localdomain")


def test_an_address_that_was_blacked_out_is_not_invented() -> None:
    for shown in ("", "x.x.x.x", "(my IP address)", "[removed]", "203.0.113.xxx"):
        (one,) = pages.read(CONNECTION.replace(OURS, shown))
        assert (one.address, one.listed, one.source_port) == (None, True, 51518)


def test_a_controller_with_an_address_and_no_port() -> None:
    text = (
        f"IP Address {OURS} is listed in the CBL.\nLast detected at 2026-08-28 17:00 GMT (+/- 30 min).\n"
        "This IP is infected with, or is NATting for a machine infected with Torpig, also known as Anserin.\n"
        f"It made contact to a Torpig Command and Control server at {SINK}, with contents of its own.\n"
    )
    (one,) = pages.read(text)
    assert (one.malware, str(one.dst), one.accuracy) == ("Torpig", SINK, 1800.0)
    asked = [f"unlisted find --contacted {SINK} --at 2026-08-28T17:00Z --skew 1800s FOLDER"]
    assert sighting.questions(one) == asked


def test_the_removal_page() -> None:
    (one,) = pages.read(f"CBL Removal Request\n{OURS} (detected at 2026-11-12 03:00 GMT +/- 30 minutes)")
    assert (str(one.address), one.listed, one.at, one.accuracy) == (
        OURS,
        True,
        at("2026-11-12 03:00"),
        1800.0,
    )


def test_columns_are_read_by_the_names_in_the_head() -> None:
    text = (
        f"A device using {OURS} is infected with malware.\nTechnical information\n"
        "(IP, UTC timestamp, source port, destination IP, destination port, malware)\n"
        f"{OURS} 2026-02-26 09:05:40 40222 {SINK} 443 Qakbot\nSpamhaus\n"
    )
    (one,) = pages.read(text)
    assert (one.source_port, str(one.dst), one.dport, one.malware) == (40222, SINK, 443, "Qakbot")
    assert sighting.question(one) == f"unlisted find --seen {OURS}:40222 --at 2026-02-26T09:05:40Z FOLDER"


def test_a_full_hour_is_said_to_be_rounded() -> None:
    (one,) = pages.read(TABLE.replace("09:05:40", "09:00:00"))
    assert one.accuracy == 3600.0
    assert any("rounded" in note for note in one.notes)


def test_headers_of_a_spam_trap_tell_helo_and_message_id() -> None:
    text = (
        f"Currently listed in PSBL?  Yes.\nSpam and removal history for {OURS} (times in UTC):\n\nevidence\n"
        f"Received: from pc7 (HELO pc7.lan) ([{OURS}]) by trap.example; Thu, 12 Nov 2026 12:09:13 +0000\n"
        "Message-ID: <1.2@pc7.lan>\nSubject: buy\nFrom: a@example.org\n"
    )
    (one,) = pages.read(text)
    assert (one.helo, one.message_id, one.subject) == ("pc7.lan", "<1.2@pc7.lan>", "buy")
    assert (one.at, one.accuracy) == (at("2026-11-12 12:09:13"), 1.0)
    assert sighting.question(one).startswith(
        "look up <1.2@pc7.lan> in the mail server's log; not there: unlisted find "
    )


@pytest.mark.parametrize("level", [2, 3])
def test_a_level_that_names_the_provider_tells_no_event(level: int) -> None:
    (one,) = pages.read(UCEPROTECT.replace("Level 1", f"Level {level}"))
    assert (one.list, one.sublist, one.at) == (f"uceprotect-{level}", f"L{level}", None)


# ---- not listed ------------------------------------------------------------------------------------------


CLEAR = {
    "cbl": f"IP Address {OURS} is not listed in the CBL.",
    "spamhaus": f"check.spamhaus.org\n{OURS} has no issues\n",
    "spamcop": f"Query bl.spamcop.net - {OURS}\n{OURS} not listed in bl.spamcop.net\n",
    "psbl": f"The host {OURS} has never been listed in PSBL. Is it the wrong blocklist?",
    "backscatterer": f"backscatter\nIP {OURS}\nThis IP is CURRENTLY NOT LISTED in our Database.",
    "uceprotect": f"IP {OURS}\nUCEPROTECT-Level 1: NOT LISTED\n",
    "interserver": f"{OURS} is not listed in rbl.interserver.net",
}


@pytest.mark.parametrize("kind", CLEAR)
def test_not_listed_is_an_answer_and_accuses_nobody(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = pages.read(CLEAR[kind])
    assert (one.kind, one.listed, str(one.address)) == (kind, False, OURS)
    (tmp_path / "page.txt").write_text(CLEAR[kind])
    assert cli.main(["explain", str(tmp_path / "page.txt")]) == 0
    assert f"{OURS} is not listed" in capsys.readouterr().out
    assert cli.main(["explain", "--json", str(tmp_path / "page.txt")]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["verdict"], row["reason"], row["evidence"]["listed"]) == ("other", "", False)


def test_every_kind_of_page_is_tried_here() -> None:
    assert set(CLEAR) == set(pages.known()) == {pages.read(text)[0].kind for text in TEXTS.values()}


# ---- what is no page -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        # Bounces and replies that speak as a page does.
        f"<b@example.org>: host mx[198.51.100.7] said: 554 5.7.1 IP Address {OURS} is listed in the CBL.",
        f"<b@example.org>: host mx said: 554 5.7.1 IP Address\n    {OURS} is listed in the CBL. It HELOs",
        f"550-5.7.1 IP Address {OURS} is listed in the CBL.\n550 5.7.1 last detected at 2026-11-12 12:00 GMT",
        f"554 {OURS} listed in bl.spamcop.net (127.0.0.2)",
        f"550 5.7.1 IP {OURS} is listed at UCEPROTECT-Level 1. See http://www.uceprotect.net/ expire",
        f"550 5.7.1 Service unavailable; Client host [{OURS}] blocked using zen.spamhaus.org",
        # Articles and manuals.
        "The CBL lists addresses that are infected. A page says when one was last detected at its traps, "
        "and with which source port and destination port the sinkhole was contacted.",
        "If this IP is infected (or NATting for a computer that is infected) with the Cutwail spambot, look.",
        "What is a sinkhole? The CBL names it: detected by a TCP/IP connection from X on port N going to IP "
        "address Y (the sinkhole) on port M.",
        "The PSBL, as SpamCop, UCEPROTECT, Backscatterer and Spamhaus, lists 203.0.113.5 and others.",
        # A person's words, and a checker's.
        f"Our address {OURS} is listed in the CBL since Monday, what can we do?",
        f"Our address {OURS} is listed in the XBL of Spamhaus since Monday.",
        f"IP: {OURS} IS listed in bl.spamcop.net\nIP: {OURS} is NOT listed in xbl.spamhaus.org",
        "cbl spamhaus spamcop psbl backscatter uceprotect interserver timestamp sinkhole natting",
        "",
    ],
)  # fmt: skip
def test_look_alikes_are_no_pages(text: str) -> None:
    assert pages.split(text) == ([], text)
    assert all(one.sighting is None for one in replies.pasted(text, "x"))


# ---- several, and what stands between them ----------------------------------------------------------------


def test_pages_and_replies_in_one_text_are_all_told() -> None:
    reply = "554 5.7.1 Client host [203.0.113.45] blocked using bl.spamcop.net"
    unknown = "550 5.1.1 <b@example.org>: User unknown"
    every = list(TEXTS.values())
    told = replies.pasted("\n".join([unknown, *every[:6], reply, *every[6:]]), "x")
    assert [one.list for one in told if one.sighting] == [wanted["list"] for wanted in TOLD.values()]
    assert [facts(one.sighting) for one in told if one.sighting] == list(TOLD.values())
    assert [one.code for one in told if one.sighting is None] == ["550", "554"]


def test_pages_of_several_addresses_stay_apart() -> None:
    others = [CONNECTION.replace(OURS, f"203.0.113.{n}") for n in (6, 7, 8)]
    assert [str(one.address) for one in pages.read("".join(others))] == [
        "203.0.113.6",
        "203.0.113.7",
        "203.0.113.8",
    ]
    assert len(pages.read(CONNECTION + CONNECTION)) == 1
    later = CONNECTION.replace("12:09:13", "12:19:13")
    assert [one.at for one in pages.read(CONNECTION + later)] == [
        at("2026-11-12 12:09:13"),
        at("2026-11-12 12:19:13"),
    ]
    assert len(pages.read(html(CONNECTION + SPAMCOP))) == 2


def test_one_line_with_two_pages_gives_both() -> None:
    text = " ".join((CONNECTION + SPAMCOP + WINDOW.replace(OURS, "203.0.113.9")).split())
    assert [one.list for one in pages.read(text)] == ["cbl", "spamcop", "cbl"]


def test_a_reply_on_the_line_of_a_page_is_not_lost() -> None:
    reply = "554 5.7.1 Client host [203.0.113.45] blocked using bl.spamcop.net"
    told = replies.pasted(" ".join(f"{CONNECTION} {reply}".split()), "x")
    assert [(one.list, one.code) for one in told] == [("cbl", ""), ("spamcop", "554")]


def test_the_facts_of_a_connection_in_another_sentence() -> None:
    text = f"address {SINK} (sinkhole), destination port 80, source port 63744, 2026-05-16 23:11:19 UTC"
    (one,) = pages.read(text)
    assert (str(one.dst), one.dport, one.source_port, one.at) == (SINK, 80, 63744, at("2026-05-16 23:11:19"))
    (one,) = pages.read(f"IP Address {OURS} is listed in the CBL.\n{text}")
    assert sighting.question(one) == f"unlisted find --seen {OURS}:63744 --at 2026-05-16T23:11:19Z FOLDER"


def test_prose_beside_a_page_is_no_refusal_of_its_own() -> None:
    told = replies.pasted(f"Help! We are listed in the CBL. The page says:\n\n{WINDOW}", "x")
    assert [one.sighting is not None for one in told] == [True]
