"""One bar over all files: it never goes back, ends at the end, and needs no thread."""

import gzip
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unlisted.edge import folder, progress

Told = list[tuple[int, int]]


def test_one_bar_over_all_files(tmp_path: Path) -> None:
    line = "Nov 20 18:50:20 fw kernel: IN=lan OUT=wan SRC=192.0.2.1 DST=198.51.100.1 PROTO=TCP DPT=443\n"
    for number in range(3):
        (tmp_path / f"{number}.log").write_text(line * (5000 + number))
    (tmp_path / "3.log.gz").write_bytes(gzip.compress(line.encode() * 20_000))
    (tmp_path / "copy.log").write_bytes((tmp_path / "0.log").read_bytes())
    names: list[str] = []
    told: Told = []

    @contextmanager
    def bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
        names.append(name)
        yield lambda done, total: told.append((done, total))

    folder.gather([str(tmp_path)], bar)
    assert names == ["5 files"]
    size = sum(path.stat().st_size for path in tmp_path.iterdir()) - (tmp_path / "copy.log").stat().st_size
    assert {total for _, total in told} == {size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (size, size)
    assert len({done for done, _ in told}) == 4


def test_the_bar_starts_no_thread_and_says_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.setattr(progress, "EVERY", -1.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    before = threading.active_count()
    with progress.bar("3 files") as told:
        assert told is not None
        for done in range(0, 90_000_000, 10_000_000):
            told(done, 100_000_000)
        assert threading.active_count() == before
    assert "3 files" in screen.getvalue()
    assert "B/s" in screen.getvalue()
