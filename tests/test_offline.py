"""List files against own ranges: every form, hostile lines, and `ipaddress` as the oracle."""

import gzip
import json
import os
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlisted.cli import main
from unlisted.edge import offline as files
from unlisted.notice import offline


def spans(text: str | bytes) -> list[str]:
    """The entries of a list file, spelled."""
    ranges = offline.read(text.encode() if isinstance(text, str) else text)
    four = [offline.spelled(a, b) for a, b in zip(ranges.first.tolist(), ranges.last.tolist(), strict=True)]
    return four + [offline.spelled(a, b, 6) for a, b, _ in ranges.six]


# ---- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("192.0.2.7\n", ["192.0.2.7"]),
        ("192.0.2.7", ["192.0.2.7"]),
        ("192.0.2.7\r\n198.51.100.0/24\r\n", ["192.0.2.7", "198.51.100.0/24"]),
        ("  192.0.2.7  \n", ["192.0.2.7"]),
        ("\ufeff192.0.2.7\n", ["192.0.2.7"]),
        ("192.0.2.9/24\n", ["192.0.2.0/24"]),  # as iprange reads it
        ("192.0.2.4-192.0.2.7\n", ["192.0.2.4/30"]),
        ("192.0.2.4-7\n", ["192.0.2.4/30"]),
        ("192.0.2.4-192.0.2.9\n", ["192.0.2.4-192.0.2.9"]),
        ("2001:db8::/48\n::ffff:192.0.2.7\n", ["192.0.2.7", "2001:db8::/48"]),
        ("# FireHOL\n#\n192.0.2.0/25\n\n", ["192.0.2.0/25"]),
        ("; Spamhaus DROP\n192.0.2.0/24 ; SBL123\n", ["192.0.2.0/24"]),
        ('{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripe"}\n{"type":"metadata"}\n', ["192.0.2.0/24"]),
        (
            ":127.0.0.2:Listed, $\n192.0.2\n192.0.2.7 :127.0.0.4:xbl\n$TTL 300\n",
            ["192.0.2.0/24", "192.0.2.7"],
        ),
        ("ip,seen\n192.0.2.7,2026-11-25\n", ["192.0.2.7"]),
        ('"192.0.2.7","spam"\n', ["192.0.2.7"]),
        ("name;192.0.2.7;x\n", ["192.0.2.7"]),
        ("192.0.2.7\n192.0.2.7\n", ["192.0.2.7", "192.0.2.7"]),
        ("", []),
        ("\n\n\n", []),
    ],
)
def test_forms(text: str, entries: list[str]) -> None:
    assert spans(text) == entries


def test_utf_16() -> None:
    assert spans("192.0.2.7\n2001:db8::7\n".encode("utf-16")) == ["192.0.2.7", "2001:db8::7"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("192.0.2.256", "no address"),
        ("192.0.2.7/33", "no address"),
        ("192.0.2.07", "zero before it"),
        ("010.0.2.7", "zero before it"),
        ("192.0.2.9-192.0.2.1", "ends before it begins"),
        ("0.0.0.0/0", "whole world"),
        ("::/0", "whole world"),
        ("192.0.2", "no address"),  # in no file of rbldnsd's it may be anything
        ("hello world", "no address"),
        ("1.2.3.4.5", "no address"),
        ("\x00\x00\x00", "no address"),
        ("9" * 10_000_000, "no address"),
    ],
)
def test_what_is_not_understood_is_counted(line: str, why: str) -> None:
    ranges = offline.read(f"192.0.2.1\n{line}\n192.0.2.3\n".encode())
    assert ranges.count == 2
    assert ranges.odd_count == 1
    assert why in ranges.odd[0].why
    assert ranges.odd[0].offset == 10


def test_a_prefix_of_one_bit_is_half_the_world() -> None:
    assert spans("0.0.0.0/1\n128.0.0.0/1\n") == ["0.0.0.0/1", "128.0.0.0/1"]
    assert offline.read(b"192.0.2.9/24\n192.0.2.0/24\n").rounded == 1


def test_what_an_entry_says() -> None:
    text = b":2:Listed\n192.0.2.1\n192.0.2.2 :127.0.0.4:other\n192.0.2.3 ; SBL9\n"
    ranges = offline.read(text)
    told = [
        offline.value(text[at:].split(b"\n")[0].decode(), ranges.defaults, at)
        for at in ranges.offset.tolist()
    ]
    assert told == [("127.0.0.2", "Listed"), ("127.0.0.4", "other"), ("127.0.0.2", "Listed")]
    assert offline.value("192.0.2.0/24 ; SBL123", (), 0) == ("", "SBL123")


# ---- against ipaddress ----------------------------------------------------------------------------

ADDRESS = st.integers(0, 0xFFFFFFFF)
NEAR = st.integers(0xC0000200, 0xC0000300)
NETWORK = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False), NEAR | ADDRESS, st.integers(1, 32)
)


@settings(deadline=None)
@given(st.lists(NETWORK, max_size=30), st.lists(NEAR, min_size=1, max_size=30), st.lists(NETWORK, max_size=4))
def test_meeting_is_what_ipaddress_says(
    listed: list[IPv4Network],
    own: list[int],
    cut: list[IPv4Network],
) -> None:
    text = "\n".join([*map(str, listed), *(f"!{one}" for one in cut)])
    found = offline.meet(
        offline.read("\n".join(str(ip_address(one)) for one in own).encode()), offline.read(text.encode())
    )
    lines = text.split("\n")
    starts = {sum(len(line) + 1 for line in lines[:n]): n for n in range(len(lines))}
    told = {
        (address, starts[offset])
        for first, last, offset in zip(
            found.first.tolist(), found.last.tolist(), found.offset.tolist(), strict=True
        )
        for address in range(first, last + 1)
    }
    free = [one for one in set(own) if not any(ip_address(one) in net for net in cut)]
    assert told == {
        (one, number) for one in free for number, network in enumerate(listed) if ip_address(one) in network
    }
    assert (found.addresses if len(found.first) else 0) == len({one for one, _ in told})


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_octets_raise(data: bytes) -> None:
    ranges = offline.read(data)
    assert (ranges.first <= ranges.last).all()
    offline.meet(ranges, ranges)


