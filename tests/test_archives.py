"""Archives are read as what is in them; what is damaged, locked or a document is said."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from unlisted.cli import main
from unlisted.edge import archives, read

MAC = "00:00:5e:00:53:01"


def line(second: int) -> str:
    return (
        f"2026-11-20T18:10:{second:02}Z fw kernel: IN=lan OUT=wan MAC=00:00:5e:00:53:ff:{MAC}:08:00"
        f" SRC=192.168.50.9 DST=198.{20 + second}.100.7 LEN=60 PROTO=TCP SPT={4000 + second} DPT=25 SYN"
    )


PARTS = ["\n".join(line(second) for second in span) for span in (range(10), range(10, 30))]


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, part in enumerate(PARTS):
            archive.writestr(f"logs/fw.{number}", part)
        archive.writestr("photo.jpg", b"\xff\xd8\xff" + bytes(9999))
    return path


def tarred(path: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for number, part in enumerate(PARTS):
            member = tarfile.TarInfo(f"logs/fw.{number}")
            member.size = len(part)
            archive.addfile(member, io.BytesIO(part.encode()))
    return path


@pytest.mark.parametrize("kind", ["zip", "w:", "w:gz", "w:bz2", "w:xz"])
def test_members_are_read_one_after_another(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs"
    zipped(path) if kind == "zip" else tarred(path, kind)
    reading = read.read(path)
    assert (reading.format, reading.lines, reading.understood, reading.unknown) == ("netfilter", 30, 30, 0)
    assert reading.trouble == ""
    assert main(["find", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["verdict"], found["device"]["mac"], found["attempts"]) == ("rogue", MAC, 30)
    assert "DPT=25" in found["evidence"][0]["text"]
    assert "an archive of logs/fw.0, logs/fw.1" in err


@pytest.mark.parametrize("kind", ["zip", "w:", "w:gz", "w:xz"])
def test_a_damaged_archive_never_raises_and_is_said(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "logs"
    zipped(path) if kind == "zip" else tarred(path, kind)
    whole = path.read_bytes()
    for cut in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:cut])
        reading = read.read(path)
        assert reading.trouble or reading.understood
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        read.read(path)


def test_a_document_is_no_archive_of_logs(tmp_path: Path) -> None:
    path = tmp_path / "letter.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", PARTS[0])
    assert read.read(path).trouble == "a zip archive: unpack it"


def test_zstd_is_read_where_it_can_be_and_else_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = archives.zstd()
    path = tmp_path / "fw.log.zst"
    if module is not None:
        path.write_bytes(module.compress("\n".join(PARTS).encode()))
        assert read.read(path).understood == 30
    path.write_bytes(archives.ZSTD + bytes(99))
    monkeypatch.setattr("unlisted.edge.blocks.zstd", lambda: None)
    assert "zstd -d FILE unpacks it" in read.read(path).trouble


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "nothing\n")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(""), "nothing\n")
    assert read.read(path).understood == 0
