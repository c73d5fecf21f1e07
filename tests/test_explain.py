"""The verb and its reader: files, folders, mbox, Maildir, gzip, stdin, and what cannot be read."""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import cli
from unlisted.cli import explain
from unlisted.edge import mail, maillog, mbox
from unlisted.messages import Refusal
from unlisted.notice import replies

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


def _unwrapped(out: str) -> str:
    """What the screen says, however wide it is."""
    return " ".join(out.split())


def _read(path: Path) -> list[mail.Message | mail.Unread]:
    return list(mail.messages(str(path)))


def test_json_has_the_promised_fields_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(BOUNCE)
    code, out, _ = _run(capsys, str(tmp_path / "a.eml"), "--json")
    (row,) = [json.loads(text) for text in out.splitlines()]
    assert code == 1
    assert list(row) == [*explain.PROMISED, "at", "advice", "again"]
    assert (row["recipient"], row["verdict"], row["list"], row["cited_ip"]) == (
        "b@example.org", "our-address", "spamcop", "203.0.113.5",
    )  # fmt: skip


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "unknown.eml").write_bytes(UNKNOWN)
    assert _run(capsys, str(tmp_path / "unknown.eml"))[0] == 0
    (tmp_path / "none.txt").write_text("nothing here\n")
    assert _run(capsys, str(tmp_path / "none.txt"))[0] == 3
    assert _run(capsys, str(tmp_path / "absent"))[0] == 2
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


# ---- several in a file ----------------------------------------------------------------------------

POST = b"From MAILER-DAEMON  Thu Nov 19 10:00:00 2026\n"


def _raws(path: Path) -> list[bytes]:
    found = _read(path)
    assert all(isinstance(one, mail.Message) for one in found)
    return [one.raw for one in found if isinstance(one, mail.Message)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_mbox_of_any_kind(tmp_path: Path, end: bytes) -> None:
    post = b"From a@example.net Thu Nov 19 10:00:00 2026\n"
    box = post + BOUNCE + b"\n>From quoted\n>>From twice\n\n" + post + UNKNOWN + b"\n" + post + BOUNCE
    (tmp_path / "box").write_bytes(box.replace(b"\n", end))
    one, two, three = _raws(tmp_path / "box")
    plain = one.replace(b"\r\n", b"\n")
    assert b"\nFrom quoted\n>From twice\n" in plain
    assert b"User unknown" in two
    assert b"spamcop" in three


def test_content_length_is_believed_where_a_message_ends_there(tmp_path: Path) -> None:
    body = b"a report\n\nFrom b@example.net Thu Nov 19 10:00:00 2026\nstill the same\n"
    head = b"From: a@example.net\nSubject: x\nContent-Length: %d\n\n"
    (tmp_path / "box").write_bytes(POST + head % len(body) + body + b"\n" + POST + BOUNCE)
    one, two = _raws(tmp_path / "box")
    assert one.rstrip().endswith(b"still the same")
    assert b"spamcop" in two
    (tmp_path / "box").write_bytes(POST + head % (len(body) + 7) + body + b"\n" + POST + BOUNCE)
    assert len(_raws(tmp_path / "box")) == 3  # a lie: by the "From " lines, then


@pytest.mark.parametrize("length", [10**6, 300_000, 5000])
@pytest.mark.parametrize("block", [1 << 18, 4096])
@pytest.mark.parametrize("exact", [True, False])
def test_no_content_length_hides_the_mails_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, block: int, exact: bool
) -> None:
    monkeypatch.setattr(mbox, "BLOCK", block)
    head = b"From: spammer@example.net\nSubject: hi\nContent-Length: %d\n\n"
    others = (POST + BOUNCE + b"\n") * 5 + (POST + UNKNOWN.rstrip() + b"\n" + b"y" * 70 + b"\n\n") * 5
    stop = (b"hello\n\n" + others).rfind(b"\n\n" + POST) + 1
    raw = POST + head % (stop if exact else length) + b"hello\n\n" + others
    (tmp_path / "box").write_bytes(raw)
    assert len(_raws(tmp_path / "box")) == 11
    raw += (POST + BOUNCE + b"\n") * (600_000 // len(BOUNCE))  # more than a block
    (tmp_path / "box").write_bytes(raw)
    assert len(_raws(tmp_path / "box")) == 11 + 600_000 // len(BOUNCE)


def test_mails_written_one_behind_the_other(tmp_path: Path) -> None:
    report = (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@example.net\nContent-Type: multipart/report; boundary=b\n\n"
        b"--b\n\nno\n--b\nContent-Type: message/rfc822\n\nReturn-Path: <a@example.net>\n"
        b"From: postmaster@example.net\nSubject: x\n\nhello\n--b--\n"
    )
    (tmp_path / "all").write_bytes(report + b"\n" + BOUNCE + b"\n" + report + report + b"\n" + UNKNOWN)
    found = _raws(tmp_path / "all")
    assert [raw.strip() for raw in found] == [
        one.strip() for one in (report, BOUNCE, report, report, UNKNOWN)
    ]


def test_what_a_bounce_returns_is_no_second_mail(tmp_path: Path) -> None:
    copy = b"\n--- Below this line is a copy of the message.\n\n"
    returned = b"Return-Path: <>\nFrom: MAILER-DAEMON@x.example\n\nhi\n"
    (tmp_path / "one").write_bytes(BOUNCE + copy + returned)
    assert len(_raws(tmp_path / "one")) == 1


@pytest.mark.parametrize(
    "kind", [b"text/plain", b"multipart/mixed; boundary=b\n\n--b", b"multipart/x; boundary=b\n\n--b--"]
)
@pytest.mark.parametrize(
    "unit",
    [
        b"to:\n\n",
        b"\n",
        b"to:\na:\n\n",
        b"to: a\nto: b\n\n",
        b"to:\nto:\n \n",
        b"--b--\nto:\na:\n",
        b"from: postmaster\nto:\ncopy of\n\n",
        b"from:\n" * 300 + b"copy of\n\n",
    ],
)
def test_to_tell_mails_apart_costs_no_more_than_their_length(kind: bytes, unit: bytes) -> None:
    # Each empty line with "to:" behind it cost a look at 8 kB: nine seconds a megabyte.
    raw = b"From: MAILER-DAEMON@x.example\nSubject: x\nContent-Type: " + kind + b"\n\n"
    raw += unit * (3_000_000 // len(unit))
    started = time.process_time()
    for _ in mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), mail.LIMIT):
        pass
    assert time.process_time() - started < 3


