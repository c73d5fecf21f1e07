"""The store: one SQLite file, one writer, nothing acknowledged before it is on disk.

WAL with synchronous=FULL: a commit survives kill -9 and a power cut. An event's name is the hash of
its content, so that reading a log twice, or again after a crash, counts nothing twice.
One thread writes; what waits at that moment goes into one transaction. Other processes (a `hold` beside
a running `watch`) take turns by SQLite's lock.
"""

import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from hashlib import blake2b
from types import TracebackType
from typing import TypeVar

import msgspec
from msgspec import Struct

from unlisted import codec
from unlisted.edge import keep, marks, schema
from unlisted.edge.marks import Mark
from unlisted.errors import UnlistedError
from unlisted.messages import Attempt, Decision, Event, Lease, Listing, Tick
from unlisted.stop import decide

T = TypeVar("T")

TRIES = 2  # waits of schema.BUSY for the same transaction, then its requests fail
BATCH = 1000  # requests in one transaction
PAGE = 1000  # attempts read at once


class AuditLine(Struct, frozen=True):
    """Who did what, when, by which decision."""

    at: float
    who: str
    what: str
    decision: str


class Span(Struct, frozen=True):
    """A time in which one list gave the same answer about one address."""

    state: str
    first_seen: float
    last_seen: float
    listing: Listing


class Presence(Struct, frozen=True):
    """A device that was ever here, as leases and attempts show it."""

    device: str
    address: str
    hostname: str
    first_seen: float
    last_seen: float
    attempts: int


Work = Callable[[sqlite3.Connection], T]
_Job = tuple[Callable[[sqlite3.Connection], object], "Future[object]"]


def _moment(event: Event) -> float | None:
    """When the event happened; a lease that says no start has none."""
    return event.start if isinstance(event, Lease) else event.at


def _device(event: Event) -> str:
    if isinstance(event, Lease):
        return event.mac or str(event.address)
    return (event.mac or str(event.src)) if isinstance(event, Attempt) else ""


