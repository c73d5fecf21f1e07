"""A followed file: growth, half lines, rotation, truncation, absence."""

import os
from pathlib import Path

import pytest

from unlisted.edge import present
from unlisted.edge.tail import LINGER, LONGEST, OLD_ONES, Tail
from unlisted.errors import UnlistedError


def test_only_what_comes_after_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    tail = Tail(str(log))
    assert tail.poll() == []
    with log.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert tail.poll() == [(1, "one")]
        file.write("o\r\n")
    assert tail.poll() == [(2, "two")]
    tail.close()


def test_from_the_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\n\xff\xfe\n")
    tail = Tail(str(log), from_start=True)
    assert tail.poll() == [(1, "a"), (2, "��")]
    tail.close()


def test_rotation_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    tail = Tail(str(log), linger=0)
    tail.poll()
    with log.open("a") as file:
        file.write("before\n")
        log.rename(tmp_path / "log.1")
        file.write("still the old one\nno newline")
    assert [text for _, text in tail.poll()] == ["before", "still the old one"]
    log.write_text("after\n")
    assert [text for _, text in tail.poll()] == ["no newline", "after"]
    assert tail.rotations == 1
    tail.close()


def test_what_a_program_writes_before_it_is_told_of_the_rotation_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    tail = Tail(str(log))
    with log.open("a", buffering=1) as file:  # the program, which keeps it open
        log.rename(tmp_path / "log.1")
        log.write_text("")
        assert tail.poll() == []
        file.write("one\ntw")
        assert tail.poll() == [(1, "one")]
        log.write_text("new\n")
        file.write("o\n")
        assert tail.poll() == [(2, "two"), (1, "new")]
    assert tail.rotations == 1
    tail.close()


def test_an_old_file_is_let_go_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("unlisted.edge.tail.time.monotonic", lambda: clock[0])
    log = tmp_path / "log"
    log.write_text("")
    tail = Tail(str(log))

    def rotate(number: int) -> None:
        log.rename(tmp_path / f"log.{number}")
        log.write_text("")

    def write(number: int, text: str) -> list[str]:
        with (tmp_path / f"log.{number}").open("a") as file:
            file.write(text)
        return [line for _, line in tail.poll()]

    rotate(1)
    assert write(1, "a\nhalf") == ["a"]
    clock[0] = LINGER
    assert write(1, " a line") == ["half a line"]
    assert write(1, "\nnobody reads this\n") == []
    for number in range(2, 2 + OLD_ONES + 1):
        rotate(number)
        tail.poll()
    assert write(2, "too many\n") == []
    assert write(3, "kept\n") == ["kept"]
    tail.close()


def test_truncation_starts_anew(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a long first line\n")
    tail = Tail(str(log), from_start=True)
    tail.poll()
    log.write_text("new\n")
    assert tail.poll() == [(1, "new")]
    tail.close()


def test_a_file_that_appears_later_is_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tail = Tail(str(log))
    assert tail.poll() == []
    log.write_text("first\n")
    assert tail.poll() == [(1, "first")]
    tail.close()


def test_a_file_without_newlines_does_not_fill_the_memory(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (5 * LONGEST) + b"\nnext\n")
    tail = Tail(str(log), from_start=True)
    assert [len(text) for _, text in tail.poll()] == [LONGEST, 4]
    tail.close()


def test_a_pipe_is_no_log_and_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Tail(str(tmp_path / "pipe")).poll() == []


def test_a_pipe_is_no_lease_file_and_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnlistedError):
        present.lease_file(str(tmp_path / "pipe"))