@pytest.mark.parametrize("first", [b"foo\n", b""])
def test_many_false_lengths_cost_no_more_than_their_length(first: bytes) -> None:
    # Each tells the last one's place, over all the others and one that has a header: a minute a megabyte.
    post, count = b"From a@b Thu Nov 19 10:00:00 2026\n", 14_000
    unit = post + first + b"Content-Length: %09d\n\nx\n\n"
    middle = post + b"A: b\n\nx\n\n"
    size = len(unit % 0)
    total = count * size + len(middle)
    raw = middle + b"".join(unit % (total - number * size - size + 3) for number in range(count))
    raw += middle + post + b"B: c\n\n" + b"z\n" * 6000
    started = time.process_time()
    assert len(list(mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), mail.LIMIT))) == count + 3
    assert time.process_time() - started < 3


@given(
    st.lists(
        st.sampled_from(
            [
                b"a\n",
                b"\n",
                b" \n",
                b"to: x\n",
                b"From: postmaster\n",
                b"--b\n",
                b"--b--\n",
                b"copy of\n",
                b"y" * 90 + b"\n",
            ]
        ),
        max_size=40,
    ),
    st.integers(1, 300),
)
def test_blocks_of_any_size_tell_the_same_mails_apart(lines: list[bytes], block: int) -> None:
    raw = b"From: a@b.example\nContent-Type: multipart/x; boundary=b\n\n" + b"".join(lines)
    found = []
    for size in (block, 1 << 18):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mbox, "BLOCK", size)
            patch.setattr(mbox, "AHEAD", 1000)
            found.append(list(mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), mail.LIMIT)))
    assert found[0] == found[1]
    assert b"".join(one for one, _ in found[0]) == raw


def test_a_bomb_of_mails_ends_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "COUNTED", 1 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress((BOUNCE + b"\n") * 9000))
    *several, last = _read(tmp_path / "bomb.gz")
    assert 0 < len(several) < 9000
    assert isinstance(last, mail.Unread)
    assert "unpacks to more" in last.why
    assert sum(len(one.raw) for one in several if isinstance(one, mail.Message)) <= 1 << 20


@pytest.mark.corpus
def test_every_mail_of_the_corpus_is_one(corpora: Path) -> None:
    several = {}
    for path in sorted((corpora / "bounces").glob("*.eml")):
        found = _raws(path)
        if found[1:]:
            several[path.name] = len(found)
        elif not found[0].startswith(b"From "):
            assert found[0] == path.read_bytes(), path.name
    assert set(several.values()) <= {2}, several  # one of them is an mbox of two
    assert len(several) == 1


# ---- pipes and devices ----------------------------------------------------------------------------


def test_a_pipe_with_a_writer_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(BOUNCE))
    writer.start()
    code, out, err = _run(capsys, "--json", str(tmp_path / "pipe"))
    writer.join()
    assert (code, json.loads(out)["recipient"], err) == (1, "b@example.org", "")


def test_a_pipe_without_a_writer_says_that_it_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    words = [sys.executable, "-m", "unlisted", "explain", str(tmp_path / "pipe")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        assert waiting.stderr is not None
        assert b"waiting for somebody to write" in waiting.stderr.readline()
        (tmp_path / "pipe").write_bytes(BOUNCE)
        out, _ = waiting.communicate(timeout=30)
    assert b"b@example.org" in out
    assert waiting.returncode == 1


def test_a_device_is_not_read_for_ever() -> None:
    (found,) = mail.messages("/dev/zero")
    assert isinstance(found, mail.Unread)
    assert "device" in found.why


def test_a_bomb_of_zeros_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "COUNTED", 5 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"550 no\n" + bytes(20 << 20)))
    (found,) = _read(tmp_path / "bomb.gz")
    assert isinstance(found, mail.Unread) or found.cut <= 6 << 20


# ---- what was not understood ----------------------------------------------------------------------