class Store:
    """The open store: `with Store(path) as store:`. Methods may be called from any thread.

    Attempts and leases are kept for `retention_days`, of attempts what `keep.py` says; all else for ever.
    """

    def __init__(self, path: str = "", *, retention_days: float = keep.DAYS) -> None:
        self.path = path or schema.default_path()
        self.retention_days = retention_days
        self._crowds = keep.Crowds()
        self._writer = schema.opened(self.path)
        self._reader = schema.connect(self.path)
        self._reading = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, then close. Closing twice is fine."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
        self._writer.close()
        self._reader.close()

    # ---- writing ----

    def _write(self) -> None:
        """The writer thread: whatever waits becomes one transaction, and is acknowledged after its commit."""
        open_, upkeep = True, 0.0
        while open_:
            if time.monotonic() >= upkeep:
                upkeep = time.monotonic() + keep.DAY
                self._upkeep()
            jobs: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) == BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                open_ = False
            self._commit(jobs)

    def _upkeep(self) -> None:
        """Once a day, whoever has the store open. When it fails, the next day does it."""
        now = time.time()
        with suppress(sqlite3.Error):
            if keep.due(self._writer, now):
                self._commit(
                    [(lambda connection: keep.expire(connection, now, self.retention_days), Future())]
                )

    def _commit(self, jobs: Sequence[_Job], tries: int = TRIES) -> None:
        done: list[tuple[Future[object], object]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for work, future in jobs:
                done.append((future, work(self._writer)))
            self._writer.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            self._crowds.clear()
            if schema.busy(error):  # none of ours is at fault: all of them wait again, or all fail
                if tries > 1:
                    self._commit(jobs, tries - 1)
                    return
            elif len(jobs) > 1:
                # One bad request must not take the others with it: each on its own.
                for job in jobs:
                    self._commit([job])
                return
            told = schema.broken(self.path, error) if isinstance(error, sqlite3.Error) else error
            for _, future in jobs:
                future.set_exception(told)
            return
        for future, result in done:
            future.set_result(result)

    def submit(self, work: Work[T]) -> "Future[T]":
        """Hand over a write; the future is fulfilled once it is on disk."""
        future: Future[T] = Future()
        self._jobs.put((work, future))  # type: ignore[arg-type]  # a Future of T is one of object
        return future

    def add_many(self, events: Iterable[Event]) -> int:
        """Keep events; returns how many were new. Returns after they are on disk."""
        return self.add_later(events).result()

    def add(self, event: Event) -> bool:
        """Keep one event; False when it was already there (or is only a tick)."""
        return self.add_many((event,)) == 1

    def add_later(self, events: Iterable[Event], mark: Mark | None = None) -> "Future[int]":
        """As `add_many`, without waiting. `mark` goes into the same transaction."""
        saved = time.time()
        rows = [
            (event, blake2b(body, digest_size=16).digest(), body)
            for event in events
            if not isinstance(event, Tick)
            for body in (codec.encode(event),)
        ]

        def work(connection: sqlite3.Connection) -> int:
            new = 0
            for event, name, body in rows:
                if isinstance(event, Attempt) and self._crowds.counted(connection, event):
                    continue
                if isinstance(event, Listing):
                    new += _extend(connection, event, saved, body)
                    continue
                row = (name, event.__struct_config__.tag, _moment(event), saved, _device(event), body)
                cursor = connection.execute(
                    "INSERT INTO events (hash, kind, at, saved, device, body) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (hash) DO NOTHING",
                    row,
                )
                if cursor.rowcount == 1:
                    new += 1
                    if isinstance(event, Attempt):
                        self._crowds.kept(connection, event, saved)
                elif isinstance(event, Lease):  # still here: its month begins again
                    connection.execute("UPDATE events SET saved = ? WHERE hash = ?", (saved, name))
            if mark is not None:
                marks.save(connection, mark)
            return new

        return self.submit(work)

    def save_decision(self, decision: Decision, at: float, by: str) -> None:
        """Keep the decision's new state and its audit line; the same state again changes nothing.

        What has ended stays ended: an older word that arrives later is dropped.
        """
        self.save_decision_later(decision, at, by).result()

    def save_decision_later(self, decision: Decision, at: float, by: str) -> "Future[None]":
        """As `save_decision`, without waiting."""

        def work(connection: sqlite3.Connection) -> None:
            body = codec.encode(decision)
            old = connection.execute(
                "SELECT body, state FROM decisions WHERE id = ?", (decision.id,)
            ).fetchone()
            if old and old[0] == body:
                return
            # Two processes write: what a person released must not come back by a watch's late word.
            if old and old[1] not in decide.OPEN and (old[1] == "released" or decision.state in decide.OPEN):
                return
            connection.execute(
                "INSERT OR REPLACE INTO decisions (id, device, state, made_at, expires_at, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    decision.id,
                    decision.device.key,
                    decision.state,
                    decision.made_at,
                    decision.expires_at,
                    body,
                ),
            )
            what = f"hold of {decision.device.key} {decision.state}: {decision.reason}"
            _audit(connection, AuditLine(at, by, what, decision.id))

        return self.submit(work)

    def audit(self, at: float, who: str, what: str, decision_id: str = "") -> None:
        """One line of who did what."""
        self.submit(lambda connection: _audit(connection, AuditLine(at, who, what, decision_id))).result()

    def save_case(self, case_id: str, body: bytes) -> None:
        """Keep a case as JSON."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO cases (id, saved, body) VALUES (?, ?, ?)",
                (case_id, time.time(), body),
            )

        self.submit(work).result()

    # ---- reading ----

    def rows(self, question: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._reading:
            try:
                return self._reader.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise schema.broken(self.path, error) from None

    def _values(self, kind: type[T], question: str, values: Sequence[object] = ()) -> list[T]:
        """The first column decoded; UnlistedError for a row that this version cannot read."""
        return self._decoded(kind, (row[0] for row in self.rows(question, values)))

    def _decoded(self, kind: type[T], bodies: Iterable[object]) -> list[T]:
        try:
            return [codec.decode(body, kind) for body in bodies]  # type: ignore[arg-type]
        except msgspec.DecodeError as error:
            raise UnlistedError(
                f"the store {self.path} holds a {kind.__name__} that cannot be read: {error}",
                remedy="upgrade unlisted, or move the store away",
            ) from None

    def events(self, kind: type[T], since: float = 0.0) -> list[T]:
        """Kept events of one kind, in the order in which they happened; those without a time come first."""
        return self._values(
            kind,
            "SELECT body FROM events WHERE kind = ? AND (at IS NULL OR at >= ?) ORDER BY at, id",
            (kind.__name__.lower(), since),
        )

    def attempts(self) -> Iterator[Attempt]:
        """Every kept attempt in the order of coming, `PAGE` at a time: forged sources come in floods."""
        last = 0
        while page := self.rows(
            "SELECT id, body FROM events WHERE kind = 'attempt' AND id > ? ORDER BY id LIMIT ?", (last, PAGE)
        ):
            last = page[-1][0]  # type: ignore[assignment]
            yield from self._decoded(Attempt, (row[1] for row in page))

    def count(self, kind: type[Struct]) -> int:
        """How many events of one kind are kept whole."""
        row = self.rows("SELECT count(*) FROM events WHERE kind = ?", (kind.__name__.lower(),))[0]
        return int(str(row[0]))

    def decisions(
        self, active_at: float | None = None, *, ending_after: float | None = None
    ) -> list[Decision]:
        """All decisions, those that hold a device at a moment, or those that end later; oldest first."""
        if active_at is None:
            return self._values(
                Decision,
                "SELECT body FROM decisions WHERE ?1 IS NULL OR expires_at > ?1 ORDER BY made_at, id",
                (ending_after,),
            )
        return self._values(
            Decision,
            "SELECT body FROM decisions WHERE state IN ('applied', 'verified') AND expires_at > ?"
            " ORDER BY made_at, id",
            (active_at,),
        )

    def listings(self, *addresses: str) -> list[Listing]:
        """Each list's latest answer about these addresses, or about all."""
        if not addresses:
            return self._values(
                Listing,
                "SELECT body FROM spans WHERE id IN (SELECT max(id) FROM spans GROUP BY address, list)"
                " ORDER BY address, list",
            )
        # By their index: a provider's store holds millions.
        return self._values(
            Listing,
            "SELECT body FROM spans WHERE id IN (SELECT max(id) FROM spans WHERE address IN"
            " (SELECT value FROM json_each(?)) GROUP BY address, list) ORDER BY address, list",
            (json.dumps(addresses),),
        )

    def history(self, address: str, name: str) -> list[Span]:
        """What one list answered about one address over time, oldest first."""
        rows = self.rows(
            "SELECT state, first_seen, last_seen, body FROM spans WHERE address = ? AND list = ? ORDER BY id",
            (address, name),
        )
        return [
            Span(str(state), float(str(first)), float(str(last)), codec.decode(body, Listing))  # type: ignore[arg-type]
            for state, first, last, body in rows
        ]

    def case(self, case_id: str) -> bytes | None:
        """One case as JSON, or None."""
        rows = self.rows("SELECT body FROM cases WHERE id = ?", (case_id,))
        body = rows[0][0] if rows else None
        return body if isinstance(body, bytes) else None

    def cases(self) -> list[str]:
        """The names of all cases, last saved first."""
        return [str(row[0]) for row in self.rows("SELECT id FROM cases ORDER BY saved DESC, id")]

    def audit_lines(self) -> list[AuditLine]:
        """Who did what, oldest first."""
        rows = self.rows("SELECT at, who, what, decision FROM audit ORDER BY id")
        return [AuditLine(float(str(at)), str(who), str(what), str(one)) for at, who, what, one in rows]

    def devices(self) -> list[Presence]:
        """Who was ever here, first seen first. Where a lease says no start, the time of reading it counts."""
        rows = self.rows(
            "SELECT device, min(coalesce(at, saved)), max(coalesce(at, saved)), sum(kind = 'attempt')"
            " + (SELECT coalesce(sum(attempts), 0) FROM counted WHERE counted.device = a.device),"
            " (SELECT coalesce(json_extract(CAST(b.body AS TEXT), '$.address'),"
            "                  json_extract(CAST(b.body AS TEXT), '$.src'))"
            "  FROM events b WHERE b.device = a.device AND b.device != '' ORDER BY b.id DESC LIMIT 1),"
            " (SELECT json_extract(CAST(c.body AS TEXT), '$.hostname') FROM events c"
            "  WHERE c.device = a.device AND c.device != '' AND c.kind = 'lease' ORDER BY c.id DESC LIMIT 1)"
            " FROM events a WHERE device != '' GROUP BY device ORDER BY 2, 1"
        )
        return [
            Presence(
                str(device),
                str(address or ""),
                str(name or ""),
                float(str(first)),
                float(str(last)),
                int(str(n)),
            )
            for device, first, last, n, address, name in rows
        ]


