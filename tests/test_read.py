"""Files as people have them: recognized by content, read in bounded memory, and honest about the rest."""

import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unlisted.edge import blocks
from unlisted.edge import lines as by_line
from unlisted.edge import read as opener
from unlisted.edge.blocks import walk
from unlisted.edge.dates import nearest
from unlisted.edge.quoted import quote
from unlisted.edge.read import paths, read
from unlisted.find import columns
from unlisted.messages import Attempt, Evidence, Lease

SAMPLES = Path(__file__).parent / "samples"
GATEWAY = (SAMPLES / "netfilter" / "ulogd-2.0.8.log").read_bytes()
NEAR = 1795478400.0


def test_a_gateway_log(tmp_path: Path) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(GATEWAY)
    made = read(path, NEAR)
    assert (made.kind, made.format, made.trouble, made.lines) == ("gateway", "netfilter", "", 17)
    assert (made.understood, made.other, made.unknown) == (13, 4, 0)
    assert made.flows is not None
    assert made.flows.size == 13
    assert [int(line) for line in made.flows.line[:4]] == [1, 2, 3, 5]
    said = " ".join(made.assumed)
    assert "UTC" in said
    assert "year" in said
    assert "netfilter, 17 lines, 13 of use" in made.sentence()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_the_same(tmp_path: Path, pack: "type[bytes]") -> None:
    path = tmp_path / "log"
    path.write_bytes(pack(GATEWAY))
    made = read(path, NEAR)
    assert (made.lines, made.understood, made.trouble) == (17, 13, "")
    seen = quote([Evidence(str(path), 2, "")])
    assert seen[0].text.encode() == GATEWAY.splitlines()[1]


def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    lines = b"".join(GATEWAY.replace(b"SPT=5", b"SPT=%d" % rng)[:3000] + b"\n" for rng in range(1, 60))
    path.write_bytes(gzip.compress(lines)[:-40])
    made = read(path, NEAR)
    assert "cut off" in made.trouble
    assert made.understood > 5


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    for name, data, word in [
        ("empty", b"", "empty"),
        ("binary", os.urandom(4000) + b"\0\0", "binary"),
        ("capture.log", b"\xd4\xc3\xb2\xa1" + bytes(16) + b"\xc3\x00\x00\x00", "link type 195"),
        ("flows.argus", b"\x83\x10\x00\x20" + bytes(124), "ra -u -n -c , -r FILE"),
        ("old.snoop", b"snoop\0\0\0" + bytes(24), "editcap"),
        ("notes.txt", b"Dear all,\nplease call me back.\n", "not recognized"),
        ("half.gz", gzip.compress(b"x" * 100)[:9], "cut off"),
    ]:
        (tmp_path / name).write_bytes(data)
        made = read(tmp_path / name, NEAR)
        assert (made.kind, made.flows, made.events) == ("", None, [])
        assert word in made.trouble
        assert word in made.sentence()
    assert read(tmp_path / "absent").trouble == "no such file"
    assert read(tmp_path).trouble == "not a file"


def test_a_file_without_permission_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "log").write_bytes(GATEWAY)
    monkeypatch.setattr(opener, "head", refuse)  # root may read everything
    assert read(tmp_path / "log").trouble == "permission denied"


def test_lines_not_understood_are_counted_and_shown_clean(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(GATEWAY + b"\x1b[31mwhat is this\n" + b"x" * 1_000_000 + b"\n" + GATEWAY)
    made = read(path, NEAR)
    assert (made.lines, made.understood, made.unknown) == (36, 26, 2)
    assert made.samples[0] == "�[31mwhat is this"
    assert all(len(sample) <= 160 for sample in made.samples)


def test_a_file_of_one_endless_line_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (5 << 20))
    assert max(len(block.data) for block in blocks.blocks(path)) <= blocks.LONGEST + 1
    assert read(path).kind == ""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.0, 0.01, 0.5, 1.0]))