def test_what_was_not_understood_is_counted_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1.eml").write_bytes(BOUNCE)
    (tmp_path / "2.eml").write_bytes(
        b"From: a@example.net\nTo: b@example.net\nSubject: lunch\n\nDo you come?\n"
    )
    (tmp_path / "3.eml").write_bytes(UNKNOWN.replace(b"550 5.1.1 User unknown", b"gargle blaster"))
    (tmp_path / "4").write_bytes(b"\x7fELF\x00\x00")
    _, out, err = _run(capsys, str(tmp_path))
    assert "3 messages read: 1 without a refusal, 1 not understood   (--unread lists them)" in err
    assert "b@example.org" in out
    code, out, _ = _run(capsys, "--unread", str(tmp_path))
    assert code == 1
    rows = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.rpartition("/")[2].split(": ")[:2] for line in rows] == [
        ["3.eml", "not understood"], ["4", "not read"], ["1 ordinary mail without a refusal"],
    ]  # fmt: skip
    _, out, _ = _run(capsys, "--unread", "--json", str(tmp_path))
    assert [list(json.loads(line)) for line in out.splitlines()] == [["source", "why"]] * 3
    assert _run(capsys, "--unread", str(tmp_path / "1.eml"))[:2] == (0, "")


def test_recognizes_mail_by_content() -> None:
    assert mail.is_mail(BOUNCE)
    assert mail.is_mail(b"Return-Path: <>\r\nReceived: from x\r\n by y\r\n")
    assert not mail.is_mail(b"550 5.7.1 blocked\n")
    assert not mail.is_mail(b"Nov 19 10:00:00 gw kernel: IN=lan OUT=wan\n")
    assert not mail.is_mail(b'{"from": "a", "to": "b"}')


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw: bytes) -> None:
    mail.is_mail(raw)
    for found in mail._stream("x", io.BytesIO(raw), mail._How(200, named=True, log=lambda *_: False)):
        assert found.source.startswith("x")


@pytest.mark.corpus
def test_a_line_for_each_recipient_of_the_corpus(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = corpora / "bounces"
    code, out, _ = _run(capsys, str(folder), "--json")
    told = [json.loads(text) for text in out.splitlines()]
    rows = [json.loads(text) for text in (folder / "expected.jsonl").read_text().splitlines()]
    assert code == 1
    assert len(told) == len(rows)


# ---- blocks and lines -----------------------------------------------------------------------------


@given(
    st.lists(
        st.sampled_from([b"a\n", b">From x\n", b"From here\n", b"x" * 40 + b"\n", b"\r\n", b"Z: 1\n\n"]),
        max_size=9,
    ),
    st.integers(1, 4),
    st.integers(20, 400),
)
def test_blocks_of_any_size_give_the_same_messages(lines: list[bytes], count: int, block: int) -> None:
    body = b"Subject: x\n\n" + b"".join(lines) + b"end\n"
    box = (POST + body + b"\n") * count
    found = []
    for size in (block, 1 << 18):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mbox, "BLOCK", size)
            patch.setattr(mbox, "AHEAD", 100)
            found.append(list(mbox.split(mbox.Rewound(b"", io.BytesIO(box)), 150)))
    assert found[0] == found[1]
    assert len(found[0]) == count
    assert all(len(raw) <= 150 for raw, _ in found[0])
    if b">From" not in body:  # what is unquoted gets shorter
        assert sum(len(raw) + cut for raw, cut in found[0]) == len(box)