def _audit(connection: sqlite3.Connection, line: AuditLine) -> None:
    connection.execute(
        "INSERT INTO audit (at, who, what, decision) VALUES (?, ?, ?, ?)",
        (line.at, line.who, line.what, line.decision),
    )


def _extend(connection: sqlite3.Connection, listing: Listing, saved: float, body: bytes) -> bool:
    """Lengthen the list's present answer, or begin a new one; True where that was new.

    One row for as long as the answer stays the same: 65 lists asked every minute fill no disk. An answer
    older than the present is history, unless the present stands in the future: then the clock was wrong.
    """
    at = saved if listing.at is None else listing.at
    last = connection.execute(
        "SELECT id, state, last_seen FROM spans WHERE address = ? AND list = ? ORDER BY id DESC LIMIT 1",
        (listing.address, listing.list),
    ).fetchone()
    if last and at < last[2] <= saved:
        return False
    if last and last[1] == listing.state:
        connection.execute(
            "UPDATE spans SET first_seen = min(first_seen, ?1), last_seen = ?1, body = ?2 WHERE id = ?3",
            (at, body, last[0]),
        )
        return bool(at != last[2])
    connection.execute(
        "INSERT INTO spans (address, list, state, first_seen, last_seen, body) VALUES (?, ?, ?, ?, ?, ?)",
        (listing.address, listing.list, listing.state, at, at, body),
    )
    return True
