"""List files: every line against `ipaddress`, rbldnsd's rules against rbldnsd itself, and hostile files."""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlisted.cli import _offline, check, main
from unlisted.edge import offline as files
from unlisted.notice import intervals, listline, offline
from unlisted.notice.listline import Columns, Net
from unlisted.notice.offline import Listed


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    """As a file is read."""
    return (data[at : at + size] for at in range(0, len(data), size))


def parsed(text: str | bytes, size: int = 1 << 18) -> Listed:
    """A list as the program reads it, in chunks of a size."""
    data = text if isinstance(text, bytes) else text.encode()
    reader = offline.Reader()
    for block in offline.blocks(offline.utf8(chunked(data, size))):
        reader.feed(block)
    return reader.done()


def lines_of(listed: Listed, address: str) -> int:
    """The line that names an address; 0 for none."""
    one = ip_address(address)
    if one.version == 6:
        return next((name for first, last, name in listed.six if first <= int(one) <= last), 0)
    mine = np.array([int(one)], np.uint32)
    return next(iter(intervals.meet((mine, mine), listed.four).name.tolist()), 0)


def why(text: str) -> str:
    """Why a line is refused."""
    found = listline.read(text, "plain")
    assert isinstance(found, str), found
    return found


# ---- one line -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24 ; SBL123456", "192.0.2.0/24"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("192.0.2", "192.0.2.0/24"),
        ("198.51", "198.51.0.0/16"),
        ("127/8", "127.0.0.0/8"),
        ("127.16/12", "127.16.0.0/12"),
        ("192.0.2.0-192.0.2.255", "192.0.2.0/24"),
        ("192.0.2.0 - 192.0.2.127", "192.0.2.0/25"),
        ("127.16.0-31", "127.16.0.0/19"),
        ("127.16-31", "127.16.0.0/12"),
        ("127-127.0.0", "127.0.0.0/24"),
        ("192.0.2.8:8080", "192.0.2.8/32"),
        ("192.0.2.7\r", "192.0.2.7/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8:def7:4242", "2001:db8:def7:4242::/64"),
        ("2001:db8:c000/36", "2001:db8:c000::/36"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:c000:200/120", "192.0.2.0/24"),
        ("2001:db8::1%eth0", "2001:db8::1/128"),
    ],
)
def test_what_a_line_names(text: str, network: str) -> None:
    found, wanted = listline.read(text, "plain"), ip_network(network)
    assert isinstance(found, Net)
    assert (found.version, found.first, found.last) == (
        wanted.version,
        int(wanted.network_address),
        int(wanted.broadcast_address),
    )


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("192.0.2.010", "begins with 0"),
        ("192.0.2.256", "256 is more than 255"),
        ("192.0.2.0/33", "/33 is more than /32"),
        ("2001:db8::/129", "/129 is more than /128"),
        ("192.0.2.9-192.0.2.1", "ends before it begins"),
        ("192.0.2.1.5", "no address"),
        ("192.0.2.1x", "no address"),
        ("192.0.2.1\0", "no address"),
        ("10", "one number"),
        ("spam.example", "no address"),
        ("00:1b:21:3c:4d:5e", "hardware"),
        ("1::2::3", "no IPv6"),
        ("9" * 5000, "no address"),
        ("192.0.2.1\r192.0.2.2", "several lines"),
    ],
)
def test_why_a_line_is_refused(text: str, because: str) -> None:
    assert because in why(text)


@pytest.mark.parametrize("text", ["", "  ", "# comment", "; comment", "// comment"])
def test_comments_are_no_lines_to_understand(text: str) -> None:
    assert listline.read(text, "plain") is None


@pytest.mark.parametrize("form", ["plain", "rbldnsd", "json", "csv"])
@given(text=st.text() | st.text('0123456789./-:!$,;"{} #\r\0', max_size=60))
def test_no_line_raises(form: Any, text: str) -> None:
    found = listline.read(text, form, Columns(",", 1))
    assert found is None or isinstance(found, str | Net)
    code, reason = listline.value(text, form, ("127.0.0.2", ""))
    assert isinstance(code + offline.expand(reason, "192.0.2.1"), str)