@pytest.mark.parametrize("program", ["exim", "sendmail", "opensmtpd", "postfix", "qmail"])
def test_a_mail_log_tells_its_refusals_and_what_went_through(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(__file__).parent / "samples" / program
    code, out, err = _run(capsys, str(folder), "--json")
    assert code == 1
    told = [json.loads(line) for line in out.splitlines()]
    assert {one["cited_ip"] for one in told if one["verdict"] == "our-address"} == {"203.0.113.5"}
    assert all(one["recipient"] and ".log:" in one["source"] for one in told)
    assert "went through" in err
    _, out, _ = _run(capsys, str(folder))
    assert "of all mail was refused" not in out  # of so few messages a percentage says nothing


def test_an_address_that_is_none_of_ours_is_not_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.txt").write_text("554 5.7.1 Client host [198.51.100.9] blocked using zen.spamhaus.org\n")
    code, out, _ = _run(capsys, str(tmp_path / "r.txt"), "--own", "198.51.100.9")
    assert (code, "our address" in out) == (1, True)
    code, out, _ = _run(capsys, str(tmp_path / "r.txt"), "--own", "203.0.113.5")
    assert code == 0
    assert "cites 198.51.100.9, none of yours" in out
    assert "say --own 198.51.100.9" in _unwrapped(out)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_reply_pasted_with_notepad_is_read(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "554 5.7.1 Client host [198.51.100.9] blocked using zen.spamhaus.org\r\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "r.txt").write_bytes((mark + text).encode(encoding))
    code, out, _ = _run(capsys, str(tmp_path / "r.txt"))
    assert code == 1
    assert "spamhaus-zen" in out


@pytest.mark.parametrize(
    ("reply", "next_step"),
    [
        ("554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org", "unlisted check 203.0.113.5"),
        ("554 Client host [203.0.113.5] blocked using dnsbl.sorbs.net", "sorbs is dead"),
        (
            "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org; Error: open resolver; "
            "https://check.spamhaus.org/returnc/pub/198.51.100.7/",
            "tell the recipient that his server's own list queries are refused",
        ),
        ("550 5.7.1 Message rejected due to DMARC policy of example.org", "mend SPF, DKIM or DMARC"),
        ("550 5.1.1 <x@example.org>: Recipient address rejected: User unknown", "reach him another way"),
        ("451 4.7.1 Greylisted, try again later", "again"),
        ("550 5.7.1 zqx vrk", "read it"),
    ],
)
def test_the_next_step_fits_what_was_refused(
    reply: str, next_step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.txt").write_text(reply + "\n")
    _, out, _ = _run(capsys, str(tmp_path / "r.txt"))
    assert next_step in _unwrapped(out).rpartition("next: ")[2]


def test_thousands_that_say_the_same_are_not_all_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org\n"
    (tmp_path / "r.txt").write_text(reply * 100)
    _, out, _ = _run(capsys, str(tmp_path / "r.txt"))
    assert out.count("blocked using zen") == explain.ALIKE
    assert "and 70 more that say the same" in out
    assert "all 100 refusals" in out
    _, out, _ = _run(capsys, str(tmp_path / "r.txt"), "--json")
    assert len(out.splitlines()) == 100


def test_recipients_that_were_not_read_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"<a{number}@example.org>: 550 5.1.1 no\n" for number in range(1203))
    (tmp_path / "long.eml").write_text(f"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n{lines}")
    _, out, err = _run(capsys, str(tmp_path / "long.eml"), "--json")
    assert "long.eml: 203 more recipients were not read" in err
    assert "a999@example.org" in out
    assert "a1000@example.org" not in out
    (tmp_path / "long.txt").write_text(lines)
    _, out, err = _run(capsys, str(tmp_path / "long.txt"), "--json")
    assert "long.txt: 203 more replies were not read" in err
    assert len(out.splitlines()) == 1000


# ---- texts in a folder, log lines in a text, files that are no text -------------------------------

ZEN = "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org"
LOGGED = (
    "Nov 19 10:00:00 mail postfix/smtp[99]: 3AB4C5D: to=<b@example.org>, "
    "relay=mx.example.org[198.51.100.7]:25, delay=1, dsn=5.7.1, "
    f"status=bounced (host mx.example.org[198.51.100.7] said: {ZEN})\n"
)
TIMEOUT = (
    "Nov 19 10:00:01 mail postfix/smtp[99]: 3AC4C5D: to=<c@example.org>, relay=none, delay=1, dsn=4.4.1, "
    "status=deferred (connect to mx.example.org[198.51.100.7]:25: Connection timed out)\n"
)
NOQUEUE = (
    "Nov 19 10:00:02 mail postfix/smtpd[98]: NOQUEUE: reject: RCPT from x.example[192.0.2.66]: 554 5.7.1 "
    "Service unavailable; Client host [192.0.2.66] blocked using zen.spamhaus.org; from=<a@b.example>\n"
)


def _recipients(out: str) -> list[tuple[str, str]]:
    return [(one["recipient"], one["reason"]) for one in map(json.loads, out.splitlines())]


@pytest.mark.parametrize("verb", ["explain", "investigate"])
@pytest.mark.parametrize(
    "text",
    [
        f"Remote Server returned {ZEN}\n",
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger:\n\nb@example.org\nmx.example.org\n"
        f"Remote Server returned '{ZEN}'\n",
        f"Hello,\nwe get this since yesterday:\n\n{ZEN}\n\nAnna\n",
    ],
)
def test_a_folder_reads_what_is_read_by_name(
    text: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "README.md").write_text(f"# Replies\n\nThey look so:\n\n{ZEN}\n")
    (tmp_path / "invoice.txt").write_text("please see the attached invoice for March, total 554 EUR\n")
    code = cli.main([verb, str(tmp_path), "--json"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    refusals = told if verb == "explain" else told[0]["refusals"]
    assert code == 1
    assert [(Path(one["source"]).name, one["list"]) for one in refusals] == [("a.txt", "spamhaus-zen")]


@pytest.mark.parametrize("in_folder", [True, False])
def test_log_lines_do_not_silence_what_stands_around_them(
    tmp_path: Path, in_folder: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text(f"550 5.7.10 STARTTLS is required\n{LOGGED}{TIMEOUT}")
    _, out, _ = _run(capsys, str(tmp_path if in_folder else tmp_path / "a.txt"), "--json")
    assert _recipients(out) == [
        ("", "failedstarttls"), ("b@example.org", "blocked"), ("c@example.org", "expired"),
    ]  # fmt: skip
    cli.main(["investigate", str(tmp_path), "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[0])["refusals"]
    assert sorted(one["reason"] for one in told) == ["blocked", "expired", "failedstarttls"]


def test_a_log_tells_whom_it_did_not_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text(LOGGED + TIMEOUT + NOQUEUE)
    _, out, err = _run(capsys, str(tmp_path), "--json")
    assert _recipients(out) == [("b@example.org", "blocked"), ("c@example.org", "expired")]
    assert "postfix" in err


@pytest.mark.parametrize("in_folder", [True, False])
def test_our_own_server_that_turns_clients_away(
    tmp_path: Path, in_folder: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.log").write_text(NOQUEUE)
    code, out, _ = _run(capsys, str(tmp_path if in_folder else tmp_path / "mail.log"))
    assert code == 0
    assert "our own server turned x.example[192.0.2.66] away" in out


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04\x14\x00", "a zip archive: unpack it"),
        (bytes(257) + b"ustar\x0000", "a tar archive: unpack it"),
        (gzip.compress(b"a.eml" + bytes(252) + b"ustar\x0000" + bytes(500)), "a tar archive: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "Outlook's .msg: save it as .eml or text"),
        (b"\x89PNG\r\n\x1a\n\x00", "a picture: type its text"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture: type its text"),
        (b"%PDF-1.7\n", "a PDF: copy its text"),
        (b"\x7fELF\x00", "binary, not a mail"),
    ],
)
def test_what_holds_no_text_is_named_with_its_mend(
    raw: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.eml").write_bytes(raw)
    for path in (tmp_path, tmp_path / "a.eml"):
        code, _, err = _run(capsys, str(path))
        assert code == 3
        assert said in err
    cli.main(["investigate", str(tmp_path), "--json"])
    (unread,) = json.loads(capsys.readouterr().out.splitlines()[0])["unread"]
    assert said in unread["why"] or said.startswith("binary")


def test_an_exchange_log_tells_each_recipient_of_a_session(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, str(Path(__file__).parent / "samples" / "exchange_send"), "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(one["recipient"], one["code"], one["list"]) for one in told] == [
        ("bob@partner.example", "554", "spamhaus-zen"), ("", "421", ""),
    ]  # fmt: skip
    assert "1 message went through" in err


def test_lines_of_an_exchange_log_without_their_session(tmp_path: Path) -> None:
    front = "2026-11-24T10:00:00.250Z,Internet,08DE2B1A4C5D6E70,9,192.168.50.10:50123,198.51.100.7:25,<,"
    (tmp_path / "a.log").write_text(
        f'{front}"554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org, see there",\n'
        f"{front}550 5.1.1 <kim@partner.example>: User unknown,\n"
    )
    found: list[Refusal] = []
    assert maillog.logged(str(tmp_path / "a.log"), (), lambda _, one: found.append(one) if one else None)
    assert [(one.recipient, one.reason) for one in found] == [
        ("", "blocked"), ("kim@partner.example", "userunknown"),
    ]  # fmt: skip


@pytest.mark.parametrize(("words", "says"), [([], True), (["--own", "203.0.113.5"], False)])
def test_whose_the_cited_address_is_taken_for_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: bool
) -> None:
    reply = tmp_path / "reply.txt"
    reply.write_text("550 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org\n")
    assert cli.main(["explain", str(reply), *words]) == 1
    assert ("taken as yours" in capsys.readouterr().err) is says


def test_lines_that_begin_no_mail_are_searched_for_its_end_once() -> None:
    """Half a MB without an empty line took 38 s: each line was searched from the mail's beginning."""
    raw = b"From: a\nTo: b\n" + b"--a\nto: b\n c\n" * 40_000
    ((found, cut),) = mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), len(raw))
    assert (found, cut) == (raw, 0)


# ---- many, told once, and what to do ---------------------------------------------------------------

REPORT = (
    b"From: MAILER-DAEMON@mail.example.net\nSubject: Undelivered Mail\nMessage-ID: <1@mail.example.net>\n"
    b"Date: Thu, 19 Nov 2026 11:09:09 +0100\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
    b"--b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\n"
    b"Reporting-MTA: dns; mail.example.net\nArrival-Date: Thu, 19 Nov 2026 10:59:59 +0100\n\n"
    b"Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.7.1\n"
    b"Last-Attempt-Date: Thu, 19 Nov 2026 11:00:00 +0100\n"
    b"Diagnostic-Code: smtp; " + ZEN.encode() + b"\n\n--b--\n"
)
SENT = (
    "Nov 19 10:{:02d}:00 mail postfix/smtp[99]: 4AB4C{:02X}: to=<{}@example.com>, "
    "relay=mx.example.com[198.51.100.9]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 OK)\n"
)


def _told(out: str) -> list[dict[str, object]]:
    return [json.loads(text) for text in out.splitlines()]


def test_a_log_and_its_bounces_are_counted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text(LOGGED + "".join(SENT.format(n, n, "p") for n in range(28)))
    (tmp_path / "a.eml").write_bytes(REPORT)
    (tmp_path / "copy.eml").write_bytes(REPORT)
    _, out, _ = _run(capsys, str(tmp_path))
    assert (
        "the one refusal names the list spamhaus-zen and cites 203.0.113.5; 28 other messages"
        in _unwrapped(out)
    )
    assert "and 2 that repeat one of these" in out
    assert "3.4% of all mail was refused" in out
    _, out, _ = _run(capsys, "--json", str(tmp_path))
    assert [one["again"] for one in _told(out)] == [False, True, True]


def test_retries_are_one_refusal_and_what_arrives_later_is_no_other_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = SENT.replace("status=sent (250 2.0.0 OK)", "status=deferred (host x said: 451 4.7.1 Greylisted)")
    lines = [grey.format(n, 99, "g") for n in range(4)] + [SENT.format(9, 99, "g"), SENT.format(9, 1, "p")]
    (tmp_path / "mail.log").write_text("".join(lines))
    code, out, err = _run(capsys, str(tmp_path))
    assert code == 0
    assert "1 refusal; 1 other message went through" in _unwrapped(out)
    assert "1 message of those refused arrived at a later try" in out
    assert "no year in the times" in err


def test_a_refusal_has_its_own_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eleven = 1795082400.0  # 2026-11-19 10:00:00Z
    (tmp_path / "dsn.eml").write_bytes(REPORT)
    (tmp_path / "plain.eml").write_bytes(BOUNCE)
    (tmp_path / "mail.log").write_text(LOGGED)
    (tmp_path / "pasted.txt").write_text(f"We get this:\n\n550 5.7.10 STARTTLS is required\n\n{LOGGED}")
    for name in ("mail.log", "pasted.txt"):
        os.utime(tmp_path / name, (eleven + 86_400 * 90, eleven + 86_400 * 90))  # the year is not in it
    _, out, _ = _run(capsys, "--json", str(tmp_path))
    times = {Path(str(one["source"]).split(":")[0]).name: one["at"] for one in _told(out)}
    assert times == dict.fromkeys(("dsn.eml", "plain.eml", "mail.log", "pasted.txt"), eleven)
    assert {str(one["advice"])[:14] for one in _told(out)} == {"unlisted check", "the receiver w"}


def test_many_hosts_that_do_not_answer_are_our_port_25(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = [TIMEOUT.replace("198.51.100.7", f"198.51.{n}.7").replace("<c@", f"<c@d{n}.") for n in range(4)]
    (tmp_path / "mail.log").write_text("".join(hosts))
    code, out, _ = _run(capsys, str(tmp_path))
    assert code == 1
    assert "next: outgoing port 25 seems shut" in out
    assert "4 different hosts could not be connected to" in _unwrapped(out)
    (tmp_path / "mail.log").write_text("".join(hosts) + SENT.format(1, 1, "p"))
    code, out, _ = _run(capsys, str(tmp_path))
    assert (code, "port 25" in out) == (0, False)
    (tmp_path / "mail.log").write_text(hosts[0])
    code, out, _ = _run(capsys, str(tmp_path))
    assert (code, "port 25" in out, "not about us" in out) == (0, False, True)


def test_of_all_is_not_said_where_something_was_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):  # which begins as no tag of HTML does
        (tmp_path / f"{number}.txt").write_text(f"<b{number}@example.org>: {ZEN}\n")
    assert "all 3 refusals name the list" in _run(capsys, str(tmp_path))[1]
    (tmp_path / "outlook.msg").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9))
    assert "of those read, 3 refusals name the list" in _run(capsys, str(tmp_path))[1]


def test_where_nothing_can_be_read_no_more_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.msg").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9))
    code, out, _ = _run(capsys, str(tmp_path))
    assert code == 3
    assert "nothing could be read" in out
    assert "no refusal" not in out
    assert "paste the other server's words" in _unwrapped(out)


def test_lines_of_a_log_that_nobody_understands_are_counted_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = LOGGED.replace("status=bounced", "status=wondrous").replace("to=", "to=", 1)
    (tmp_path / "mail.log").write_text(LOGGED * 3 + odd)
    _, out, err = _run(capsys, str(tmp_path))
    assert "1 line of logs not understood   (--unread lists them)" in err
    assert out.count("of those read, ") == 1
    code, out, _ = _run(capsys, "--unread", str(tmp_path))
    assert code == 1
    assert "line not understood: " in out
    assert "status=wondrous" in out


def test_a_long_log_is_read_from_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = "".join(SENT.format(n % 60, n, "p") for n in range(1000)) + LOGGED
    for raw in (log.encode(), gzip.compress(log.encode())):
        piped = SimpleNamespace(buffer=io.BytesIO(raw), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", piped)
        code, out, err = _run(capsys, "--json", "-")
        assert code == 1
        assert [one["source"] for one in _told(out)] == ["stdin:1001"]
        assert err.startswith("stdin: postfix, 1,001 lines")
        assert "1,000 messages went through" in err


def test_who_pastes_is_told_how_it_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = SimpleNamespace(buffer=io.BytesIO(f"{ZEN}\n".encode()), isatty=lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    code, _, err = _run(capsys, "-")
    assert code == 1
    assert "Ctrl-D" in err


def test_a_mistyped_name_is_put_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text(LOGGED)
    code, _, err = _run(capsys, str(tmp_path / "mial.log"))
    assert code == 2
    assert f"try: {tmp_path / 'mail.log'}," in err


@pytest.mark.parametrize("columns", [60, 80, 110])
def test_the_screen_is_as_wide_as_it_is(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.chdir(tmp_path)
    url = "https://postmaster.example/" + "x" * 120
    Path("a.txt").write_text(f"<b@example.org>: {ZEN}; see {url}\n")
    Path("b.txt").write_text("<c@example.org>: 550 5.7.1 [203.0.113.5] is on our block list: " + url + "\n")
    _, out, _ = _run(capsys, "a.txt", "b.txt")
    assert all(len(row) <= columns or " " not in row.strip() for row in out.splitlines())
    assert url in out
    assert "messagelabs" not in out
    Path("c.txt").write_text(
        "host cluster5.eu.messagelabs.com[198.51.100.1] said: 553-Sorry, your IP address (203.0.113.5) has "
        "been blocked. 553 Please visit www.messagelabs.com\n"
    )
    assert "filter MessageLabs" in _unwrapped(_run(capsys, "c.txt")[1])


def test_a_log_of_refusals_is_told_in_little_memory(tmp_path: Path) -> None:
    """Half a GB for a million refusals became a state with a cap."""
    line = LOGGED.replace("b@", "b{0}@").replace("3AB4C5D", "3AB4C{0:04X}")
    (tmp_path / "mail.log").write_text("".join(line.format(number) for number in range(30_000)))
    peaks = []
    for lines in (3000, 30_000):
        text = (tmp_path / "mail.log").read_text().splitlines(keepends=True)[:lines]
        (tmp_path / f"{lines}.log").write_text("".join(text))
        script = (
            "import resource, sys; from unlisted import cli; cli.main(['explain', '--json', sys.argv[1]]);"
            "sys.stderr.write(f'peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}')"
        )
        words = [sys.executable, "-c", script, str(tmp_path / f"{lines}.log")]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == lines
        peaks.append(int(done.stderr.rpartition(" ")[2]))
    assert peaks[1] - peaks[0] < 40_000  # kB; what is remembered of refusals, to tell repeats


def test_mails_of_one_name_that_say_something_else_are_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.eml").write_bytes(REPORT)
    (tmp_path / "b.eml").write_bytes(REPORT.replace(b"11:00:00", b"12:00:00"))
    _, out, _ = _run(capsys, "--json", str(tmp_path))
    assert [one["again"] for one in _told(out)] == [False, False]


def test_a_mail_beside_a_log_is_no_mail_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mail.log").write_text("".join(SENT.format(n, n, "p") for n in range(30)))
    (tmp_path / "a.eml").write_bytes(REPORT)
    _, out, _ = _run(capsys, str(tmp_path))
    assert "30 other messages went through" in _unwrapped(out)
    assert "of all mail" not in out


def test_a_bounce_saved_as_a_page_is_read_without_its_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = ZEN.replace("[", "<b>[").replace("]", "]</b>")
    (tmp_path / "a.html").write_text(
        "<!DOCTYPE html><html><body><p>Delivery has failed to these recipients:</p>"
        f"<p><a href='mailto:b@example.org'>b@example.org</a></p><p>Remote Server returned '{reply}'</p>"
    )
    _, out, _ = _run(capsys, "--json", str(tmp_path / "a.html"))
    assert [(one["recipient"], one["list"], one["cited_ip"]) for one in _told(out)] == [
        ("b@example.org", "spamhaus-zen", "203.0.113.5")
    ]


def test_a_pipe_without_end_is_read_in_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mail, "COUNTED", 20_000)
    piped = SimpleNamespace(buffer=io.BytesIO((LOGGED * 1000).encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", piped)
    code, out, err = _run(capsys, "-")
    assert code == 1
    assert "the rest was not read" in err
    assert "of those read, " in out
    assert piped.buffer.tell() == 20_000


def test_a_log_of_refusals_within_the_own_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "Jan  1 00:00:0{n} mail postfix/smtp[1]: 4ABC123DE{n}: to=<x@far.example>, {relay}, delay=1, "
        "dsn=5.7.1, status=bounced (host {host} said: {said} (in reply to end of DATA command))\n"
    )
    own = "550 5.7.1 from MTA([192.0.2.9]): Client host [203.0.113.5] blocked using zen.spamhaus.org"
    local = {"relay": "relay=127.0.0.1[127.0.0.1]:10024", "host": "127.0.0.1[127.0.0.1]"}
    (tmp_path / "mail.log").write_text(
        line.format(n=1, said="554 5.7.0 Reject, id=1-1 - spam", **local)
        + line.format(n=2, said=own, **local)
    )
    assert cli.main(["explain", "--json", "--own", "203.0.113.5", str(tmp_path / "mail.log")]) == 1
    out, err = capsys.readouterr()
    (one,) = map(json.loads, out.splitlines())
    assert (one["verdict"], one["list"], one["source"][-2:]) == ("our-address", "spamhaus-zen", ":2")
    assert "1 refusal within the own network not told" in err


def test_a_milter_of_ours_that_refuses_a_queued_mail_is_our_own_server() -> None:
    line = (
        "Jan  1 00:00:00 mail postfix/cleanup[1]: 4ABC123DEF: milter-reject: END-OF-MESSAGE from "
        "localhost[127.0.0.1]: 5.7.1 Client host blocked using zen.spamhaus.org; from=<a@example.com> "
        "to=<x@far.example> proto=ESMTP helo=<localhost>"
    )
    (one,) = replies.pasted(line, "x")
    assert (one.verdict, one.rule, one.quote) == (
        "other",
        "own-server",
        "our own server turned localhost[127.0.0.1] away",
    )


NEWSLETTER = b"From: a@example.net\nTo: b@example.net\nSubject: lunch\n\nDo you come?\n"


def test_ordinary_mails_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(NEWSLETTER)
    code, out, _ = _run(capsys, str(tmp_path))
    assert code == 0
    assert "no refusal was found" in out
    assert "next: nothing: these are ordinary mails" in out


def test_a_queue_of_exim_points_to_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q").write_text(
        "25m  2.9K 1m1x23-0001cZ-MN <a@example.net>\n          b@example.org\n\n"
        " 4d  2.9K 1m1x24-0001cZ-MN <> *** frozen ***\n          c@example.org\n"
    )
    code, out, _ = _run(capsys, str(tmp_path / "q"))
    assert code == 3
    assert "its main log does: unlisted explain /var/log/exim4/mainlog" in _unwrapped(out)


def test_that_a_long_line_was_read_in_part_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("550 5.7.1 " + "x" * 100_000 + " Client host [192.0.2.1] blocked\n")
    assert "read in part only" in _run(capsys, str(tmp_path / "a"))[2]


def test_several_that_cite_another_address_ask_whose_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text(
        "550 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org\n\n"
        "554 5.7.1 Client host [192.0.2.1] blocked using bl.spamcop.net\n\n452 4.2.2 mailbox full\n"
    )
    code, out, _ = _run(capsys, str(tmp_path / "a"), "--own", "203.0.113.9")
    assert code == 1
    first = _unwrapped(out).partition("next: ")[2]
    assert first.startswith("all that cite an address cite 192.0.2.1: is 192.0.2.1 yours?")
    assert _run(capsys, str(tmp_path / "a"), "--own", "192.0.2.1")[0] == 1


def test_a_complaint_counts_as_a_bounce_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text(
        '{"Version": "2", "ReporterInfo": {"ReporterOrg": "x"}, "Report": {"ReportClass": "Activity", '
        '"ReportType": "Spam", "SourceIp": "192.0.2.1", "Date": "2026-11-24T09:00:00Z"}}'
    )
    code, _, err = _run(capsys, str(tmp_path / "a.json"))
    assert code == 1
    assert "192.0.2.1 is taken as yours, since none is declared: say --own" in err
    assert _run(capsys, str(tmp_path / "a.json"), "--own", "203.0.113.9")[0] != 1


def test_a_small_text_with_a_refusal_counts_in_a_folder_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "Client host [192.0.2.1] blocked using zen.spamhaus.org"
    (tmp_path / "page.html").write_text(
        f"<!doctype html><html><body><div>Delivery has failed:</div><div>550 5.7.1 {said}</div></body></html>"
    )
    (tmp_path / "queue.json").write_text(
        '{"queue_name": "deferred", "queue_id": "4F2B51A0C4", "recipients": [{"address": "b@example.org", '
        f'"delay_reason": "host mx.example.org[198.51.100.9] said: 421 4.7.1 {said}"}}]}}\n'
    )
    (tmp_path / "words.txt").write_text(
        "his mail server tells us: we are on the spamhaus blacklist with 192.0.2.1\n"
    )
    (tmp_path / "read.txt").write_text(f"Unsubscribed: {said}\n")
    (tmp_path / "manual.html").write_text(
        f"<html><body><h1>Postfix</h1><h2>Replies</h2><pre>550 5.7.1 {said}</pre></body></html>"
    )
    (tmp_path / "book.txt").write_text(f"{'It was a dark and stormy night. ' * 400}\n{said}\n")
    _, out, _ = _run(capsys, str(tmp_path), "--json")
    told = {Path(json.loads(line)["source"]).name for line in out.splitlines()}
    assert told == {"page.html", "queue.json", "read.txt", "words.txt"}


def test_a_log_s_step_without_a_recipient_is_a_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    front = "Oct 27 19:29:57 mail postfix/smtp[1175]: "
    said = "host mx.example.org[198.51.100.9] refused to talk to me: 554 5.7.1 [192.0.2.1] blocked using x"
    said = said.replace("using x", "using zen.spamhaus.org")
    exim = (
        "2020-04-28 22:08:03 1m1x23-0021cZ-MN H=mx.example.org [198.51.100.9]: SMTP error from remote mail "
        "server after DATA: 550 5.7.1 Client host [192.0.2.1] blocked using bl.spamcop.net"
    )
    (tmp_path / "a.log").write_text(f"{front}2517060EE4: {said}\n{front}2517060EE4: {said}\n{exim}\n")
    code, out, _ = _run(capsys, str(tmp_path), "--json")
    assert code == 1
    assert [json.loads(line)["list"] for line in out.splitlines()] == ["spamhaus-zen", "spamcop"]
    (tmp_path / "a.log").write_text(  # a step whose recipient has a line of his own is told by that
        f"{front}2517060EE4: {said}\n{front}2517060EE4: to=<b@example.org>, "
        f"relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/1/0, status=deferred ({said})\n"
    )
    _, out, _ = _run(capsys, str(tmp_path), "--json")
    assert [json.loads(line)["recipient"] for line in out.splitlines()] == ["b@example.org"]
