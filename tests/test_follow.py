"""Followed lease files and logs, through real files."""

import os
from pathlib import Path

import pytest

from unlisted.edge.follow import Files
from unlisted.messages import Attempt, Lease, Say

LAPTOP, PHONE = "3c:5a:b4:00:00:01", "3c:5a:b4:00:00:02"
OFFER = "Nov 23 10:00:00 gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.77.50 {} x\n"
PACKET = "IN=lan0 OUT=wan0 SRC=192.168.77.50 DST=198.51.100.9 LEN=60 PROTO=TCP SPT=40000 DPT=25 SYN URGP=0"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "r.log"
    path.touch()
    return path


def write(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def test_an_address_that_comes_back_to_its_first_owner_is_news(log: Path) -> None:
    files = Files((), (str(log),))
    write(log, OFFER.format(LAPTOP), OFFER.format(PHONE), OFFER.format(LAPTOP))
    assert [one.mac for one in files.poll() if isinstance(one, Lease)] == [LAPTOP, PHONE, LAPTOP]
    files.close()


def test_a_log_in_no_known_format_is_said_once(log: Path) -> None:
    files = Files((), (str(log),))
    write(log, "what is this\n")
    said = list(files.poll())
    write(log, "and this\n")
    said += files.poll()
    assert [one.text for one in said if isinstance(one, Say)] == [
        f"{log}: not in a format that I know, so far"
    ]
    assert files.not_understood == 2
    files.close()


def test_a_log_of_many_programs_is_read_by_all_their_formats(log: Path) -> None:
    files = Files((), (str(log),))
    found: list[Attempt | Lease | Say] = []
    for lines in (
        [OFFER.format(LAPTOP)],
        [f"Nov 23 10:00:01 gw kernel: unlisted-held {PACKET}\n"],
        ["whatever\n", f"Nov 23 10:00:02 gw kernel: {PACKET}\n"],
    ):
        write(log, *lines)
        found += files.poll()
    assert [type(one) for one in found] == [Lease, Attempt, Attempt]
    actions = [one.action for one in found if isinstance(one, Attempt)]
    assert actions[0] == "block", "a line in a log proves no hold"
    assert files.not_understood == 1
    files.close()


def test_a_pipe_stops_nothing_and_is_said(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    files = Files((pipe,), (pipe,))
    assert list(files.poll()) == []
    assert list(files.missing()) == [f"{pipe} is no file that can be followed: waiting for one"] * 2
    files.close()