# Mostly sound: what the fast reader takes is what the two of them may differ on.
_OCTET = st.integers(0, 255).map(str) | st.sampled_from(["7", "10", "192", "255", "0", "00", "01", "", "256"])
_FOUR = st.lists(st.integers(0, 255).map(str), min_size=4, max_size=4)
_DOTTED = (_FOUR | _FOUR | st.lists(_OCTET, min_size=3, max_size=5)).map(".".join)
_MASKS = ["", "", "", "/8", "/24", "/32", "/33", "/7", "/0", "/08", "/", "/1x"]
_TAILS = ["", "\r", " ", " # x", ";y", ",z", ":2:t", " - 255.255.255.255", "-255", "\0", "\t9"]
_CARRIAGES = [" # x\r10.0.0.1", "\r\r", ";\r8", " 9 \r\t"]  # one that does not stand at the end
_LINE = st.tuples(
    st.sampled_from(["", "", "", " ", "!", "#", ":"]),
    _DOTTED,
    st.sampled_from(_MASKS),
    st.sampled_from(_TAILS + _CARRIAGES),
).map("".join)


@given(st.lists(_LINE | st.text("0123456789./ -#;\r", max_size=20), max_size=30), st.integers(1, 64))
@settings(deadline=None)
def test_columns_and_single_lines_agree(texts: list[str], size: int) -> None:
    """The fast reader takes only what the slow one reads in the same way, wherever the file is cut."""
    data = "".join(f"{text}\n" for text in texts).encode()
    for block in offline.blocks(chunked(data, size)):
        if len(block.data) < 4:
            continue
        found = offline.quick(block.data, "plain")
        rows = block.data.split(b"\n")
        taken = zip(found.row.tolist(), found.first.tolist(), found.last.tolist(), strict=True)
        for row, first, last in taken:
            one = listline.read(rows[row].decode(), "plain")
            assert isinstance(one, Net)
            assert (one.first, one.last, one.out) == (first, last, False)
        silent = set(range(len(rows) - 1)) - set(found.row.tolist()) - set(found.odd.tolist())
        assert all(listline.read(rows[row].decode(), "plain") is None for row in silent)


@given(st.lists(st.ip_addresses(v=4), min_size=1, max_size=50))
def test_plain_addresses_are_all_read_as_columns(addresses: list[IPv4Address]) -> None:
    found = offline.quick("".join(f"{one}\n" for one in addresses).encode(), "plain")
    assert found.first.tolist() == [int(one) for one in addresses]
    assert not len(found.odd)


# ---- which entry ----------------------------------------------------------------------------------


def _networks() -> st.SearchStrategy[list[tuple[IPv4Network, bool]]]:
    small = st.tuples(st.integers(0, 63), st.integers(26, 32)).map(
        lambda one: ip_network((0xC0000200 + one[0], one[1]), strict=False)
    )
    return st.lists(st.tuples(small, st.booleans()), max_size=20)


@given(_networks())
@settings(deadline=None)
def test_the_narrowest_entry_is_named_and_an_exclusion_takes_away(
    entries: list[tuple[IPv4Network, bool]],
) -> None:
    """Against `ipaddress`, address by address."""
    text = ":2:x\n" + "".join(f"{'!' if out else ''}{network}\n" for network, out in entries)
    listed = parsed(text)
    for number in range(0xC0000200, 0xC0000240):
        holds = [
            (net.prefixlen, out, line + 2)
            for line, (net, out) in enumerate(entries)
            if IPv4Address(number) in net
        ]
        named = lines_of(listed, str(IPv4Address(number)))
        best = max((length for length, _, _ in holds), default=-1)
        narrowest = [(out, line) for length, out, line in holds if length == best]
        if not narrowest or any(out for out, _ in narrowest):
            assert named == 0
        else:
            assert named == min(line for _, line in narrowest)


_SPANS = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)).map(sorted).map(tuple), max_size=25)


