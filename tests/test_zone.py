"""Logs whose times say no zone, in the zone that the person names; and what depends on it."""

from datetime import timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unlisted import cli
from unlisted.evidence.framing import assuming, stamp

VIENNA = ZoneInfo("Europe/Vienna")
NEAR = 1_795_000_000.0  # November 2026


@pytest.mark.parametrize(
    ("line", "ahead"),
    [
        ("Nov 20 18:50:20 fw ", 3600),
        ("Jul 20 18:50:20 fw ", 7200),
        ("2026-11-20 18:50:20 fw ", 3600),
        ("Nov 20 2026 18:50:20: ", 3600),
        ("2026-11-20T18:50:20Z fw ", 0),
        ("2026-11-20T18:50:20+05:00 fw ", 0),
        ("Nov 20 18:50:20 UTC: ", 0),
        ("18:50:20 firewall,info ", 0),
        ("[ 1234.567890] IN= ", 0),
        ("1795200620.123 ", 0),
    ],
)
def test_only_times_without_a_zone_move(line: str, ahead: int) -> None:
    before = stamp(line, NEAR)
    with assuming(VIENNA):
        within = stamp(line, NEAR)
    after = stamp(line, NEAR)
    assert before is not None
    assert within is not None
    assert before.at - within.at == ahead
    assert after == before


def test_a_fixed_offset() -> None:
    plain = stamp("Nov 20 18:50:20 fw ", NEAR)
    with assuming(timezone(-timedelta(hours=3, minutes=30))):
        moved = stamp("Nov 20 18:50:20 fw ", NEAR)
    assert plain is not None
    assert moved is not None
    assert moved.at - plain.at == 3.5 * 3600


def log(second: int, source: str) -> str:
    return (
        f"2026-11-20 20:10:{second:02} fw kernel: IN=br-lan OUT=wan SRC={source} DST=198.{20 + second}.100.7"
        f" LEN=60 PROTO=TCP SPT={40000 + second} DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0\n"
    )


def lease(mac: str, start: str, end: str, name: str) -> str:
    return (
        f"lease 192.168.1.50 {{\n  starts 5 2026/11/20 {start};\n  ends 5 2026/11/20 {end};\n"
        f'  binding state active;\n  hardware ethernet {mac};\n  client-hostname "{name}";\n}}\n'
    )


@pytest.mark.parametrize(("zone", "name"), [([], "after"), (["--zone", "Europe/Vienna"], "before")])
def test_the_zone_of_the_log_decides_who_had_the_address(
    zone: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fw.log").write_text("".join(log(second, "192.168.1.50") for second in range(30)))
    (tmp_path / "dhcpd.leases").write_text(
        lease("00:00:5e:00:53:01", "15:00:00", "19:30:00", "before")
        + lease("00:00:5e:00:53:02", "19:30:00", "23:00:00", "after")
    )
    assert cli.main(["find", *zone, str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert name in out.splitlines()[0]
    assert ("Europe/Vienna" if zone else "UTC") in err
    assert ("rests on the time zone that was assumed" in err) is not bool(zone)


def test_a_table_in_parquet_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl = pytest.importorskip("polars")
    from datetime import datetime

    times = [datetime(2026, 11, 20, 20, 10, second) for second in range(30)]
    pl.DataFrame(
        {
            "start": times,
            "src_ip": ["192.168.1.50"] * 30,
            "dst_ip": [f"198.{20 + second}.100.7" for second in range(30)],
            "src_port": [40000 + second for second in range(30)],
            "dst_port": [25] * 30,
            "protocol": [6] * 30,
        }
    ).write_parquet(tmp_path / "flows.parquet")
    assert cli.main(["find", "--zone", "+01:00", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "first seen 2026-11-20 19:10:00Z" in out
    assert "taken as UTC+01:00" in err


def test_what_is_no_zone_is_wrong_use(tmp_path: Path) -> None:
    for text in ("Mars/Phobos", "+25:00", "../../etc/passwd"):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["find", "--zone", text, str(tmp_path)])
        assert stopped.value.code == 2
