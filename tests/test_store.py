"""The store: what it acknowledged is there after kill -9, and nothing is there twice."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec import structs

from unlisted.edge import keep, marks, schema
from unlisted.edge import store as rooms
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.messages import Attempt, Decision, Device, Lease, Listing, Tick
from unlisted.net import Address, ip
from unlisted.stop import decide


def address(text: str) -> Address:
    made = ip(text)
    assert made is not None
    return made


def attempt(number: float) -> Attempt:
    return Attempt(
        float(number), address("192.168.1.50"), address("198.51.100.7"), 25, mac="3c:5a:b4:00:00:01"
    )


def decision(state: str = "proposed") -> Decision:
    made = decide.by_hand(Device(address("192.168.1.50"), "3c:5a:b4:00:00:01"), "why", "anna", 1000.0, 1)
    return structs.replace(made, state=state)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "deep" / "unlisted.db")


def test_events_are_kept_once(path: str) -> None:
    with Store(path) as store:
        assert store.add(attempt(1))
        assert not store.add(attempt(1))
        assert store.add_many([attempt(1), attempt(2), attempt(2), Tick(3.0)]) == 1
    with Store(path) as store:
        assert store.events(Attempt) == [attempt(1), attempt(2)]
        assert store.events(Attempt, since=1.5) == [attempt(2)]
        assert store.count(Attempt) == 2


def test_only_its_owner_may_read_it(path: str) -> None:
    with Store(path) as store:
        store.add(attempt(1))
        for name in os.listdir(os.path.dirname(path)):
            assert stat.S_IMODE(os.stat(os.path.join(os.path.dirname(path), name)).st_mode) == 0o600


def test_kill_9_loses_nothing_acknowledged_and_counts_nothing_twice(path: str) -> None:
    program = """
import sys
from unlisted.edge.store import Store
from unlisted.messages import Attempt
from unlisted.net import ip
with Store(sys.argv[1]) as store:
    for n in range(100000):
        store.add(Attempt(float(n), ip("192.168.1.50"), ip("198.51.100.7"), 25, mac="3c:5a:b4:00:00:01"))
        print(n, flush=True)