@given(_SPANS, _SPANS, st.sampled_from([0, 0xFFFFFFFF - 90]))
@settings(deadline=None)
def test_intervals_against_sets(those: list[Any], mine: list[Any], base: int) -> None:
    """Both ends of the numbers, ranges of any shape."""

    def columns(spans: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
        made = np.array(spans, np.int64).reshape(-1, 2) + base
        return made[:, 0].astype(np.uint32), made[:, 1].astype(np.uint32)

    flat, own = intervals.flatten(*columns(those)), intervals.merge(*columns(mine))
    assert all(np.diff(flat.first.astype(np.int64)) > 0)
    wanted = {base + n for first, last in mine for n in range(first, last + 1)}
    assert intervals.size(*own) == len(wanted)
    got: dict[int, int] = {}
    for first, last, name in zip(*(column.tolist() for column in intervals.meet(own, flat)), strict=True):
        for number in range(first, last + 1):
            assert number not in got
            got[number] = name
    widths = [last - first for first, last in those]
    covering = {
        number: [at for at, (first, last) in enumerate(those) if first <= number - base <= last]
        for number in wanted
    }
    assert set(got) == {number for number, over in covering.items() if over}
    for number, name in got.items():
        assert name in covering[number]
        assert widths[name] == min(widths[at] for at in covering[number])


@given(_SPANS, _SPANS)
@settings(deadline=None)
def test_the_same_for_ipv6(those: list[Any], mine: list[Any]) -> None:
    flat = intervals.flatten_long([(first, last, False) for first, last in those])
    met = intervals.meet_long(intervals.merge_long(mine), flat)
    got = {number for first, last, _ in met for number in range(first, last + 1)}
    own = {n for first, last in mine for n in range(first, last + 1)}
    assert got == own & {n for first, last in those for n in range(first, last + 1)}
    for first, last, name in met:
        assert those[name][0] <= first <= last <= those[name][1]


def test_what_one_entry_names_is_one_piece() -> None:
    listed = parsed("192.0.2.0/24\n")
    own = parsed("192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.9\n").four
    met = intervals.meet(intervals.merge(own.first, own.last), listed.four)
    assert (met.last - met.first + 1).tolist() == [3, 1]


def test_nesting_as_deep_as_it_goes_takes_no_square_of_time() -> None:
    count = 100_000
    first = np.arange(count, dtype=np.uint32)
    flat = intervals.flatten(first, np.uint32(0xFFFFFFFF) - first)
    assert len(flat.first) == 2 * count - 1
    assert flat.name[count - 1] == count - 1


# ---- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("192.0.2.1\n192.0.2.2\n", "plain"),
        ("; Spamhaus DROP List\n192.0.2.0/24 ; SBL1\n", "plain"),
        ("#\n# firehol_level1\n#\n# Maintainer : FireHOL\n192.0.2.0/24\n", "plain"),
        ('{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"arin"}\n', "json"),
        (":127.0.0.2:listed $\n192.0.2.1\n", "rbldnsd"),
        ("192.0.2.1 :3:open relay\n", "rbldnsd"),
        ("$SOA 1 a b 0 1 1 1 1\n192.0.2.1\n", "rbldnsd"),
        ('"first_seen_utc","dst_ip","dst_port"\n"2026-11-25","192.0.2.1","443"\n', "csv"),
        ("country;network\nXX;192.0.2.0/24\n", "csv"),
        ("192.0.2.1,2026-11-25,spam\n", "plain"),
        ("2001:db8::1\n2001:db8::2\n", "plain"),
    ],
)
def test_a_format_is_known_by_its_content(text: str, form: str) -> None:
    listed = parsed(text)
    assert listed.account.form == form
    assert listed.account.refused == 0
    assert lines_of(listed, "192.0.2.1") > 0 or lines_of(listed, "2001:db8::1") > 0


@pytest.mark.parametrize(
    ("text", "address", "line"),
    [
        ("id,start_ip,end_ip\n1,192.0.2.4,192.0.2.9\n", "192.0.2.7", 2),
        ("src_ip,dst_ip,n\n192.0.2.4,198.51.100.1,3\n", "192.0.2.4", 2),
        ("asn\tprefix\tname\n64500\t192.0.2.0/24\tx\n", "192.0.2.4", 2),
        ('#head\n"n","192.0.2.4","x"\n', "192.0.2.4", 2),
    ],
)
def test_a_table_has_its_addresses_in_a_column(text: str, address: str, line: int) -> None:
    listed = parsed(text)
    assert listed.account.form == "csv"
    assert lines_of(listed, address) == line
    assert lines_of(listed, "192.0.3.1") == lines_of(listed, "198.51.100.1") == 0


