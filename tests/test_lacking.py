"""`find` where something is missing or written oddly: what it says, and the step that it names."""

import gzip
import io
import json
from pathlib import Path

import pytest

from unlisted.cli import main

MAC = "00:00:5e:00:53:01"


def line(second: int, source: str = "192.168.50.9") -> str:
    return (
        f"2026-11-20T18:10:{second:02}Z fw kernel: IN=lan OUT=wan MAC=00:00:5e:00:53:ff:{MAC}:08:00"
        f" SRC={source} DST=198.{20 + second}.100.7 LEN=60 PROTO=TCP SPT={40000 + second} DPT=25 SYN URGP=0\n"
    )


@pytest.fixture
def office(tmp_path: Path) -> Path:
    (tmp_path / "fw.log").write_text("".join(line(second) for second in range(30)))
    (tmp_path / "leases").write_text(f"1795521981 {MAC} 192.168.50.9 laptop.office.example *\n")
    return tmp_path


def test_a_gateway_log_is_judged_whatever_the_time(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(office), "--at", "2026-11-20 18:10:00Z"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("rogue")
    assert "--at is left aside" in err
    assert f"next: sudo unlisted hold {MAC}" in err


def test_three_lines_are_enough_for_a_person(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["find", str(office)])
    few = capsys.readouterr().out
    main(["find", str(office), "--all"])
    every = capsys.readouterr().out
    assert few.count("fw.log:") == 3
    assert every.count("fw.log:") > 3
    assert "more lines (--all)" in few
    assert all(len(row) <= 80 for row in few.splitlines() if "fw.log:" not in row and row[0] == " ")


@pytest.mark.parametrize("name", ["laptop", "laptop.office.example", "LAPTOP.other.example", MAC])
def test_a_device_goes_by_its_name_with_or_without_a_domain(office: Path, name: str) -> None:
    assert main(["find", str(office), "--explain", name]) == 1


def test_what_can_be_explained_is_listed_with_its_name(
    office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", str(office), "--explain", "nobody"]) == 3
    assert f"{MAC} (laptop.office.example)" in capsys.readouterr().err


def test_a_skew_alone_is_wrong_use(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(office), "--skew", "30s"]) == 2
    assert "--seen" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[2001:db8::1", "2001:db8::1]", "[2001:db8::1:25", "[2001:db8::1]x:25"])
def test_brackets_come_in_pairs(office: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(office), "--seen", text, "--at", "2026-11-20 18:10:00Z"]) == 2
    assert "is no address" in capsys.readouterr().err


def test_a_port_that_is_read_as_part_of_the_address_is_said(
    office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["find", str(office), "--seen", "2001:db8::1:4004", "--at", "2026-11-20 18:10:00Z"])
    assert "'[2001:db8::1]:4004'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "data", "step"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), "next: unpack it"),
        ("a.pcap", b"snoop\0\0\0" + bytes(99), "next: editcap"),
        ("mail.log", b"Nov 20 10:00:00 mx postfix/qmgr[9]: 4F1: removed\n" * 9, "next: unlisted investigate"),
        ("cut.gz", gzip.compress(line(1).encode() * 999)[:11], "once more, whole"),
        ("a.txt", b"hello\n", "next: block and log"),
    ],
)
def test_the_step_that_would_help(
    name: str, data: bytes, step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    assert main(["find", str(tmp_path), "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert step in err


def test_a_log_that_may_not_be_read_is_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may read everything, so the kernel's answer is played."""
    from unlisted.edge import blocks, read

    (tmp_path / "leases").write_text(f"1795521981 {MAC} 192.168.50.9 laptop *\n")
    (tmp_path / "fw.log").write_text(line(1))
    head = blocks.head

    def closed(path: Path) -> bytes:
        if path.name == "fw.log":
            raise PermissionError
        return head(path)

    monkeypatch.setattr(read, "head", closed)
    assert main(["find", str(tmp_path)]) == 4
    assert "next: sudo unlisted find" in capsys.readouterr().err


def test_archives_are_named_before_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([number] * 40))
    (tmp_path / "logs.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(99))
    main(["find", str(tmp_path)])
    err = capsys.readouterr().err
    assert "logs.7z: a 7-Zip archive" in err
    assert "more files were not read" in err


def test_a_log_through_a_pipe(
    office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = (office / "fw.log").read_bytes()
    for data in (log, gzip.compress(log)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert main(["find", "-", str(office / "leases"), "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert (found["device"]["mac"], found["device"]["hostname"]) == (MAC, "laptop.office.example")
        assert "DPT=25" in found["evidence"][0]["text"]
        assert not Path(found["evidence"][0]["source"]).exists()