ODD = st.sampled_from(
    ["", " ", ":2:x", " ; SBL1", ",x", "/24", "/0", "/33", "-9", ".1", "/08", "\r", "#", "a", '"']
)
LINE = st.text(alphabet="0123456789./ :;,#-!abf\r\t", max_size=24) | st.builds(
    "{}{}{}".format, ODD, st.ip_addresses(v=4), ODD
)


@settings(deadline=None, max_examples=1000)
@given(st.lists(LINE, max_size=12))
def test_the_fast_way_reads_as_the_slow_one(lines: list[str]) -> None:
    text = "\n".join(lines)
    slow = offline._Odd(bool(offline._SET.search(text.encode())))
    at = 0
    for line in lines:
        slow.line(line, at)
        at += len(line) + 1
    ranges = offline.read(text.encode())
    fast = zip(ranges.first.tolist(), ranges.last.tolist(), ranges.offset.tolist(), strict=True)
    assert sorted(fast) == sorted(slow.four)
    assert (ranges.odd_count, ranges.rounded) == (slow.count, slow.rounded)


def test_a_file_of_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(f"198.51.{n // 250}.{n % 250}" for n in range(2000)) + "\n# end\n203.0.113.0/24"
    whole = spans(text)
    monkeypatch.setattr(offline, "BLOCK", 64)
    assert spans(text) == whole
    assert len(whole) == 2001


# ---- files ----------------------------------------------------------------------------------------


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    made = tmp_path / "drop.txt"
    made.write_text("; a list\n192.0.2.0/24 ; SBL1\n198.51.100.7\nnonsense\n2001:db8::/32 ; SBL6\n")
    return made


def test_what_is_listed(drop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "check",
        "--offline",
        str(drop),
        "192.0.2.16/28",
        "198.51.100.0/24",
        "203.0.113.1",
        "2001:db8:1::7",
    ]
    assert main([*words, "--json"]) == 1
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [(row["address"], row["line"], row["entry"], row["reason"], row["scope"]) for row in rows] == [
        ("192.0.2.16/28", 2, "192.0.2.0/24 ; SBL1", "SBL1", "range"),
        ("198.51.100.7", 3, "198.51.100.7", "", "address"),
        ("2001:db8:1::7", 5, "2001:db8::/32 ; SBL6", "SBL6", "range"),
    ]
    assert {row["state"] for row in rows} == {"listed"}
    assert "1 line not understood" in told.err
    assert main(words) == 1
    assert "18 addresses of yours listed" in capsys.readouterr().out
    assert main(["check", "--offline", str(drop), "203.0.113.1"]) == 0
    assert "none of your addresses is in its 3 entries" in capsys.readouterr().out


def test_own_addresses_from_a_file(drop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.txt"
    own.write_text("192.0.2.1\n192.0.2.2\n")
    assert main(["check", "--offline", str(drop), f"@{own}", "--json"]) == 1
    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["address"] == "192.0.2.1-192.0.2.2"


def test_the_index_is_of_this_very_file(drop: Path) -> None:
    index = drop.with_name("drop.txt.unlisted-index")
    first = files.load(drop)
    kept = index.read_bytes()
    again = files.load(drop)
    assert (again.first.tolist(), again.six, again.odd) == (first.first.tolist(), first.six, first.odd)
    assert index.read_bytes() == kept
    index.write_bytes(kept[:-4] + b"\xff" * 4)  # damaged
    assert files.load(drop).offset.tolist() == first.offset.tolist()
    assert index.read_bytes() == kept
    for wrong in (b"", b"unlisted ranges 1\n{}\n", b"nonsense", kept[:40]):
        index.write_bytes(wrong)
        assert files.load(drop).first.tolist() == first.first.tolist()
    told = os.stat(drop)
    drop.write_text(drop.read_text().replace("198.51.100.7", "198.51.100.8"))
    os.utime(drop, ns=(told.st_atime_ns, told.st_mtime_ns))  # size and time are as before
    assert files.load(drop).first.tolist() != first.first.tolist()


def test_packed_cut_off_and_other_files(
    drop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "drop.gz"
    packed.write_bytes(gzip.compress(drop.read_bytes()))
    assert main(["check", "--offline", str(packed), "192.0.2.7"]) == 1
    capsys.readouterr()
    for name, data in {"a.pdf": b"%PDF-1.4", "b.gz": b"\x1f\x8b\x08"}.items():
        (tmp_path / name).write_bytes(data)
        assert main(["check", "--offline", str(tmp_path / name), "192.0.2.7"]) == 3
        assert capsys.readouterr().err.startswith("unlisted: ")
    assert main(["check", "--offline", str(tmp_path), "192.0.2.7"]) == 3
    assert "is a folder" in capsys.readouterr().err
    assert main(["check", "--offline", str(tmp_path / "none"), "192.0.2.7"]) == 3
    assert main(["check", "--offline", str(tmp_path / "none"), "--offline", str(drop), "192.0.2.7"]) == 1


def test_wrong_words(drop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--offline", str(drop), "192.0.2.300"]) == 2
    assert "is no address or range" in capsys.readouterr().err
    assert main(["check", "--offline", str(drop)]) == 2
    assert "no own address" in capsys.readouterr().err
