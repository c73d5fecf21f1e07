"""What a page's times mean, the question that it answers, and how `explain` tells it."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pasted import CONNECTION, HELO, OURS, SINK, SPAMCOP, TEXTS, TOLD, at, html
from unlisted import cli
from unlisted.cli import explain
from unlisted.config import Config
from unlisted.edge import mail
from unlisted.engine import Engine
from unlisted.messages import Hold, Propose
from unlisted.notice import pages, replies, sighting
from unlisted.notice.pages import _times
from unlisted.notice.reports._facts import ZONE
from unlisted.stop.guard import Network

# ---- times -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted", "accuracy"),
    [
        ("2026-05-16 23:11:19 UTC", "2026-05-16 23:11:19", 1.0),
        ("2026-05-16T23:11:19Z", "2026-05-16 23:11:19", 1.0),
        ("2026-05-16, 23:11:19 (GMT - a note", "2026-05-16 23:11:19", 1.0),
        ("2026-05-16 23:11 GMT (+/- 30 minutes)", "2026-05-16 23:11", 1800.0),
        ("2026-05-16 23:11 GMT (\u00b130 minutes)", "2026-05-16 23:11", 1800.0),
        ("2026-05-16 23:11:19.123456+02", "2026-05-16 21:11:19", 1.0),
        ("2026-05-16 23:11:19 -0530", "2026-05-17 04:41:19", 1.0),
        ("16.05.2026 23:11 CET", "2026-05-16 22:11", 60.0),
        ("16.05.2026 um 23:11 Uhr CEST +/- 1 minute", "2026-05-16 21:11", 60.0),
        ("Sat May 16 23:11 2026 GMT", "2026-05-16 23:11", 60.0),
        ("Sat May 16 23:11:19 GMT 2026", "2026-05-16 23:11:19", 1.0),
        ("Sat, 16 May 2026 23:11:19 +0000", "2026-05-16 23:11:19", 1.0),
        ("May 16th, 2026 at 11:11 PM UTC", "2026-05-16 23:11", 60.0),
        ("16-May-2026 12:00 am UTC", "2026-05-16 00:00", 60.0),
        ("05/16/2026 23:11 UTC", "2026-05-16 23:11", 60.0),
        ("16/05/2026 23:11 UTC", "2026-05-16 23:11", 60.0),
        ("2026-05-16", "2026-05-16 00:00", 86400.0),
    ],
)
def test_times(text: str, wanted: str, accuracy: float) -> None:
    found = _times.after(f"last detected at {text} and so on", 17)
    assert (found.at, found.accuracy, found.note) == (at(wanted), accuracy, "")
    assert found.since == at(wanted) - accuracy
    assert found.until == at(wanted) + accuracy


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("05/06/2026 23:11 UTC", "may be a day in two months"),
        ("May 16 23:11", "names no year"),
        ("2026-13-45 23:11 UTC", "is no time of any calendar"),
        ("2026-05-16 27:11 UTC", "is no time of any calendar"),
        ("2026-05-16 13:11 PM UTC", "is no time of any calendar"),
        ("about 3 hours ago", "counts from when the page was opened"),
        ("approximately 2 days, 23 hours, 29 minutes ago.", "counts from when the page was opened"),
    ],
)
def test_a_time_that_cannot_be_read_is_said_and_not_guessed(text: str, why: str) -> None:
    found = _times.after(f"last detected at {text}", 17)
    assert (found.at, found.accuracy) == (None, None)
    assert why in found.note
    (one,) = pages.read(f"IP Address {OURS} is listed in the CBL. It was last detected at {text}")
    assert any(why in note for note in one.notes)
    assert any(why in remark for remark in sighting.remarks(one))
    assert "--at" not in sighting.question(one)


@pytest.mark.parametrize("zone", ["", " IST"])
def test_a_time_without_a_known_zone_may_be_off_by_half_a_day(zone: str) -> None:
    found = _times.after(f"2026-05-16 23:11:19{zone}", 0)
    assert (found.at, found.accuracy) == (at("2026-05-16 23:11:19"), ZONE)
    assert "half a day" in found.note


# ---- the question ----------------------------------------------------------------------------------------


def test_the_command_to_type() -> None:
    (one,) = pages.read(CONNECTION)
    assert sighting.questions(one) == [
        f"unlisted find --seen {OURS}:51518 --at 2026-11-12T12:09:13Z FOLDER",
        f"unlisted find --contacted {SINK} --at 2026-11-12T12:09:13Z FOLDER",
    ]
    assert sighting.precision(one) == "connection"
    (one,) = pages.read(CONNECTION.replace(OURS, "2001:db8::5"))
    assert (
        sighting.question(one)
        == "unlisted find --seen '[2001:db8::5]:51518' --at 2026-11-12T12:09:13Z FOLDER"
    )
    (one,) = pages.read(CONNECTION.replace(OURS, "x.x.x.x"))
    assert sighting.question(one) == f"unlisted find --contacted {SINK} --at 2026-11-12T12:09:13Z FOLDER"


@pytest.mark.parametrize(
    ("name", "says", "means"),
    [
        (
            "window",
            "from 2026-11-24 15:30:00Z to 2026-11-24 16:30:00Z: who spoke to the mail ports",
            "RFC 6302",
        ),
        (
            "port",
            "from 2026-10-17 10:30:00Z to 2026-10-17 11:30:00Z for whoever sent UDP to port 16471",
            "RFC 6302",
        ),
        ("helo", "unlisted find FOLDER", "it greets as 192.168.0.104"),
        ("spamcop", f"unlisted check {OURS}", "counts from when the page was opened"),
        ("backscatterer", "mail server's log from 2026-11-13 16:42:00Z to 2026-11-13 16:44:00Z", "RFC 6302"),
        ("table", "from 2026-02-25 18:30:02Z to 2026-02-26 09:05:40Z", "RFC 6302"),
    ],
)
def test_without_a_port_it_says_what_can_be_asked_and_what_cannot_be_said(
    name: str, says: str, means: str
) -> None:
    (one,) = pages.read(TEXTS[name])
    assert says in sighting.question(one)
    assert "--seen" not in sighting.question(one)
    assert any(means in remark for remark in sighting.remarks(one))


def test_a_port_of_a_service_tells_no_device_apart() -> None:
    (one,) = pages.read(CONNECTION.replace("51518", "80"))
    assert sighting.precision(one) == "contact"
    (one,) = pages.read(CONNECTION.replace("51518", "99999"))
    assert one.source_port == 0


# ---- the verb --------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["explain", *words])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("saved", ["page.txt", "page.html", "page.mhtml", "page.utf16.txt"])
def test_explain_tells_what_was_read_and_what_to_type(
    saved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / saved
    mhtml = (
        "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://list.example/\r\nSubject: Lookup\r\n"
        "Date: Thu, 19 Nov 2026 10:00:00 -0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="--x"\r\n\r\n\r\n----x\r\n'
        "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        f"{html(CONNECTION).replace('=', '=3D')}\r\n----x--\r\n"
    )
    made = {
        "page.txt": CONNECTION,
        "page.html": html(CONNECTION) + "<!--" + "x" * 300_000 + "-->",
        "page.mhtml": mhtml,
    }
    path.write_bytes(made[saved].encode() if saved in made else b"\xff\xfe" + CONNECTION.encode("utf-16-le"))
    code, out = run(capsys, str(path))
    flat = " ".join(out.split())
    assert code == 1
    assert flat.startswith(
        f"page of the CBL: {OURS} is listed, Conficker, at 2026-11-12 12:09:13Z, to the second, "
        f"source port 51518, to {SINK} port 80 (tcp)"
    )
    assert "one connection, so one device or subscriber" in flat
    lines = out.splitlines()
    assert lines[-3] == f"next: unlisted find --seen {OURS}:51518 --at 2026-11-12T12:09:13Z FOLDER"
    assert lines[-2].strip() == "(FOLDER: the gateway's logs and the leases of that time)"
    assert lines[-1] == f"and:  unlisted find --contacted {SINK} --at 2026-11-12T12:09:13Z FOLDER"


@pytest.mark.parametrize("name", TEXTS)
def test_every_sample_is_one_line_and_one_row(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.txt").write_text(TEXTS[name])
    code, out = run(capsys, "--json", str(tmp_path / "page.txt"))
    (row,) = [json.loads(text) for text in out.splitlines()]
    assert (code, row["verdict"]) == ((1, "our-address") if TOLD[name]["listed"] else (0, "other"))
    assert row["list"] == TOLD[name]["list"]
    code, out = run(capsys, str(tmp_path / "page.txt"))
    assert out.startswith("page of ")
    assert "\nnext: " in out


def test_a_page_pasted_into_stdin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(SPAMCOP.encode()), isatty=lambda: False)
    )
    code, out = run(capsys, "-")
    assert code == 1
    assert out.startswith(f"page of SpamCop: {OURS} is listed, 15 h left when it was opened  [stdin]")


def test_json_has_the_promised_fields_and_the_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.txt").write_text(CONNECTION)
    code, out = run(capsys, "--json", str(tmp_path / "page.txt"))
    row = json.loads(out)
    assert code == 1
    assert list(row) == [*explain.PROMISED, "at", "advice", "again", "evidence"]
    assert row["source"] == str(tmp_path / "page.txt")
    assert (row["list"], row["verdict"], row["cited_ip"]) == ("cbl", "our-address", OURS)
    assert row["at"] == at("2026-11-12 12:09:13")
    told = row["evidence"]
    assert (told["source_port"], told["dst"], told["dport"], told["malware"]) == (
        51518,
        SINK,
        80,
        "Conficker",
    )
    assert told["question"] == f"unlisted find --seen {OURS}:51518 --at 2026-11-12T12:09:13Z FOLDER"


@pytest.mark.parametrize(("own", "code", "verdict"), [(OURS, 1, "our-address"), ("203.0.113.77", 0, "other")])
def test_a_page_about_somebody_else_is_not_about_us(
    own: str, code: int, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.txt").write_text(CONNECTION)
    had, out = run(capsys, "--json", "--own", own, str(tmp_path / "page.txt"))
    assert (had, json.loads(out)["verdict"]) == (code, verdict)
    _, out = run(capsys, "--own", own, str(tmp_path / "page.txt"))
    assert ("(ours)" if own == OURS else "(not ours)") in out


def test_evidence_without_a_listing_is_no_verdict_and_yet_something_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.txt").write_text("\n".join(CONNECTION.splitlines()[3:5]))
    code, out = run(capsys, "--json", str(tmp_path / "page.txt"))
    assert (code, json.loads(out)["verdict"]) == (1, "undecided")


def test_a_page_in_a_folder_is_read_and_an_article_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.txt").write_text(CONNECTION)
    (tmp_path / "saved.html").write_text(html(SPAMCOP))
    (tmp_path / "other.html").write_text(html("The CBL lists addresses. 550 5.1.1 User unknown"))
    (tmp_path / "manual.md").write_text(f"# About the CBL\n\n{CONNECTION}")
    read = {Path(one.source).name for one in mail.messages(str(tmp_path)) if isinstance(one, mail.Message)}
    assert read == {"page.txt", "saved.html"}
    code, out = run(capsys, str(tmp_path))
    assert code == 1
    assert out.count("page of ") == 2


def test_nothing_hostile_reaches_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HELO.replace("192.168.0.104", "a\x1b]0;x\x07\u202eb.example").replace("CBL.", "CBL.\x1b[2J")
    (tmp_path / "page.txt").write_text(text)
    for words in ((), ("--json",)):
        _, out = run(capsys, *words, str(tmp_path / "page.txt"))
        assert not set(out) & set("\x1b\x07\u202e")


def test_a_page_moves_no_hold() -> None:
    engine = Engine(Config(policy="hold", warm_up=0.0), Network())
    told = replies.pasted("".join(TEXTS.values()), "x")
    assert len(told) == len(TEXTS)
    commands = [command for one in told for command in engine.step(one)]
    assert not [one for one in commands if isinstance(one, Hold | Propose)]