def test_combined_data_sets_of_names_are_passed_over() -> None:
    text = (
        "$DATASET ip4set:a @\n:3:a\n192.0.2.1\n$DATASET generic:b @\n4.2.0.192 A 127.0.0.2\n"
        "$DATASET ip6trie:c @\n2001:db8::/32\n"
    )
    listed = parsed(text)
    assert (listed.account.entries, listed.account.refused) == (2, 0)
    assert lines_of(listed, "4.2.0.192") == 0
    assert offline.says(listed.account, 3, "192.0.2.1") == ("127.0.0.3", "a")
    assert offline.says(listed.account, 7, "2001:db8::/32") == ("127.0.0.2", "")


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        ("192.0.2.1", "127.0.0.2", "IP address 192.0.2.1 is listed"),
        ("192.0.2.1 :5", "127.0.0.5", "IP address 192.0.2.1 is listed"),
        ("192.0.2.1 :6:", "127.0.0.6", ""),
        ("192.0.2.1 running an open relay", "127.0.0.2", "running an open relay"),
        ("192.0.2.1 :127.1.2.3:see $1/$", "127.1.2.3", "see http://bl.example/192.0.2.1"),
        ("192.0.2.1 costs 3 $$", "127.0.0.2", "costs 3 $"),
        ("192.0.2.1 # why", "127.0.0.2", "IP address 192.0.2.1 is listed"),
    ],
)
def test_what_an_rbldnsd_entry_says(line: str, code: str, reason: str) -> None:
    account = parsed(f"$1 http://bl.example\n:127.0.0.2:IP address $ is listed\n{line}\n").account
    got = offline.says(account, 3, line)
    assert (got[0], offline.expand(got[1], "192.0.2.1")) == (code, reason)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [3, 7, 1 << 18])
def test_encodings_and_ends_of_lines(encoding: str, end: str, size: int) -> None:
    data = end.join(["# comment", "192.0.2.1", "", "192.0.2.0/24"]).encode(encoding)
    listed = parsed(data, size)
    assert (listed.account.entries, listed.account.refused, listed.account.lines) == (2, 0, 4)
    assert (lines_of(listed, "192.0.2.1"), lines_of(listed, "192.0.2.2")) == (2, 4)


# ---- hostile files --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0.0.0.0/0", "0/1", "128/1", "::/0", "0.0.0.0-255.255.255.255", "2000::/3"])
def test_an_entry_that_lists_the_world_is_not_believed(text: str) -> None:
    account = parsed(f"{text}\n192.0.2.1\n").account
    assert (account.wide, account.entries, account.refused) == (1, 1, 1)
    assert "lists the world" in account.unread[0].why


def test_a_list_of_half_the_world_is_not_believed() -> None:
    listed = parsed("".join(f"{n}.0.0.0/8\n" for n in range(128)))
    assert listed.account.world
    assert lines_of(listed, "9.9.9.9") == 0


@given(st.binary(max_size=3000), st.integers(1, 500))
@settings(deadline=None)
def test_no_bytes_raise(data: bytes, size: int) -> None:
    listed = parsed(data, size)
    assert listed.account.lines <= data.count(b"\n") + 1 or data[:2] in (b"\xff\xfe", b"\xfe\xff")


def test_a_line_of_ten_megabytes_costs_one_line() -> None:
    data = b"192.0.2.1\n" + b"x" * (10 << 20) + b"\n192.0.2.2\n" + b"9" * (1 << 20) + b"\n192.0.2.3"
    account = parsed(data).account
    assert (account.entries, account.refused, account.lines) == (3, 2, 5)
    assert len(account.unread[0].text) <= 200


