"""Streams, folders, packed and large files: read whole, and said truly where they are not."""

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from unlisted import cli
from unlisted.cli._told import Told
from unlisted.edge import folder, mail, read, undated
from unlisted.notice import bounce

ZEN = "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org"
POST = "From MAILER-DAEMON Thu Nov 19 10:00:00 2026\n"
BOUNCE = (
    "From: MAILER-DAEMON@relay.example.net\nSubject: Undelivered\n\n"
    f"<b%d@example.org>: host mx.example.org[198.51.100.7] said: {ZEN}\n\n"
)
LOG = "".join(
    f"Nov 19 10:{second // 60:02}:{second % 60:02} mail postfix/smtp[9]: 3AB4C{second:04}: "
    f"to=<b{second}@example.org>, relay=mx.example.org[198.51.100.7]:25, delay=1, dsn=5.7.1, "
    f"status=bounced (host mx.example.org[198.51.100.7] said: {ZEN})\n"
    for second in range(900)
)
MAILQ = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n" + "".join(
    f"3AB4C{number:05}*    999 Thu Nov 19 10:00:00  a@example.net\n"
    f"(host mx.example.org[198.51.100.7] said: 451 4.7.1 Greylisted, try {number} later)\n"
    f"                                         b{number}@example.org\n\n"
    for number in range(1500)
)

