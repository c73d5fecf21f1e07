"""Which mail was read: of an IMAP folder the last UID and what to ask for again, of a Maildir the names."""

import os
import sqlite3
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from unlisted.edge.store import Store


class Mark(Struct, frozen=True, gc=False):
    """How far a mailbox was read: an IMAP folder up to a UID (RFC 3501 §2.3.1.1), or a Maildir's name."""

    place: str
    validity: int = 0  # UIDVALIDITY; 0 for a Maildir
    uid: int = 0
    name: str = ""
    gone: bool = False  # the name is no longer there and may be forgotten
    tries: int = 0  # of a message that could not be read and is to be asked for again
    anew: bool = False  # the UID that was kept cannot be: the folder is read from its beginning


def folder(store: "Store", place: str) -> tuple[int, int]:
    """UIDVALIDITY and the last UID that was read of an IMAP folder; zeros for a new one."""
    rows = store.rows("SELECT validity, uid FROM mailboxes WHERE place = ?", (_key(place),))
    return (int(str(rows[0][0])), int(str(rows[0][1]))) if rows else (0, 0)


def tries(store: "Store", place: str, validity: int) -> dict[int, int]:
    """The UIDs of an IMAP folder that are to be asked for again, and how often each was."""
    rows = store.rows(
        "SELECT uid, tries FROM unread WHERE place = ? AND validity = ?", (_key(place), validity)
    )
    return {int(str(uid)): int(str(count)) for uid, count in rows}


def seen(store: "Store", place: str) -> set[str]:
    """The names that were read of a Maildir."""
    rows = store.rows("SELECT name FROM seen WHERE place = ?", (_key(place),))
    return {os.fsdecode(name) for (name,) in rows if isinstance(name, (str, bytes))}


def _key(name: str) -> str | bytes:
    """A path as SQLite takes it: text, or the octets of a name that is not spelled in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def save(connection: sqlite3.Connection, mark: Mark) -> None:
    """Write one down, within a transaction of the store."""
    place = _key(mark.place)
    if mark.validity:
        connection.execute(
            "INSERT INTO mailboxes (place, validity, uid) VALUES (?1, ?2, ?3) ON CONFLICT (place) DO UPDATE"
            " SET uid = CASE WHEN validity = ?2 AND NOT ?4 THEN max(uid, ?3) ELSE ?3 END, validity = ?2",
            (place, mark.validity, mark.uid, mark.anew),
        )
        connection.execute(
            "DELETE FROM unread WHERE place = ?1 AND (validity != ?2 OR uid = ?3)",
            (place, mark.validity, mark.uid),
        )
        if mark.tries:
            connection.execute(
                "INSERT INTO unread (place, validity, uid, tries) VALUES (?, ?, ?, ?)",
                (place, mark.validity, mark.uid, mark.tries),
            )
    elif mark.gone:
        connection.execute("DELETE FROM seen WHERE place = ? AND name = ?", (place, _key(mark.name)))
    else:
        connection.execute("INSERT OR IGNORE INTO seen (place, name) VALUES (?, ?)", (place, _key(mark.name)))