def test_skimming_finds_what_reading_every_line_finds(
    tmp_path: Path, seed: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    lines = GATEWAY.splitlines()
    mail, rest = [one for one in lines if b"DPT=443" not in one], [lines[3], b"nonsense", b"x" * 70_000]
    text = b"\n".join(rng.choice(mail if rng.random() < share else rest) for _ in range(300))
    path = tmp_path / "log"
    path.write_bytes(GATEWAY + text)
    whole = read(path, NEAR)
    monkeypatch.setattr(by_line, "SMALL", 0)
    monkeypatch.setattr(by_line, "DENSE", rng.choice([0, 2000]))
    skimmed = read(path, NEAR)
    assert skimmed.lines == whole.lines
    assert (skimmed.flows is None) == (whole.flows is None)
    if skimmed.flows is not None and whole.flows is not None:
        assert list(skimmed.flows.attempts()) == list(whole.flows.attempts())


ON_ALL_CORES = """
import sys
from pathlib import Path
from unlisted.edge import lines, read
lines.SMALL, lines.SHARE = 0, 3000
lines.workers = lambda: int(sys.argv[2])
made = read.read(Path(sys.argv[1]), 1795478400.0)
print(made.lines, made.understood, made.other + made.unknown, list(made.flows.attempts()), made.events)
"""


@pytest.mark.parametrize("share", [0.02, 1.0])
def test_all_cores_find_what_one_finds(tmp_path: Path, share: float) -> None:
    rng = random.Random(7)
    lines = GATEWAY.splitlines()
    mail, rest = [one for one in lines if b"DPT=443" not in one], [lines[3], b"nonsense", b"x" * 7_000, b""]
    text = b"\n".join(rng.choice(mail if rng.random() < share else rest) for _ in range(500))
    path = tmp_path / "log"
    path.write_bytes(GATEWAY + text)
    told = [
        subprocess.run(
            [sys.executable, "-c", ON_ALL_CORES, str(path), workers], capture_output=True, check=True
        ).stdout
        for workers in ("1", "3")
    ]
    assert told[0] == told[1]
    assert told[0].count(b"Attempt(") > 5


@pytest.mark.skipif(sys.platform != "linux", reason="reading is forked on Linux alone")
def test_all_cores_are_used_though_numpy_has_threads() -> None:
    code = "import numpy; from unlisted.edge import lines; print(lines.workers())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(done.stdout) == len(os.sched_getaffinity(0))


DIES = """
import contextlib, os, signal, sys
from pathlib import Path
from unlisted.edge import lines, read
lines.SMALL, lines.SHARE = 0, 3000
lines.workers = lambda: 3
parent, share = os.getpid(), lines._share
def dies(span):
    if span[0] > 20_000:
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "rotated" and os.path.exists(sys.argv[1]):
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            os.rename(sys.argv[1], sys.argv[1] + ".1")
    return share(span)
lines._share = dies
made = read.read(Path(sys.argv[1]), 1795478400.0)
print(made.lines, made.understood, made.trouble, {type(one).__name__ for one in made.events})
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child is left")
"""


@pytest.mark.parametrize("way", ["", "rotated"])
def test_a_worker_that_dies_and_a_log_that_is_rotated_lose_nothing(tmp_path: Path, way: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(GATEWAY * 10)
    alone = read(path, NEAR)
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(path), way], capture_output=True, check=False, timeout=60, text=True
    )
    assert done.stderr == ""
    assert done.stdout == f"{alone.lines} {alone.understood}  set()\nno child is left\n"