Explain = Callable[..., tuple[int, list[dict[str, str]], str]]


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Run the verb, with a text on stdin; code, rows, stderr."""

    def run(*words: str, stdin: str = "") -> tuple[int, list[dict[str, str]], str]:
        piped = SimpleNamespace(buffer=io.BytesIO(stdin.encode()), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", piped)
        code = cli.main(["explain", "--json", *words])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return run


def _recipients(rows: list[dict[str, str]]) -> list[str]:
    return [one["recipient"] for one in rows]


# ---- stdin and folders, as the same file by its name ----------------------------------------------


@pytest.mark.parametrize("text", [LOG, MAILQ])
def test_what_is_large_is_read_whole_wherever_it_stands(text: str, tmp_path: Path, explain: Explain) -> None:
    """On stdin it was cut at 64 kB, in a folder there was no mail in it."""
    (tmp_path / "a.txt").write_text(text)
    count = len(text.split("to=<")) - 1 or 1500
    alone = explain(str(tmp_path / "a.txt"))
    piped = explain("-", stdin=text)
    inside = explain(str(tmp_path))
    assert _recipients(alone[1]) == [f"b{number}@example.org" for number in range(count)]
    assert _recipients(piped[1]) == _recipients(inside[1]) == _recipients(alone[1])
    assert "not read" not in piped[2] + inside[2]
    assert {one["source"].partition(":")[0] for one in piped[1]} == {"stdin"}
    assert ("stdin: postfix, 900 lines" in piped[2]) is (text is LOG)


def test_a_large_text_without_replies_is_no_mail_in_a_folder(tmp_path: Path, explain: Explain) -> None:
    (tmp_path / "book.txt").write_text("It was 250 years ago, or 550; nobody knows.\n" * 9000)
    (tmp_path / "manual.md").write_text("# Codes\n\n" + f"{ZEN}\n\n" * 3000)
    code, rows, err = explain(str(tmp_path))
    assert (code, rows) == (3, [])
    assert err.count("no mail in it") == 2


def test_a_log_of_any_length_on_stdin_fills_no_memory(tmp_path: Path) -> None:
    lines = "Nov 19 10:00:00 mail postfix/qmgr[9]: 3AB4C5D: removed\n" * 400_000  # 22 MB

    with open(tmp_path / "log", "w") as file:
        file.write(lines + LOG[:300])
    sizes: list[int] = []

    def log(path: str, _: str) -> bool:
        sizes.append(os.path.getsize(path))
        return True

    with open(tmp_path / "log", "rb") as opened:
        tracemalloc.start()
        how = mail._How(mail.LIMIT, named=True, log=log)
        assert list(mail._stream("stdin", opened, how)) == []
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert sizes == [len(lines) + 300]
    assert most < 8 << 20


def test_a_reply_is_read_where_nothing_can_be_written(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mail.tempfile, "NamedTemporaryFile", full)  # type: ignore[attr-defined]
    code, rows, _ = explain("-", stdin=ZEN)
    assert (code, [one["list"] for one in rows]) == (1, ["spamhaus-zen"])


def test_replies_around_a_cut_of_a_large_text_are_read_once(explain: Explain) -> None:
    text = "".join(f"<b{number}@example.org>:\n{ZEN}\n    and so on\n\n" for number in range(2000))
    assert len(text) > 2 * mail.PASTE
    assert _recipients(explain("-", stdin=text)[1]) == [f"b{number}@example.org" for number in range(2000)]


# ---- packed and damaged ---------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def _noise(seed: int) -> str:
    """9 kB of text that no packer makes small."""
    made = random.Random(seed)
    return "\n".join(base64.b64encode(made.randbytes(54)).decode() for _ in range(120))


@pytest.mark.parametrize("kind", PACKERS)
def test_what_is_packed_is_read(kind: str, tmp_path: Path, explain: Explain) -> None:
    (tmp_path / "a").write_bytes(PACKERS[kind]((POST + BOUNCE % 1 + POST + BOUNCE % 2).encode()))
    (tmp_path / "log").write_bytes(PACKERS[kind](LOG.encode()))
    code, rows, err = explain(str(tmp_path))
    assert code == 1
    assert _recipients(rows) == [f"b{number}@example.org" for number in (1, 2, *range(900))]
    assert "not read" not in err


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[: len(raw) * 3 // 4], lambda raw: raw[: len(raw) * 3 // 4] + b"x" * 900]
)
def test_what_a_damaged_archive_still_holds_is_read(
    kind: str, spoil: Callable[[bytes], bytes], tmp_path: Path, explain: Explain
) -> None:
    """A cut archive gave nothing: what could be unpacked went away with the error."""
    box = "".join(f"{POST}{BOUNCE % number}{_noise(number)}\n\n" for number in range(300))
    (tmp_path / "box").write_bytes(spoil(PACKERS[kind](box.encode())))
    code, rows, err = explain(str(tmp_path / "box"))
    told = _recipients(rows)
    assert code == 1
    assert 60 < len(told) < 300
    assert told == [f"b{number}@example.org" for number in range(len(told))]
    assert f"damaged {kind}" in err
    assert "what stands before that was read" in err


def test_an_archive_of_which_nothing_is_left_says_so(tmp_path: Path, explain: Explain) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(BOUNCE.encode())[:14])
    code, rows, err = explain(str(tmp_path / "a.gz"))
    assert (code, rows) == (3, [])
    assert "damaged gzip" in err
    assert "nothing could be unpacked" in err


# ---- large mails ----------------------------------------------------------------------------------


def _report(picture: int) -> bytes:
    """A bounce whose report stands behind an attachment of so many bytes."""
    return (
        b"From: MAILER-DAEMON@relay.example.net\nSubject: Undelivered\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: image/png\n"
        b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(bytes(picture * 3 // 4)) + b"--b\n"
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n"
        b"Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.1.1\n--b--\n"
    )


@pytest.mark.parametrize("size", [1_300_000, 9_000_000, 12_000_000])
def test_a_report_behind_an_attachment_is_read_or_its_cut_is_said(
    size: int, tmp_path: Path, explain: Explain
) -> None:
    (tmp_path / "a.eml").write_bytes(raw := _report(size))
    _, rows, err = explain(str(tmp_path / "a.eml"))
    told = [(one["recipient"], one["reason"]) for one in rows]
    left = len(raw) - mail.LIMIT
    assert (("b@example.org", "userunknown") in told) is (left < 0)
    assert (f"{left:,} bytes at its end were not read" in err) is (left > 0)


def test_a_file_that_ends_the_reader_ends_nothing_else(
    tmp_path: Path, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.eml").write_text(BOUNCE % number)
    honest = bounce.counted
    monkeypatch.setattr(
        bounce, "counted", lambda raw, *rest: honest(raw, *rest) if b"<b1@" not in raw else 1 / 0
    )
    code, rows, err = explain(str(tmp_path))
    assert (code, _recipients(rows)) == (1, ["b0@example.org", "b2@example.org"])
    assert "1.eml: reading it failed (ZeroDivisionError: division by zero)" in err
    found = folder.gather([str(tmp_path)], lambda _: nullcontext(), mails=True)
    assert [one.recipient for one in found.refusals] == ["b0@example.org", "b2@example.org"]
    assert [Path(one.source).name for one in found.unread] == ["1.eml"]


# ---- what a folder may hold -----------------------------------------------------------------------


def test_odd_files_in_a_folder_stop_nothing(tmp_path: Path, explain: Explain) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "up").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "kernel").symlink_to("/proc/kmsg")  # reading it waits for the kernel's next word
    (tmp_path / "z.eml").write_text(BOUNCE % 1)
    code, rows, err = explain(str(tmp_path))
    assert (code, _recipients(rows)) == (1, ["b1@example.org"])
    assert "pipe: not a regular file" in err
    assert "kernel: not a regular file" in err
    assert "gone: No such file" in err


def test_a_folder_behind_a_link_is_read_once(tmp_path: Path, explain: Explain) -> None:
    """It was passed over, and nothing said so."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "1.eml").write_text(BOUNCE % 1)
    (tmp_path / "box").mkdir()
    for name in ("a", "b"):
        (tmp_path / "box" / name).symlink_to(tmp_path / "there")
    assert _recipients(explain(str(tmp_path / "box"))[1]) == ["b1@example.org"]