def test_a_default_before_every_entry_takes_no_square_of_time() -> None:
    """20,000 of them took 7 s to show: each row walked all of them."""
    listed = parsed("".join(f":127.0.0.2:case {n}\n10.{n >> 8}.{n & 255}.1\n" for n in range(60_000)))
    began = time.process_time()
    said = [offline.says(listed.account, line, "10.0.0.1")[1] for line in range(2, 120_001, 2)]
    assert time.process_time() - began < 5  # 0.4 s; a walk takes minutes
    assert (said[0], said[-1], len(set(said))) == ("case 0", "case 59999", 60_000)


def test_objects_are_fewer_than_columns_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(offline, "MOST_LONG", 100)
    monkeypatch.setattr(offline, "CHUNK", 1000)
    for line in ("2001:db8::{n:x}\n", ":127.0.0.{n}:x\n"):
        path = tmp_path / "list"
        path.write_text("".join(line.format(n=n % 250) for n in range(20_000)))
        account = files.read(str(path)).account
        assert "more entries than any list has" in account.trouble
        assert max(account.entries, len(account.scopes)) < 300


def test_what_is_not_understood_is_counted_and_its_first_lines_kept() -> None:
    account = parsed("192.0.2.1\n" + "what?\n" * 20).account
    assert (account.entries, account.refused, len(account.unread)) == (1, 20, offline.SHOWN)
    assert (account.unread[0].line, account.unread[0].text) == (2, "what?")


# ---- files and the index --------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every file is worth an index, however new."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "WORTH", 0)
    monkeypatch.setattr(files, "SETTLED", -1.0)
    return tmp_path / "cache" / "unlisted" / "lists"


TEXT = ":2:see $\n192.0.2.0/24\n!192.0.2.9\n2001:db8::/32\nwhat\n"


def _columns(listed: Listed) -> Any:
    return [column.tolist() for column in listed.four], listed.six


