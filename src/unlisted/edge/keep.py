"""What the store keeps of attempts: a held device that calls on would else fill the disk.

Of each device, hour, port and action the first and last `ENDS` attempts are kept whole and those between
are counted, so that the first and the last of every kind are there. One that lies between is known by its
time to have been counted: reading a log again counts nothing twice. Attempts and leases go after a month;
decisions, the audit log, lists' answers (the spans) and cases stay.
"""

import sqlite3

from unlisted.messages import Attempt

ENDS = 50  # attempts at either end: more than any page quotes; 60 KB an hour
DAYS = 30.0  # a removal asks for days of quiet, a case for weeks of history
DAY, HOUR = 86_400.0, 3600.0  # seconds
CROWDS = 10_000  # groups remembered; the oldest hours are not needed

SCHEMA = """
    CREATE TABLE counted (
        device TEXT NOT NULL, hour INTEGER NOT NULL, port INTEGER NOT NULL, action TEXT NOT NULL,
        attempts INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL, saved REAL NOT NULL,
        PRIMARY KEY (device, hour, port, action)) WITHOUT ROWID;
    CREATE TABLE upkeep (id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL);
    DROP INDEX events_device;
    CREATE INDEX events_device ON events (device, at) WHERE device != '';
    """

_Group = tuple[str, int, int, str]  # a row's key in `counted`


class Crowds:
    """How many attempts came in each group of late. Used by the one writer, inside its transaction."""

    def __init__(self) -> None:
        self._new: dict[_Group, int] = {}
        self._between: dict[_Group, tuple[float, float]] = {}

    def clear(self) -> None:
        """Remember nothing: the transaction was rolled back."""
        self._new.clear()
        self._between.clear()

    def counted(self, connection: sqlite3.Connection, attempt: Attempt) -> bool:
        """True when it lies among those that were counted."""
        group = _group(attempt)
        if group not in self._between:
            if len(self._between) >= CROWDS:
                self.clear()
            row = connection.execute(
                "SELECT first, last FROM counted WHERE device = ? AND hour = ? AND port = ? AND action = ?",
                group,
            ).fetchone()
            self._between[group] = row or (1.0, 0.0)
        first, last = self._between[group]
        return first <= attempt.at <= last

    def kept(self, connection: sqlite3.Connection, attempt: Attempt, saved: float) -> None:
        """One more was kept; when there are too many, those between become a count."""
        group = _group(attempt)
        self._new[group] = self._new.get(group, 0) + 1
        if self._new[group] > 3 * ENDS:
            self._new[group] = 2 * ENDS
            self._between.pop(group, None)
            _thin(connection, group, saved)


def _group(attempt: Attempt) -> _Group:
    return (attempt.mac or str(attempt.src), int(attempt.at // HOUR), attempt.dport, attempt.action)


def _thin(connection: sqlite3.Connection, group: _Group, saved: float) -> None:
    device, hour, port, action = group
    rows = connection.execute(
        "SELECT id, at FROM events WHERE device = ? AND device != '' AND kind = 'attempt'"
        " AND at >= ? AND at < ? AND json_extract(CAST(body AS TEXT), '$.dport') = ?"
        " AND json_extract(CAST(body AS TEXT), '$.action') = ? ORDER BY at, id",
        (device, hour * HOUR, (hour + 1) * HOUR, port, action),
    ).fetchall()
    between = rows[ENDS:-ENDS]
    if not between:
        return
    connection.executemany("DELETE FROM events WHERE id = ?", [(number,) for number, _ in between])
    connection.execute(
        "INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (device, hour, port, action) DO UPDATE SET attempts = attempts + excluded.attempts,"
        " first = min(first, excluded.first), last = max(last, excluded.last), saved = excluded.saved",
        (*group, len(between), between[0][1], between[-1][1], saved),
    )


def due(connection: sqlite3.Connection, now: float) -> bool:
    """True when nobody has looked after the store for a day."""
    row = connection.execute("SELECT at FROM upkeep").fetchone()
    return row is None or not 0 <= now - row[0] < DAY


def expire(connection: sqlite3.Connection, now: float, days: float) -> None:
    """Drop attempts and leases that were last told more than so many days ago.

    And lists' answers one by one, as older versions kept them beside their spans.
    """
    before = now - days * DAY
    connection.execute(
        "DELETE FROM events WHERE kind IN ('attempt', 'lease', 'listing') AND saved < ?", (before,)
    )
    connection.execute("DELETE FROM counted WHERE saved < ?", (before,))
    connection.execute("INSERT OR REPLACE INTO upkeep VALUES (1, ?)", (now,))
