"""The store's file: where it lies, its schema and how one of an older schema is taken over."""

import os
import sqlite3

from unlisted.edge import keep
from unlisted.errors import UnlistedError

APPLICATION = 0x554E4C53  # "UNLS" in the file's header (SQLite, PRAGMA application_id)
BUSY = 10.0  # seconds to wait for another process's transaction

# Each entry takes the schema one version further; the number of entries is the version.
MIGRATIONS = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, at REAL,
        saved REAL NOT NULL, device TEXT NOT NULL, body BLOB NOT NULL);
    CREATE INDEX events_kind ON events (kind, at);
    CREATE INDEX events_device ON events (device) WHERE device != '';
    CREATE TABLE spans (
        id INTEGER PRIMARY KEY, address TEXT NOT NULL, list TEXT NOT NULL, state TEXT NOT NULL,
        first_seen REAL NOT NULL, last_seen REAL NOT NULL, body BLOB NOT NULL);
    CREATE INDEX spans_place ON spans (address, list, id);
    CREATE TABLE decisions (
        id TEXT PRIMARY KEY, device TEXT NOT NULL, state TEXT NOT NULL, made_at REAL NOT NULL,
        expires_at REAL NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
        decision TEXT NOT NULL);
    CREATE TABLE cases (id TEXT PRIMARY KEY, saved REAL NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    """,
    keep.SCHEMA,
    """
    CREATE TABLE mailboxes (
        place TEXT PRIMARY KEY, validity INTEGER NOT NULL, uid INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE seen (place TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (place, name)) WITHOUT ROWID;
    """,
    """
    CREATE TABLE unread (
        place TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL, tries INTEGER NOT NULL,
        PRIMARY KEY (place, uid)) WITHOUT ROWID;
    """,
    """
    CREATE TABLE trusted (
        resolver TEXT NOT NULL, zone TEXT NOT NULL, subject TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (resolver, zone, subject)) WITHOUT ROWID;
    """,
)


def default_path() -> str:
    """Where the store is when nobody says: the system's place for root, the person's own otherwise."""
    if home := os.environ.get("XDG_STATE_HOME"):
        return os.path.join(home, "unlisted", "unlisted.db")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return "/var/lib/unlisted/unlisted.db"
    return os.path.expanduser("~/.local/state/unlisted/unlisted.db")


def broken(path: str, error: Exception) -> UnlistedError:
    """What is wrong with the file, and its mend; code 4 where we may not write."""
    text = str(error)
    if "not a database" in text or "malformed" in text:
        remedy = f"move it away (mv {path} {path}.broken) and start anew, or name another store"
    elif "locked" in text:
        remedy = "another unlisted is writing: try again in a moment"
    elif "full" in text:
        remedy = "make room on that disk"
    else:
        remedy = "check that you may write there (see `store` in the configuration), or run as root"
    code = 4 if any(word in text for word in ("denied", "permitted", "readonly", "Read-only")) else 3
    return UnlistedError(f"cannot use the store {path}: {text}", remedy=remedy, code=code)


def busy(error: Exception) -> bool:
    """True when another process holds the lock."""
    busy = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in busy


def connect(path: str) -> sqlite3.Connection:
    """The file, opened; nothing of it is looked at yet."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the file to our schema; UnlistedError when it is not ours or newer than we are."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION and tables:
            raise UnlistedError(
                f"{path} is a database of another program", remedy="name another file as the store"
            )
        if version > len(MIGRATIONS):
            raise UnlistedError(
                f"{path} was written by a newer unlisted (schema {version}, we know {len(MIGRATIONS)})",
                remedy="upgrade unlisted, or name another file as the store",
            )
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def opened(path: str) -> sqlite3.Connection:
    """Create the file for its owner only, open it, bring it to our schema."""
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        # Before SQLite opens it: the -wal and -shm files take over the mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = connect(path)
    except (OSError, sqlite3.Error) as error:
        raise broken(path, error) from None
    try:
        migrate(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        connection.close()
        raise broken(path, error) from None
    except UnlistedError:
        connection.close()
        raise
    return connection