def test_the_index_tells_the_same(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list"
    path.write_text(TEXT)
    first = files.read(str(path))
    (index,) = cache.iterdir()
    assert index.stat().st_mode & 0o777 == 0o600
    with monkeypatch.context() as patch:
        patch.setattr(files, "_parse", lambda _: pytest.fail("read again"))
        second = files.read(str(path))
    assert _columns(first) == _columns(second)
    assert (second.account.refused, second.account.unread) == (1, first.account.unread)
    assert offline.says(second.account, 2, "192.0.2.0/24") == ("127.0.0.2", "see $")


def test_an_index_of_another_state_of_the_file_is_not_used(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.1\n")
    files.read(str(path))
    there = path.stat()
    path.write_text("192.0.2.2\n")
    os.utime(path, ns=(there.st_atime_ns, there.st_mtime_ns))  # the same size and the same time
    assert lines_of(files.read(str(path)), "192.0.2.2") == 1


def test_a_damaged_index_is_made_anew(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "list"
    path.write_text(TEXT)
    wanted = _columns(files.read(str(path)))
    (index,) = cache.iterdir()
    whole = index.read_bytes()
    for at in range(0, len(whole), 3):
        index.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        assert _columns(files.read(str(path))) == wanted, at
    for length in range(0, len(whole), 5):
        index.write_bytes(whole[:length])
        assert _columns(files.read(str(path))) == wanted, length


def test_an_index_that_others_may_write_is_not_used(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "list"
    path.write_text(TEXT)
    files.read(str(path))
    (index,) = cache.iterdir()
    index.chmod(0o666)
    files.read(str(path))
    assert index.stat().st_mode & 0o777 == 0o600


def test_a_pipe_in_the_place_of_the_index_holds_nobody_up(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "list"
    path.write_text(TEXT)
    files.read(str(path))
    (index,) = cache.iterdir()
    index.unlink()
    os.mkfifo(index, 0o600)
    assert files.read(str(path)).account.entries == 3
    assert index.is_file()


def test_lines_that_end_in_cr_alone_are_refused_also_behind_a_comment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the first of them was read: whoever stands in the second was told that he is not listed."""
    path = tmp_path / "list"
    path.write_bytes(b"192.0.2.1 # a\r203.0.113.7 # b\r192.0.2.9\r\n192.0.2.2\r\n")
    code, rows, talk = ask(capsys, "--offline", str(path), "203.0.113.7")
    assert (code, rows) == (0, [])
    assert "1 line of 2 not understood" in talk
    path.write_bytes(b"192.0.2.1 # a\r203.0.113.7 # b\r")
    assert ask(capsys, "--offline", str(path), "203.0.113.7")[0] == 3


def test_a_file_that_was_just_written_gets_no_index(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SETTLED", 3600.0)
    path = tmp_path / "list"
    path.write_text(TEXT)
    files.read(str(path))
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path, cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("a file in its place")
    path = tmp_path / "list"
    path.write_text(TEXT)
    assert files.read(str(path)).account.entries == 3


def test_gzip_and_a_broken_one(tmp_path: Path) -> None:
    text = "".join(f"192.0.2.{n}\n10.{n}.0.0/16\n" for n in range(256)).encode()
    packed = gzip.compress(text)
    (tmp_path / "whole.gz").write_bytes(packed)
    (tmp_path / "cut.gz").write_bytes(packed[:-20])
    assert files.read(str(tmp_path / "whole.gz")).account.entries == 512
    assert files.texts(str(tmp_path / "whole.gz"), [3]) == {3: "192.0.2.1"}
    assert "damage" in files.read(str(tmp_path / "cut.gz")).account.trouble


@given(
    st.lists(st.integers(0, 9).map(lambda n: "x" * n) | st.just("192.0.2.1"), max_size=60), st.integers(1, 40)
)
@settings(deadline=None)
def test_a_line_is_found_again_from_its_block(texts: list[str], size: int) -> None:
    data = "\n".join(texts).encode()
    for block in offline.blocks(chunked(data, size)):
        number = block.line + block.data.count(b"\n") - 1
        assert offline.lines([data[block.at :]], [number], block.line) == {number: texts[number - 1]}


@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16", "gzip"])
def test_lines_are_quoted_as_they_stand(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "CHUNK", 100)
    text = "".join(f"10.0.{n}.0/24 # {n}\n" for n in range(200))
    data = gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding)
    path = tmp_path / "list"
    path.write_bytes(data)
    listed = files.read(str(path))
    for wanted in ([1, 77, 200], range(1, 201)):
        told = files.texts(str(path), wanted, listed.account.places)
        assert told == {n: f"10.0.{n - 1}.0/24 # {n - 1}" for n in wanted}


def test_what_is_no_list_file_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04....")
    assert "pipe" in files.read(str(tmp_path / "pipe")).account.trouble
    assert "directory" in files.read(str(tmp_path)).account.trouble.lower()
    assert "zip" in files.read(str(tmp_path / "zip")).account.trouble
    assert "No such file" in files.read(str(tmp_path / "none")).account.trouble


# ---- the verb -------------------------------------------------------------------------------------


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, JSON lines, talk."""
    code = main(["check", *words, "--json"])
    told = capsys.readouterr()
    return code, [json.loads(line) for line in told.out.splitlines()], told.err


def test_a_row_is_what_check_promises_and_the_entry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drop").write_text("; DROP\n192.0.2.0/24 ; SBL123456\n")
    code, rows, err = ask(capsys, "--offline", str(tmp_path / "drop"), "192.0.2.6/31", "198.51.100.1")
    assert code == 1
    assert list(rows[0]) == [*check.Row.__struct_fields__, "entry", "line"]
    assert [row["address"] for row in rows] == ["192.0.2.6", "192.0.2.7"]
    assert {key: rows[0][key] for key in ("state", "codes", "reason", "scope", "entry", "line")} == {
        "state": "listed",
        "codes": [],
        "reason": "SBL123456",
        "scope": "range",
        "entry": "192.0.2.0/24 ; SBL123456",
        "line": 2,
    }
    assert "2 addresses listed of 3 addresses" in err


def test_rbldnsd_values_and_ipv6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text(":127.0.0.2:see $\n192.0.2.7\n192.0.2.8 :4:XBL $\n")
    (tmp_path / "b").write_text("2001:db8::/32\n")
    words = [
        "--offline",
        str(tmp_path / "a"),
        "--offline",
        str(tmp_path / "b"),
        "192.0.2.0/24",
        "2001:db8::/64",
    ]
    _, rows, _ = ask(capsys, *words)
    assert [(row["address"], row["codes"], row["reason"]) for row in rows] == [
        ("192.0.2.7", ["127.0.0.2"], "see 192.0.2.7"),
        ("192.0.2.8", ["127.0.0.4"], "XBL 192.0.2.8"),
        ("2001:db8::/64", [], ""),
    ]


def test_rows_come_in_batches_and_none_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_offline, "BATCH", 3)
    text = "".join(f"192.0.2.{n} # {n}\n" for n in range(8)) + "2001:db8::1 # six\n"
    (tmp_path / "list").write_text(text)
    _, rows, _ = ask(capsys, "--offline", str(tmp_path / "list"), "192.0.2.0/24", "2001:db8::/126")
    assert sorted(row["line"] for row in rows) == list(range(1, 10))
    assert all(row["entry"] == text.splitlines()[row["line"] - 1] for row in rows)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("192.0.2.1\n", 1),
        ("192.0.3.1\n", 0),
        ("", 3),
        ("nothing\nof\nuse\n", 3),
        ("0.0.0.0/0\n", 3),
        ("0.0.0.0/0\n192.0.3.1\n", 0),
    ],
)
def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int) -> None:
    (tmp_path / "list").write_text(text)
    assert ask(capsys, "--offline", str(tmp_path / "list"), "192.0.2.1")[0] == code


@pytest.mark.parametrize(
    "word", ["spam.example", "192.0.2.256", "192.0.2.9-192.0.2.1", "@/no/such/file", "x y"]
)
def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    (tmp_path / "list").write_text("192.0.2.1\n")
    assert ask(capsys, "--offline", str(tmp_path / "list"), word)[0] == 2
    assert ask(capsys, "--offline", str(tmp_path / "none"), "192.0.2.1")[0] == 2
    assert ask(capsys, "--offline", str(tmp_path / "list"))[0] == 2


def test_own_addresses_from_the_configuration_a_file_and_stdin(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("192.0.2.1\n192.0.2.2\n192.0.2.3\n")
    (tmp_path / "own").write_text("# ours\n192.0.2.2\n")
    (tmp_path / "conf").write_text('own = ["192.0.2.1"]\n')
    command = [sys.executable, "-m", "unlisted", "check", "--json", "--offline", str(tmp_path / "list")]
    for more, stdin, address in (
        (["--config", str(tmp_path / "conf")], "", "192.0.2.1"),
        ([f"@{tmp_path / 'own'}"], "", "192.0.2.2"),
        (["-"], "192.0.2.3\n", "192.0.2.3"),
    ):
        done = subprocess.run([*command, *more], input=stdin, capture_output=True, text=True, check=False)
        assert [json.loads(line)["address"] for line in done.stdout.splitlines()] == [address], done.stderr
        assert done.returncode == 1


def test_the_page_names_the_largest_and_what_was_not_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"198.51.100.{n}\n" for n in range(0, 100, 2))
    (tmp_path / "list").write_text(f"{rows}192.0.2.7/24 # big\n203.0.113.010\nwhat\x1b[31m\n")
    assert main(["check", "--offline", str(tmp_path / "list"), "192.0.2.0/24", "198.51.100.0/24"]) == 1
    told = capsys.readouterr()
    assert "306 of 512 addresses, in 51 pieces" in told.out
    first = told.out.splitlines()[1]
    assert "192.0.2.0/24" in first
    assert "line 51: 192.0.2.7/24 # big" in first
    assert "41 smaller pieces" in told.out
    assert "1 entry has bits of the host set" in told.err
    assert "2 lines of 53 not understood" in told.err
    assert "line 52: '203.0.113.010': a number begins with 0" in told.err
    assert "\x1b" not in told.err + told.out


# ---- rbldnsd's own opinion ------------------------------------------------------------------------

ZONES = {
    "ip4set": ":127.0.0.2:IP $\n$1 http://x\n"
    "192.0.2.0/24\n!192.0.2.9\n198.51.100\n203.0.113.8-15 :4:range $\n"
    "127.16.0-31\n192.0.2.17 :5\n192.0.2.18 :6:\n192.0.2.19 text $1/$\n",
    "ip4trie": ":3:T\n192.0.2.0/24\n!192.0.2.0/26\n192.0.2.32/27 :7:inner $\n198.51.100.0/30 # note\n",
    "ip6trie": ":2:six $\n2001:db8:c000/36\n2001:db8:1:2 :9:net\n!2001:db8:1:2::5\n::ffff:c000:207\n",
}
PROBES = [
    *(f"192.0.2.{n}" for n in (0, 7, 9, 17, 18, 19, 31, 32, 40, 63, 64, 255)),
    *("198.51.100.0", "198.51.100.4", "203.0.113.7", "203.0.113.8", "203.0.113.15", "203.0.113.16"),
    *("127.16.31.255", "127.16.32.0", "127.15.255.255"),
    *("2001:db8:c123::1", "2001:db8:d000::1", "2001:db8:1:2::5", "2001:db8:1:2::6", "2001:db8:1:3::1"),
]


@pytest.fixture(scope="module")
def rbldnsd(
    program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Path]]:
    """A real rbldnsd that serves the three kinds of data set, and their folder."""
    folder = tmp_path_factory.mktemp("zones")
    folder.chmod(0o755)
    for kind, text in ZONES.items():
        (folder / kind).write_text(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [program("rbldnsd"), "-n", "-q", "-b", f"127.0.0.1/{port}", "-w", str(folder)]
    command += [f"{kind}.example:{kind}:{kind}" for kind in ZONES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        if not any("started" in line for line in process.stdout):
            pytest.fail("rbldnsd did not start")
        yield port, folder
        process.terminate()


@pytest.mark.parametrize("kind", ZONES)
def test_as_rbldnsd_answers(rbldnsd: tuple[int, Path], kind: str) -> None:
    port, folder = rbldnsd
    listed = files.read(str(folder / kind))
    assert listed.account.refused == 0
    for address in PROBES:
        one = ip_address(address)
        if (one.version == 6) != (kind == "ip6trie"):
            continue
        name = (
            one.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa") + f".{kind}.example."
        )

        def told(name: str, what: str) -> list[str]:
            reply = dns.query.udp(dns.message.make_query(name, what), "127.0.0.1", timeout=5, port=port)
            return [data.to_text().strip('"') for rrset in reply.answer for data in rrset]

        line = lines_of(listed, address)
        assert bool(line) == bool(told(name, "A")), address
        if line:
            text = files.texts(str(folder / kind), [line])[line]
            code, reason = offline.says(listed.account, line, text)
            assert told(name, "A") == [code], address
            assert told(name, "TXT") == ([offline.expand(reason, address)] if reason else []), address


def test_a_plain_entry_s_line_is_put_together_and_says_what_any_other_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'li"st\u200bé'
    path.write_text(
        ':127.0.0.2:costs $$5, see "https://bl.example/?$"\n203.0.113.1\n203.0.113.2 \n203.0.113.3\n'
        ":127.0.0.9:\\$ Ω\n203.0.113.4\n203.0.113.5/32\n203.0.113.6 :4:own $\n"
    )
    assert main(["check", "--offline", str(path), "203.0.113.0/24", "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = 'costs $5, see "https://bl.example/?{}"'.format
    assert [(row["address"], row["codes"], row["reason"], row["entry"].strip()) for row in rows] == [
        ("203.0.113.1", ["127.0.0.2"], first("203.0.113.1"), "203.0.113.1"),
        ("203.0.113.2", ["127.0.0.2"], first("203.0.113.2"), "203.0.113.2"),
        ("203.0.113.3", ["127.0.0.2"], first("203.0.113.3"), "203.0.113.3"),
        ("203.0.113.4", ["127.0.0.9"], "\\203.0.113.4 Ω", "203.0.113.4"),
        ("203.0.113.5", ["127.0.0.9"], "\\203.0.113.5 Ω", "203.0.113.5/32"),
        ("203.0.113.6", ["127.0.0.4"], "own 203.0.113.6", "203.0.113.6 :4:own $"),
    ]
    assert [row["line"] for row in rows] == [2, 3, 4, 6, 7, 8]
    assert [row["meaning"] for row in rows] == [f"in the list file, line {row['line']}" for row in rows]
    assert {(row["list"], row["scope"], row["state"]) for row in rows} == {(str(path), "address", "listed")}