"""
    seen = -1
    for _ in range(3):  # each run begins again with what the one before had: nothing may be doubled
        writer = subprocess.Popen(
            [sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert writer.stdout is not None
        acknowledged = -1
        for line in writer.stdout:
            acknowledged = int(line)
            if acknowledged >= seen + 40:
                break
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL
        seen = max(seen, acknowledged, *(int(line) for line in rest), -1)
    with Store(path) as store:
        (one,) = store.devices()
        assert seen < one.attempts <= seen + 2  # one may be on disk before its word came out
        times = [one.at for one in store.events(Attempt)]
        assert times == sorted(set(times))
        assert (times[0], times[-1]) == (0.0, float(one.attempts - 1))


def test_many_threads_and_two_processes_worth_of_stores(path: str) -> None:
    with Store(path) as one, Store(path) as two:

        def write(store: Store, first: int) -> None:
            for number in range(first, first + 30):
                store.add(attempt(number))

        threads = [
            threading.Thread(target=write, args=(store, n)) for n, store in ((0, one), (20, two), (40, one))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.count(Attempt) == 70


def test_one_bad_write_takes_no_other_with_it(path: str) -> None:
    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with Store(path) as store:
        before, wrong, after = store.add_later([attempt(1)]), store.submit(bad), store.add_later([attempt(2)])
        assert before.result() == 1
        with pytest.raises(UnlistedError, match="no such table"):
            wrong.result()
        assert after.result() == 1


def test_another_s_lock_stalls_once_for_all_that_waits(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY", 0.02)
    begun: list[str] = []
    with Store(path) as store:
        store._writer.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        waiting = [store.add_later([attempt(n)]) for n in range(40)]
        for one in waiting:
            with pytest.raises(UnlistedError, match="locked"):
                one.result()
        foreign.execute("ROLLBACK")
        foreign.close()
        assert len(begun) <= 8, "a batch or a few, each twice; not one request after another"
        assert store.add(attempt(1))
        assert store.count(Attempt) == 1


def test_a_lock_that_is_let_go_loses_nothing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY", 0.3)
    with Store(path) as store:
        foreign = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        foreign.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.4, lambda: foreign.execute("ROLLBACK"))  # within the second wait
        timer.start()
        assert [one.result() for one in [store.add_later([attempt(n)]) for n in range(5)]] == [1] * 5
        timer.join()
        foreign.close()


def test_decisions_and_their_audit_lines(path: str) -> None:
    with Store(path) as store:
        for state in ("proposed", "applied", "applied", "verified"):
            store.save_decision(decision(state), 1001.0, "anna")
        assert store.decisions() == [decision("verified")]
        assert store.decisions(active_at=1002.0) == [decision("verified")]
        assert store.decisions(active_at=1e6) == []
        store.audit(1002.0, "anna", "standing rule installed")
        assert [line.what for line in store.audit_lines()] == [
            "hold of 3c:5a:b4:00:00:01 proposed: why",
            "hold of 3c:5a:b4:00:00:01 applied: why",
            "hold of 3c:5a:b4:00:00:01 verified: why",
            "standing rule installed",
        ]
        assert store.audit_lines()[0].decision == decision().id


def test_what_a_person_released_does_not_come_back_by_a_late_word(path: str) -> None:
    with Store(path) as store, Store(path) as watch:
        store.save_decision(decision("applied"), 1.0, "anna")
        store.save_decision(decision("released"), 2.0, "anna")
        for late in ("verified", "failed", "proposed"):
            watch.save_decision(decision(late), 3.0, "unlisted watch")
        assert [one.state for one in store.decisions()] == ["released"]
        assert len(store.audit_lines()) == 2
        assert store.decisions(ending_after=decision().expires_at) == []
        assert [one.state for one in store.decisions(ending_after=0.0)] == ["released"]


def test_a_flood_of_attempts_keeps_its_ends_and_a_count(path: str) -> None:
    def blocked(number: int) -> Attempt:
        return structs.replace(attempt(number / 10), action="block")

    passed = [structs.replace(attempt(n), action="pass") for n in (100, 3000)]
    count = 20 * keep.ENDS
    with Store(path) as store:
        for first in range(0, count, 300):
            store.add_many([blocked(n) for n in range(first, min(first + 300, count))])
        assert store.add_many(passed) == 2
    with Store(path) as store:  # nothing is counted twice, though most of it is no longer there
        assert store.add_many([blocked(n) for n in range(count)]) == 0
        kept = [one for one in store.events(Attempt) if one.action == "block"]
        assert len(kept) <= 3 * keep.ENDS
        assert kept[: keep.ENDS] == [blocked(n) for n in range(keep.ENDS)]
        assert kept[-keep.ENDS :] == [blocked(n) for n in range(count - keep.ENDS, count)]
        assert [one.attempts for one in store.devices()] == [count + 2]
        assert max(one.at for one in store.attempts() if one.action == "pass") == passed[1].at


def test_a_flood_that_is_rolled_back_is_kept_when_it_is_tried_again(path: str) -> None:
    def bad(connection: sqlite3.Connection) -> None:
        raise ValueError("no")

    started = threading.Event()
    with Store(path) as store:
        store.submit(lambda _: started.wait(10.0))  # so that what follows is one transaction
        flood = [store.add_later([attempt(n)]) for n in range(4 * keep.ENDS)]
        wrong = store.submit(bad)
        started.set()
        assert [one.result() for one in flood] == [1] * len(flood)
        with pytest.raises(ValueError, match="no"):
            wrong.result()
        assert [one.attempts for one in store.devices()] == [len(flood)]


def test_every_attempt_is_told_page_by_page(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "PAGE", 3)
    with Store(path) as store:
        assert list(store.attempts()) == []
        store.add_many([attempt(n) for n in range(1, 8)])
        assert list(store.attempts()) == [attempt(n) for n in range(1, 8)]


def test_attempts_and_leases_go_after_a_month_and_all_else_stays(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = [1000.0]
    monkeypatch.setattr("unlisted.edge.store.time.time", lambda: day[0] * keep.DAY)
    here = Lease(address("192.168.1.51"), "3c:5a:b4:00:00:02", "printer")
    gone = Lease(address("192.168.1.50"), "3c:5a:b4:00:00:01", "laptop", start=0.5)
    with Store(path) as store:
        store.add_many([attempt(n) for n in range(4 * keep.ENDS)])
        store.add_many([gone, here, Listing("203.0.113.9", "xbl", "xbl.example", "listed", at=1.0)])
        store.save_decision(decision("verified"), 1001.0, "anna")
        store.save_case("c1", b"{}")
    day[0] += 20
    with Store(path) as store:
        assert store.devices()[0].attempts == 4 * keep.ENDS
        store.add_many([attempt(9999.0), here])  # it is still here
    day[0] += 10.5
    Store(path).close()
    with Store(path) as store:
        assert store.events(Attempt) == [attempt(9999.0)]
        assert store.events(Lease) == [here]
        assert [one.attempts for one in store.devices()] == [1, 0]
        assert len(store.listings()) == len(store.decisions()) == len(store.cases()) == 1
        assert len(store.audit_lines()) == 1


def test_a_store_of_the_first_schema_is_taken_over(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        old.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        connection = schema.opened(path)
        connection.execute("INSERT INTO audit (at, who, what, decision) VALUES (1, 'anna', 'held', '')")
        connection.close()
    with Store(path) as store:
        assert store.add(attempt(1))
        assert [line.who for line in store.audit_lines()] == ["anna"]


def test_a_list_over_time(path: str) -> None:
    def answer(at: float, state: str) -> Listing:
        return Listing("203.0.113.9", "xbl", "xbl.example", state, at=at)

    with Store(path) as store:
        store.add_many(
            [answer(1.0, "listed"), answer(2.0, "listed"), answer(3.0, "clear"), answer(1.5, "clear")]
        )
        assert store.listings("203.0.113.9") == [answer(3.0, "clear")]
        assert store.listings("203.0.113.1") == []
        assert [(s.state, s.first_seen, s.last_seen) for s in store.history("203.0.113.9", "xbl")] == [
            ("listed", 1.0, 2.0),
            ("clear", 3.0, 3.0),
        ]


def test_an_answer_that_stays_the_same_takes_one_row(path: str) -> None:
    """65 lists are asked every five minutes by a monitor: that was 2 GB a year."""
    with Store(path) as store:
        for at in range(1, 201):
            assert store.add(Listing("203.0.113.9", "xbl", "xbl.example", "clear", at=float(at)))
        assert not store.add(Listing("203.0.113.9", "xbl", "xbl.example", "clear", at=200.0))
        assert not store.add(Listing("203.0.113.9", "xbl", "xbl.example", "listed", at=199.0))
        (span,) = store.history("203.0.113.9", "xbl")
        assert (span.first_seen, span.last_seen) == (1.0, 200.0)
        assert store.rows("SELECT count(*) FROM events") == [(0,)]


def test_an_answer_from_the_future_silences_nobody(path: str) -> None:
    """The clock was four years ahead at the first look, and was set right since."""
    now = time.time()
    ahead = Listing("203.0.113.9", "xbl", "xbl.example", "clear", at=now + 4 * 365 * keep.DAY)
    with Store(path) as store:
        store.add(ahead)
        assert store.add(Listing("203.0.113.9", "xbl", "xbl.example", "clear", at=now - 5))
        assert [(s.first_seen, s.last_seen) for s in store.history("203.0.113.9", "xbl")] == [
            (now - 5, now - 5)
        ]
        store.add(ahead)
        assert store.add(Listing("203.0.113.9", "xbl", "xbl.example", "listed", at=now))
        assert [one.state for one in store.listings()] == ["listed"]


def test_cases(path: str) -> None:
    with Store(path) as store:
        store.save_case("c1", b'{"a":1}')
        store.save_case("c1", b'{"a":2}')
        assert store.case("c1") == b'{"a":2}'
        assert store.case("none") is None
        assert store.cases() == ["c1"]


def test_devices(path: str) -> None:
    lease = Lease(address("192.168.1.50"), "3c:5a:b4:00:00:01", "laptop", start=0.5)
    with Store(path) as store:
        store.add_many([attempt(1), attempt(9), lease])
        (one,) = store.devices()
        assert (one.device, one.address, one.hostname, one.first_seen, one.last_seen, one.attempts) == (
            "3c:5a:b4:00:00:01",
            "192.168.1.50",
            "laptop",
            0.5,
            9.0,
            2,
        )


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("this is not a database, and long enough to be taken for one" * 20)
    with pytest.raises(UnlistedError, match="not a database") as told:
        Store(str(text))
    assert "move it away" in told.value.remedy
    assert text.read_text().startswith("this is not")

    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(UnlistedError, match="another program"):
        Store(str(foreign))

    with pytest.raises(UnlistedError, match="cannot use the store"):
        Store(str(tmp_path))


def test_a_newer_store_is_left_alone(path: str) -> None:
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(UnlistedError, match="newer") as told:
        Store(path)
    assert "upgrade" in told.value.remedy


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert schema.default_path() == "/somewhere/unlisted/unlisted.db"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert schema.default_path() == "/var/lib/unlisted/unlisted.db"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert schema.default_path().endswith("/.local/state/unlisted/unlisted.db")


def test_a_store_without_mailboxes_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        old.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with Store(str(tmp_path / "db")) as store:
            store.audit(1.0, "me", "before")
    with Store(str(tmp_path / "db")) as store:
        assert [line.what for line in store.audit_lines()] == ["before"]
        assert marks.folder(store, "imaps://u@host/INBOX") == (0, 0)
