"""`unlisted find` from the outside: what it prints, and its exit codes."""

import io
import json
import os
import re
from pathlib import Path

import pytest

from unlisted import net
from unlisted.cli import _given, main

SAMPLES = Path(__file__).parent / "samples"
MAC_FIELD = "MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00 "
LEASE = "1795521981 3c:5a:b4:12:34:56 192.168.50.9 FRONTDESK-PC *\n"


def line(second: int, target: str, source: str = "192.168.50.9", port: int = 25) -> str:
    return (
        f"Nov 24 00:{second // 60:02}:{second % 60:02} gw kernel: [1.000000] LAN-OUT IN=lan0 OUT=wan0 "
        f"MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00 SRC={source} DST={target} LEN=60 "
        f"TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT={1024 + second} DPT={port} "
        "WINDOW=64240 RES=0x00 SYN URGP=0\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gateway log in which one machine spams, and the leases."""
    office = tmp_path / "office"
    office.mkdir()
    (office / "gateway").write_text("".join(line(i // 10, f"198.51.{i}.7") for i in range(40)))
    (office / "leases").write_text(LEASE)
    return office


def test_the_device_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "--json"]) == 1
    out, err = capsys.readouterr()
    found = [json.loads(text) for text in out.splitlines()]
    assert len(found) == 1
    promised = "device verdict score attempts flagged_at flagged_after destinations role because evidence"
    assert set(found[0]) == set(promised.split())
    assert found[0]["device"] == {
        "address": "192.168.50.9",
        "mac": "3c:5a:b4:12:34:56",
        "vendor": "Google, Inc.",
        "hostname": "FRONTDESK-PC",
        "first_seen": 1795478400.0,
    }
    assert (found[0]["verdict"], found[0]["attempts"], found[0]["flagged_after"]) == ("rogue", 40, 3)
    assert found[0]["evidence"][0]["text"] == line(0, "198.51.0.7").strip()
    assert found[0]["evidence"][0]["line"] == 1
    assert "next: sudo unlisted hold 3c:5a:b4:12:34:56" in err


def test_for_a_person(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "more").write_text(line(0, "198.51.100.7").replace("LAN-OUT", "\x1b[31mred"))
    assert main(["find", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("rogue: 192.168.50.9")
    assert "FRONTDESK-PC" in out
    assert "\x1b" not in out + err


def test_leases_may_lie_elsewhere(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "leases").rename(tmp_path / "leases")
    assert main(["find", str(folder), "--leases", str(tmp_path / "leases"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["device"]["hostname"] == "FRONTDESK-PC"


def test_a_declared_sender_is_not_accused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "--sender", "192.168.50.9", "--json"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["find", str(folder), "--sender", "3C:5A:B4:12:34:56", "--json", "--all"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "honest"


def test_what_cannot_be_told_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(tmp_path)]) == 3
    assert "empty" in capsys.readouterr().err
    assert main(["find", str(tmp_path / "absent")]) == 2
    assert "there is no" in capsys.readouterr().err
    (tmp_path / "leases").write_text(LEASE)
    assert main(["find", str(tmp_path)]) == 3
    assert "no gateway log" in capsys.readouterr().err
    (tmp_path / "web").write_text(
        "".join(line(i, f"198.51.{i}.7").replace("DPT=25", "DPT=443") for i in range(9))
    )
    assert main(["find", str(tmp_path)]) == 3
    assert "no line of these is about the mail ports" in capsys.readouterr().err
    (tmp_path / "outer").write_text("".join(line(i // 10, f"198.51.{i}.7", "203.0.113.5") for i in range(40)))
    assert main(["find", str(tmp_path)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "203.0.113.5" in err


@pytest.mark.parametrize("source", ["192.168.50.1", "172.18.0.1"])
def test_a_log_behind_a_translation_accuses_nobody(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No MAC: such a log is of another program, or of an interface without one."""
    rows = [line(i // 10, f"198.51.{i}.7", source) for i in range(40)]
    (tmp_path / "gateway").write_text("".join(re.sub(r"MAC=\S+", "MAC=", row) for row in rows))
    for words in ([], ["--json"], ["--all"], ["--explain", source]):
        assert main(["find", str(tmp_path), *words]) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert f"every attempt comes from {source}" in err
    (tmp_path / "more").write_text(line(50, "203.0.113.25", "192.168.50.8"))
    assert main(["find", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["device"]["address"] == source


def test_roles_of_the_configuration_are_used(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "unlisted.toml"
    settings.write_text('[roles]\n"192.168.50.9" = "newsletter"\n')
    assert main(["find", str(folder), "--config", str(settings), "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["role"] == "newsletter host"
    settings.write_text('[roles]\n"192.168.50.9" = "copier"\n')
    assert main(["find", str(folder), "--config", str(settings), "--json"]) == 1
    assert "declared as a copier" in json.loads(capsys.readouterr().out)["because"]


def test_a_suspect_is_not_to_be_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its address may be nobody's: no lease knows it, though they know its network."""
    rows = [line(i // 10, f"198.51.{i}.7") for i in range(40)]
    (tmp_path / "gateway").write_text("".join(re.sub(r"MAC=\S+", "MAC=", row) for row in rows))
    others = [f"1795521981 3c:5a:b4:00:00:0{n} 192.168.50.2{n} PC-{n} *\n" for n in range(5)]
    (tmp_path / "leases").write_text("".join(others))
    assert main(["find", str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["verdict"], found["device"]["hostname"], found["flagged_after"]) == ("suspect", "", 3)
    assert "next: the same with --explain 192.168.50.9" in err
    assert "1 address that no lease or neighbor knows: 192.168.50.9" in err
    assert "hold" not in err


def test_what_may_not_be_read_is_4(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the kernel's answer is played."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    for words in (["find", str(folder)], ["investigate", str(folder)]):
        assert main(words) == 4
        assert "permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--inside", "nonsense"], ["--sender", "nonsense"], []])
def test_wrong_use_is_2(folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["find", *([str(folder)] if words else []), *words])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2
    assert "try:" in capsys.readouterr().err


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name", ["ctu13_sc6_donbot_capture20110816.parquet", "ctu13_sc6_outbound_smtp_4878.csv"]
)
def test_donbot_and_nobody_else(corpora: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("polars")
    assert main(["find", str(corpora / "flows" / name), "--inside", "147.32.0.0/16", "--json"]) == 1
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one["device"]["address"] for one in found] == ["147.32.84.165"]
    assert (found[0]["attempts"], found[0]["flagged_after"], found[0]["verdict"]) == (4398, 3, "rogue")
    assert all("147.32.84.165" in one["text"] for one in found[0]["evidence"])


@pytest.mark.corpus
def test_donbot_as_text(corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first flows as they are, and the bot's own flows behind them."""
    head = (corpora / "flows" / "ctu13_sc6_first20k.binetflow").read_text()
    mail = (corpora / "flows" / "ctu13_sc6_outbound_smtp_4878.csv").read_text()
    assert (
        main(["find", str(corpora / "flows" / "ctu13_sc6_first20k.binetflow"), "--inside", "147.32.0.0/16"])
        == 0
    )
    (tmp_path / "all.binetflow").write_text(head + mail.partition("\n")[2])
    capsys.readouterr()
    assert main(["find", str(tmp_path), "--inside", "147.32.0.0/16", "--json"]) == 1
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one["device"]["address"] for one in found] == ["147.32.84.165"]


@pytest.mark.corpus
def test_a_monitor_is_not_accused(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(corpora / "flows" / "wrccdc2018_zeek_smtp.log.gz")
    assert main(["find", log, "--inside", "10.164.0.0/16", "--all", "--json"]) == 0
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    # 1,188 records; ten have a source that is not inside.
    assert sum(one["attempts"] for one in found) == 1178
    assert {one["verdict"] for one in found} == {"honest"}
    assert "service monitor" in {one["role"] for one in found}


def test_options_may_stand_between_sources(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder / "gateway"), "--json", str(folder / "leases")]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])["device"]["hostname"] == "FRONTDESK-PC"


@pytest.mark.parametrize(
    ("named", "inside", "outside"),
    [
        (["203.0.113.0/24"], ["203.0.113.7", "fd00::1"], ["198.51.100.1", "192.168.1.1"]),
        (["2001:db8::/48"], ["2001:db8::1", "10.0.0.1"], ["2001:db8:1::1"]),
        (["10.164.0.0/16"], ["10.164.1.1", "fe80::1"], ["10.47.8.208", "192.168.1.1"]),
    ],
)
def test_inside_leaves_the_other_ip_version_as_it_is(
    named: list[str], inside: list[str], outside: list[str]
) -> None:
    nets = _given.inside(named, net.INSIDE)
    told = {text: net.within(address, nets) for text in (*inside, *outside) if (address := net.ip(text))}
    assert told == dict.fromkeys(inside, True) | dict.fromkeys(outside, False)


def test_a_moment_beside_a_gateways_log_does_not_hide_the_log(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", str(folder), "--at", "2026-11-24 00:00:02Z", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "rogue"
    assert "not needed here" in err


def test_three_lines_are_quoted_and_all_on_demand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder)]) == 1
    out = capsys.readouterr().out
    assert out.count("DPT=25") == 3
    assert "more lines (--all)" in out
    main(["find", str(folder), "--all"])
    assert capsys.readouterr().out.count("DPT=25") > 3


def test_what_stands_in_the_way_is_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "leases").write_text(LEASE)
    (tmp_path / "gateway.log.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    for number in range(12):
        (tmp_path / f"a{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([number]) * 50)
    assert main(["find", str(tmp_path)]) == 3
    err = capsys.readouterr().err
    assert "next: " in err
    assert "gateway.log.zst" in err.rpartition("next: ")[2]
    assert "unpack" in err.rpartition("next: ")[2]


def test_the_zone_of_a_log_that_tells_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address changed hands at 19:30 UTC; the log's 20:00 is before or after, as its zone says."""
    (tmp_path / "log").write_text("".join(line(i, f"198.51.{i}.7") for i in range(40)).replace(MAC_FIELD, ""))
    (tmp_path / "dhcp").write_text(
        "2026-11-23T20:00:00Z gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.9 3c:5a:b4:12:34:56 early\n"
        "2026-11-23T23:30:00Z gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.9 3c:5a:b4:12:34:57 late\n"
    )
    for zone, named in (("UTC", "late"), ("Europe/Berlin", "early"), ("+01:00", "early"), ("-05:00", "late")):
        assert main(["find", str(tmp_path), "--json", f"--zone={zone}"]) == 1
        out, err = capsys.readouterr()
        assert json.loads(out)["device"]["hostname"] == named
        assert "no time zone" not in err
    assert main(["find", str(tmp_path), "--json"]) == 1
    assert "no time zone in the times: taken as UTC" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["find", str(tmp_path), "--zone", "Nowhere/Land"])


def test_stdin_is_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "gateway").open("rb") as log:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(log))
        assert main(["find", "-", str(folder / "leases"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["device"]["hostname"] == "FRONTDESK-PC"
    assert found["evidence"][0]["text"]