def test_a_file_that_goes_away_while_the_folder_is_read(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.eml").write_text(BOUNCE % number)
    found = mail.messages(str(tmp_path))
    next(found)
    (tmp_path / "1.eml").unlink()
    gone, last = found
    assert isinstance(gone, mail.Unread)
    assert "No such file" in gone.why
    assert isinstance(last, mail.Message)


def test_a_log_is_known_by_the_name_that_people_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tmp123").write_text(LOG)
    told = Told((), as_json=True, listing=False)
    assert told.log(str(tmp_path / "tmp123"), "stdin")
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[0])["source"] == "stdin:1"
    assert "tmp123" not in out + err


def test_a_reader_who_goes_away_is_no_damage_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(LOG)

    def gone(*_: object) -> bool:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        list(mail.messages(str(tmp_path / "mail.log"), log=gone))
    with pytest.raises(BrokenPipeError):
        read.read(tmp_path / "mail.log", take=gone)


# ---- log lines without dates ----------------------------------------------------------------------

DATE = re.compile(
    r"^(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d (\S+ )?|"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*\s+|@4000[0-9a-f]{20} )",
    re.MULTILINE,
)
PROGRAM = re.compile(r"^[a-z][\w/.-]*(?:\[\d+\])?: ", re.MULTILINE)


@pytest.mark.parametrize("program", ["postfix", "exim", "sendmail", "opensmtpd", "qmail"])
@pytest.mark.parametrize("keep", ["", r"\1"])
def test_a_fragment_of_a_log_without_dates_tells_the_same(program: str, keep: str) -> None:
    """Exim's, sendmail's and OpenSMTPD's lines became one long reply to nobody."""
    for path in sorted((Path(__file__).parent / "samples" / program).glob("*.log")):
        text = path.read_text()
        told = [
            [(one.recipient, one.code, one.verdict, one.text) for one in found]
            for raw in (text, DATE.sub(keep, text))
            for found, _ in [mail.replied(mail.Message("x", raw.encode(), mail=False), ())]
        ]
        assert told[0], path.name
        assert told[1] == told[0], path.name


def test_a_fragment_without_dates_and_programs() -> None:
    text = (Path(__file__).parent / "samples" / "sendmail" / "sendmail-8.17.1.9.log").read_text()
    bare = "".join(line for line in PROGRAM.sub("", DATE.sub("", text)).splitlines(True) if " stat=" in line)
    found, _ = mail.replied(mail.Message("x", bare.encode(), mail=False), ())
    assert [(one.recipient, one.code) for one in found if one.code] == [
        ("refuse@partner.example", "554"), ("none@partner.example", "550"), ("later@partner.example", "451"),
        ("multi@partner.example", "550"), ("x@filtered.example", "554"),
    ]  # fmt: skip


def test_what_is_no_log_line_gets_no_date() -> None:
    text = "delivery 5 failed: 550 5.7.1 blocked\nsendmail: 554 5.7.1 no\nnew msg 4 you\n2 => 3\n"
    assert undated.dated(text) == text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_who_ends_us_leaves_no_copy_of_a_log(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "unlisted", "explain", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as running:
        assert running.stdin is not None
        running.stdin.write(b"Jan  1 00:00:00 mail postfix/smtp[1]: 4ABC123DE: x\n" * 40_000)
        running.stdin.flush()
        until = time.monotonic() + 10
        while not list(tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)
        assert list(tmp_path.iterdir())
        time.sleep(0.1)
        running.send_signal(number)
        assert running.wait(10) == 128 + number
    assert not list(tmp_path.iterdir())
