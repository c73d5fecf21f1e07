"""The verb and its reader: files, folders, mbox, Maildir, gzip, stdin, and what cannot be read."""

import gzip
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import cli
from unlisted.cli import explain
from unlisted.edge import mail

BOUNCE = (
    b"From: MAILER-DAEMON@relay.example.net\nSubject: Undelivered Mail Returned to Sender\n"
    b"Date: Thu, 19 Nov 2026 10:00:00 +0000\n\nI'm sorry, your message could not be delivered.\n\n"
    b"<b@example.org>: host mx.example.org[198.51.100.7] said: 554 5.7.1 Client host\n"
    b"    [203.0.113.5] blocked using bl.spamcop.net (in reply to RCPT TO command)\n"
)
UNKNOWN = BOUNCE.replace(
    b"554 5.7.1 Client host\n    [203.0.113.5] blocked using bl.spamcop.net", b"550 5.1.1 User unknown"
)


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["explain", *words])
    out, err = capsys.readouterr()
    return code, out, err


def _read(path: Path) -> list[mail.Message | mail.Unread]:
    return list(mail.messages(str(path)))


def test_json_has_the_promised_fields_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(BOUNCE)
    code, out, _ = _run(capsys, str(tmp_path / "a.eml"), "--json")
    (row,) = [json.loads(text) for text in out.splitlines()]
    assert code == 1
    assert list(row) == explain.PROMISED
    assert (row["recipient"], row["verdict"], row["list"], row["cited_ip"]) == (
        "b@example.org", "our-address", "spamcop", "203.0.113.5",
    )  # fmt: skip


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "unknown.eml").write_bytes(UNKNOWN)
    assert _run(capsys, str(tmp_path / "unknown.eml"))[0] == 0
    (tmp_path / "none.txt").write_text("nothing here\n")
    assert _run(capsys, str(tmp_path / "none.txt"))[0] == 3
    assert _run(capsys, str(tmp_path / "absent"))[0] == 3
    assert _run(capsys, "--own", "no-address", str(tmp_path))[0] == 2


def test_human_output_ends_with_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(BOUNCE)
    code, out, _ = _run(capsys, str(tmp_path))
    assert code == 1
    assert "b@example.org: 554 5.7.1 blocked: our address, spamcop, cites 203.0.113.5" in out
    assert "the one refusal names the list spamcop and cites 203.0.113.5" in out
    assert out.strip().splitlines()[-1].startswith("next: unlisted check 203.0.113.5")


def test_hostile_text_reaches_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(
        BOUNCE.replace(b"<b@", b"<\x1b]0;b@").replace(b"blocked", b"\x1b[2Jblocked")
    )
    assert "\x1b" not in _run(capsys, str(tmp_path))[1]


def test_stdin_holds_a_bare_reply(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped = SimpleNamespace(
        buffer=io.BytesIO(b"554 5.7.1 [203.0.113.5] blocked using bl.spamcop.net\n"), isatty=lambda: False
    )
    monkeypatch.setattr(sys, "stdin", piped)
    code, out, _ = _run(capsys, "--json")
    assert code == 1
    assert json.loads(out)["source"] == "stdin"


def test_a_terminal_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    code, _, err = _run(capsys)
    assert code == 2
    assert "unlisted explain FILE" in err


# ---- the reader -----------------------------------------------------------------------------------


def test_mbox_is_split_and_unquoted(tmp_path: Path) -> None:
    post = b"From MAILER-DAEMON  Thu Nov 19 10:00:00 2026\n"
    (tmp_path / "box").write_bytes(post + BOUNCE + b"\n>From me\n\n" + post + UNKNOWN)
    one, two = _read(tmp_path / "box")
    assert isinstance(one, mail.Message)
    assert isinstance(two, mail.Message)
    assert b"\nFrom me" in one.raw
    assert (one.source.rpartition("#")[2], two.source.rpartition("#")[2]) == ("1", "2")


def test_maildir_leaves_out_tmp(tmp_path: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.host").write_bytes(BOUNCE)
    assert len(_read(tmp_path)) == 2


def test_gzip_and_damaged_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(BOUNCE * 50)
    (tmp_path / "a.gz").write_bytes(packed)
    (tmp_path / "b.gz").write_bytes(packed[:60])
    good, bad = _read(tmp_path)
    assert isinstance(good, mail.Message)
    assert isinstance(bad, mail.Unread)
    assert "gzip" in bad.why


def test_large_mail_is_read_in_part(tmp_path: Path) -> None:
    with open(tmp_path / "big.eml", "wb") as file:
        file.write(BOUNCE)
        file.seek(100 << 20)
        file.write(b"end")
    (found,) = _read(tmp_path)
    assert isinstance(found, mail.Message)
    assert len(found.raw) == mail.LIMIT
    assert found.cut == (100 << 20) + 3 - mail.LIMIT


def test_unreadable_things_are_values(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\x00\x00" * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    assert all(isinstance(found, mail.Unread) for found in _read(tmp_path))
    assert len(_read(tmp_path)) == 4


def test_recognizes_mail_by_content() -> None:
    assert mail.is_mail(BOUNCE)
    assert mail.is_mail(b"Return-Path: <>\r\nReceived: from x\r\n by y\r\n")
    assert not mail.is_mail(b"550 5.7.1 blocked\n")
    assert not mail.is_mail(b"Nov 19 10:00:00 gw kernel: IN=lan OUT=wan\n")
    assert not mail.is_mail(b'{"from": "a", "to": "b"}')


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw: bytes) -> None:
    mail.is_mail(raw)
    for found in mail._stream("x", io.BytesIO(raw), 200, named=True):
        assert found.source.startswith("x")


@pytest.mark.corpus
def test_a_line_for_each_recipient_of_the_corpus(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = corpora / "bounces"
    code, out, _ = _run(capsys, str(folder), "--json")
    told = [json.loads(text) for text in out.splitlines()]
    rows = [json.loads(text) for text in (folder / "expected.jsonl").read_text().splitlines()]
    assert code == 1
    assert len(told) == len(rows)