STOPPED = """
import multiprocessing, sys, time
from pathlib import Path
from unlisted.edge import lines, read
lines.SMALL, lines.SHARE = 0, 3000
lines.workers = lambda: 2
def sleeps(span):
    time.sleep(300)
lines._share = sleeps
def pressed(*_):
    raise KeyboardInterrupt
import signal
signal.signal(signal.SIGALRM, pressed)
signal.setitimer(signal.ITIMER_REAL, 0.5)
try:
    read.read(Path(sys.argv[1]), 1795478400.0)
except KeyboardInterrupt:
    print("stopped", multiprocessing.active_children())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reading is forked on Linux alone")
def test_who_presses_ctrl_c_does_not_wait_for_the_workers(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(GATEWAY * 10)
    words = [sys.executable, "-c", STOPPED, str(path)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=60, text=True)
    assert (done.stdout, done.stderr) == ("stopped []\n", "")


def test_a_line_longer_than_shares_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    told = by_line._line_end

    def counted(file: io.FileIO, place: int) -> int:
        looked.append(place)
        return told(file, place)

    monkeypatch.setattr(by_line, "SHARE", 3000)
    monkeypatch.setattr(by_line, "workers", lambda: 1)
    monkeypatch.setattr(by_line, "_line_end", counted)
    path = tmp_path / "log"
    path.write_bytes(GATEWAY + b"x" * 300_000 + b"\n" + GATEWAY)
    assert read(path, NEAR).understood == 26
    assert len(looked) < 6


def test_a_crowd_of_made_up_sources_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "CROWD", 200)
    monkeypatch.setattr(columns, "_BATCH", 16)
    made, other = columns.Gatherer("log"), columns.Gatherer("log")
    for number in range(2000):
        source = ip_address(0x0A000000 + number)
        one = Attempt(1e9 + number, source, ip_address("198.51.100.7"), 25)
        made.add(one, number)
        part = columns.Gatherer("log")
        part.add(one, number)
        other.extend(part.flows())
    for each in (made, other):
        flows = each.flows()
        assert flows.size + each.left == 2000
        assert len(flows.addresses) < 220
        assert 180 < flows.size < 220


def test_no_more_rows_than_the_utmost_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST", 100)
    monkeypatch.setattr(columns, "UTMOST", 150)
    monkeypatch.setattr(columns, "_BATCH", 16)
    made = columns.Gatherer("log")
    for number in range(500):
        made.add(Attempt(1e9 + number, ip_address(0x0A000000 + number), ip_address("198.51.100.7"), 25))
    assert (made.flows().size, made.left) == (150, 350)


def test_letters_that_grow_do_not_overflow_a_block(tmp_path: Path) -> None:
    path = tmp_path / "wide.log"
    text = GATEWAY.decode() + ("\u8a00" * 99 + "\n") * 20_000 + GATEWAY.decode()
    path.write_bytes(("\ufeff" + text).encode("utf-16-le"))
    made = read(path, NEAR)
    assert (made.understood, made.lines) == (26, 20_034)


def test_a_flood_is_counted_where_it_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST", 100)
    monkeypatch.setattr(columns, "ENOUGH", 30)
    monkeypatch.setattr(columns, "_BATCH", 16)
    made = columns.Gatherer("log")
    for number in range(500):
        source = "10.0.0.1" if number % 10 else f"10.0.1.{number % 250}"
        made.add(Attempt(1e9 + number, ip_address(source), ip_address("198.51.100.7"), 25), number)
    flows = made.flows()
    assert flows.size + made.left == 500
    kept = [str(flows.addresses[source]) for source in flows.src]
    assert len([one for one in kept if one != "10.0.0.1"]) == 50  # the quiet ones are all there
    assert 30 <= kept.count("10.0.0.1") <= 100


@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be"])
def test_what_windows_wrote_into_a_file_is_read(tmp_path: Path, code: str) -> None:
    path = tmp_path / "wide.log"
    text = GATEWAY.decode().replace("\n", "\r\n") + "cut"
    path.write_bytes(("\ufeff" + text).encode(code) + b"\x41")
    (tmp_path / "plain").write_bytes(GATEWAY)
    wide, plain = read(path, NEAR), read(tmp_path / "plain", NEAR)
    assert wide.flows is not None
    assert plain.flows is not None
    assert [one.at for one in wide.flows.attempts()] == [one.at for one in plain.flows.attempts()]
    assert quote([Evidence(str(path), 1, "")])[0].text == GATEWAY.decode().splitlines()[0]


def test_a_zip_is_its_files_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("old/gateway.log.1", GATEWAY.rstrip(b"\n"))
        archive.writestr("gateway.log", GATEWAY.replace(b"SPT=5", b"SPT=4"))
    (tmp_path / "plain").write_bytes(GATEWAY)
    plain, made = read(tmp_path / "plain", NEAR), read(path, NEAR)
    assert made.flows is not None
    assert plain.flows is not None
    assert made.flows.size == 2 * plain.flows.size
    assert made.lines == 2 * plain.lines
    whole = path.read_bytes()
    for cut in range(4, len(whole), 97):
        path.write_bytes(whole[:cut])
        assert read(path, NEAR).trouble
    path.write_bytes(whole.replace(b"\x4b", b"\x4c"))
    read(path, NEAR)


LINES = GATEWAY.decode().splitlines()


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (GATEWAY[: GATEWAY.index(b"\n") + 1] + bytes(4096) + GATEWAY[GATEWAY.index(b"\n") + 1 :], 0),
        (bytes(4096) + GATEWAY, 0),
        (GATEWAY.replace(b" gw ", b" b\xfcro "), 0),
        (GATEWAY.replace(b" gw ", " büro ".encode()), 0),
        (b"\xef\xbb\xbf" + GATEWAY, 0),
        (GATEWAY.decode().encode("utf-16-le"), 0),
        (bytes(range(256)) * 40, None),
        (b"\0\1\2\3" * 3000, None),
    ],
    ids=["nul", "nul-first", "latin-1", "utf-8", "bom", "utf-16 without bom", "binary", "small numbers"],
)
def test_a_log_as_disks_and_editors_leave_it(tmp_path: Path, data: bytes, lost: int | None) -> None:
    (tmp_path / "plain").write_bytes(GATEWAY)
    (tmp_path / "log").write_bytes(data)
    plain, made = read(tmp_path / "plain", NEAR), read(tmp_path / "log", NEAR)
    if lost is None:
        assert "binary" in made.trouble
        return
    assert made.flows is not None
    assert plain.flows is not None
    assert made.flows.size == plain.flows.size - lost
    assert made.unknown == plain.unknown


def test_leases_become_events_that_say_where_they_stood(tmp_path: Path) -> None:
    path = tmp_path / "dhcp"
    path.write_text("1795521981 3c:5a:b4:12:34:56 192.168.50.129 FRONTDESK-PC *\n")
    made = read(path, NEAR)
    assert made.kind == "leases"
    one = made.events[0]
    assert isinstance(one, Lease)
    assert (str(one.address), one.hostname, one.end) == ("192.168.50.129", "FRONTDESK-PC", 1795521981.0)
    assert one.seen == Evidence(str(path), 1, "")


def test_a_lease_file_from_the_future_is_said(tmp_path: Path) -> None:
    path = tmp_path / "dhcp"
    path.write_text("4102444800 3c:5a:b4:12:34:56 192.168.50.129 FRONTDESK-PC *\n")
    made = read(path, NEAR)
    assert made.understood == 1
    assert any("2100" in sentence for sentence in made.assumed)


def test_years_come_from_the_other_evidence(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(GATEWAY)
    (tmp_path / "b.leases").write_text("1543061181 3c:5a:b4:12:34:56 192.168.50.129 PC *\n")
    near = nearest(paths([str(tmp_path)]))
    assert near == 1543061181.0
    made = read(tmp_path / "a.log", near)
    assert made.flows is not None
    assert int(made.flows.at[0]) == 1543017986_000000, "2018, not the year of the file"


def test_no_line_is_placed_after_its_file_was_written(tmp_path: Path) -> None:
    path = tmp_path / "kern.log"
    path.write_bytes(GATEWAY)
    os.utime(path, (1780300800.0, 1780300800.0))  # 2026-06-01: the line is of the November before
    for near in (None, NEAR, 1780300800.0):
        made = read(path, near)
        assert made.flows is not None
        assert datetime.fromtimestamp(made.flows.at[0] / 1e6, UTC).year == 2025
        assert "taken as 2025" in " ".join(made.assumed)
    os.utime(path, (0.0, 0.0))  # an archive that knows no times: the other evidence decides
    made = read(path, NEAR)
    assert made.flows is not None
    assert datetime.fromtimestamp(made.flows.at[0] / 1e6, UTC).year == 2026


def test_mail_is_left_to_those_who_read_mail(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(
        "Return-Path: <>\nReceived: from mx.example.net by mail.example.org\n"
        "From: MAILER-DAEMON@mx.example.net\nTo: me@example.org\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n"
        "Subject: Undelivered Mail Returned to Sender\n\nHello\n"
    )
    assert read(path).kind == "mail"
    assert nearest([path]) == 1795428000.0


def test_walk_is_sorted_skips_the_hidden_and_never_circles(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2", "b/1", "a", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    found = [str(path.relative_to(tmp_path)) for path in walk(tmp_path)]
    assert found == ["a", "b/1", "b/2", "dangling"]
    assert read(tmp_path / "dangling").trouble == "no such file"


def test_quote_finds_lines_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {number}\n" for number in range(1, 100_001)))
    monkeypatch.setattr(blocks.blocks, "__defaults__", (4096, None))
    seen = quote([Evidence(str(path), number, "") for number in (1, 77, 99_999, 100_000, 100_001)])
    assert [one.text for one in seen] == ["line 1", "line 77", "line 99999", "line 100000", ""]
    assert quote([Evidence("nowhere", 5, "kept")])[0].text == "kept"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_no_bytes_raise(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    for front in (b"", b"\x1f\x8b\x08", b"BZh9", b"PAR1", b"\xfd7zXZ\x00", GATEWAY[:300]):
        path.write_bytes(front + data)
        read(path, NEAR)
        nearest([path])


def test_parquet_with_named_columns(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "flows"
    rows = {
        "ts": [1795478786.25, 1795478787.0, 1795478788.0, 1795478789.0],
        "src_ip": ["192.168.50.9", "192.168.50.9", "not an address", "192.168.50.9"],
        "dst_ip": ["198.51.100.7", "198.51.100.8", "198.51.100.9", "198.51.100.10"],
        "dst_port": [25, 443, 587, 465],
        "proto": [6, 6, 6, 17],
    }
    pl.DataFrame(rows).write_parquet(path)
    made = read(path)
    assert (made.kind, made.format, made.lines) == ("flows", "parquet", 4)
    assert (made.understood, made.other, made.unknown) == (1, 2, 1)
    assert made.flows is not None
    one = next(made.flows.attempts())
    assert (one.at, str(one.dst), one.dport, one.seen) == (
        1795478786.25,
        "198.51.100.7",
        25,
        Evidence(str(path), 1, ""),
    )
    assert "198.51.100.7" in quote([Evidence(str(path), 1, "")])[0].text
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert "without columns" in read(path).trouble


@pytest.mark.parametrize(
    "filler", ["sshd[9]: session opened for user root", "dnsmasq[7]: query[A] example.org"]
)
def test_one_minute_of_dropped_mail_in_a_month_of_syslog_is_found(tmp_path: Path, filler: str) -> None:
    path = tmp_path / "messages"
    lines = [f"Nov 23 10:00:00 gw {filler} {number}".encode() for number in range(6000)]
    lines[2900:2900] = GATEWAY.splitlines()
    path.write_bytes(b"\n".join(lines))
    made = read(path, NEAR)
    assert "gateway" in made.kinds
    assert made.flows is not None
    assert made.flows.size == 13
    assert int(made.flows.line[0]) == 2901


def test_a_mail_from_the_future_does_not_move_the_logs(tmp_path: Path) -> None:
    written = 1795428000.0

    def mail(name: str, date: str) -> None:
        (tmp_path / name).write_text(f"From: a@b.example\nTo: c@d.example\nDate: {date}\n\nHello\n")
        os.utime(tmp_path / name, (written, written))

    mail("a", "Tue, 19 Jan 2038 03:14:07 +0000")
    assert nearest(paths([str(tmp_path)])) is None
    mail("b", "Mon, 23 Nov 2026 09:00:00 +0000")
    mail("c", "Sun, 22 Nov 2026 09:00:00 +0000")
    mail("d", "Thu, 01 Jan 1970 00:00:00 +0000")
    assert nearest(paths([str(tmp_path)])) == written - 86_400 - 3600
    (tmp_path / "e.leases").write_text("1543061181 3c:5a:b4:12:34:56 192.168.50.129 PC *\n")
    assert nearest(paths([str(tmp_path)])) == 1543061181.0, "a log's word before a stranger's"


def test_a_name_that_no_file_can_have_is_said() -> None:
    (only,) = paths(["x" * 5000])
    assert "too long" in read(only).trouble


def test_a_broken_time_moves_no_other(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "flows"
    hosts = {"src": ["192.168.50.9"] * 3, "dst": ["198.51.100.7"] * 3, "dport": [25] * 3}
    for odd in (float("nan"), float("inf"), 1e18, -1e300):
        pl.DataFrame({"ts": [1795478786.0, odd, 1795478787.0], **hosts}).write_parquet(path)
        made = read(path)
        assert made.flows is not None
        assert made.flows.at.tolist() == [1795478786_000000, 1795478787_000000]
    pl.DataFrame({"ts": [[1], [2], [3]], **hosts}).write_parquet(path)
    assert "cannot be read" in read(path).trouble


def test_without_polars_the_rest_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    (tmp_path / "flows").write_bytes(b"PAR1" + bytes(20))
    assert "unlisted[bulk]" in read(tmp_path / "flows").trouble
