"""What names a folder on an IMAP server: a URL for people, a name on the wire for the server."""

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from unlisted.errors import UnlistedError

_PASSWORD = re.compile(r"[A-Za-z]{1,9}://[^@:\[]{0,1000}+:(?s:.*)@")


class Place(Struct, frozen=True):
    """Where a folder is, without its password."""

    user: str
    host: str
    port: int
    folder: str
    tls: bool  # from the first octet, not by STARTTLS

    @property
    def name(self) -> str:
        """As it was given: what the store and every message of it is called by."""
        scheme, usual = ("imaps", 993) if self.tls else ("imap", 143)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self.user}@{host}{'' if self.port == usual else f':{self.port}'}/{self.folder}"


def place(url: str) -> Place:
    """A URL of RFC 5092, as far as it names a folder; UnlistedError names what is wrong with it."""
    remedy = "imaps://USER@HOST/INBOX   (a USER with an @ in it: write %40)"
    if _PASSWORD.match(url):  # before anything is taken apart: it may hold every letter that separates
        raise UnlistedError(
            "a password in an argument is read by everybody on this machine",
            remedy="leave it out: it is asked for, or taken from UNLISTED_IMAP_PASSWORD or --password-file",
            code=2,
        )
    shown = url[:200] if "@" in url else re.sub(r"(//[^:]{0,200}+):(?s:.*)", r"\1:…", url)[:200]
    try:
        parts = urlsplit(url)
    except ValueError:  # its words quote what they do not understand
        raise UnlistedError(f"{shown!r} names no host", remedy=remedy, code=2) from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise UnlistedError(
            f"{shown!r} names no port",
            remedy="a number from 1 to 65535, or none: 993, or 143 of imap://",
            code=2,
        )
    user, folder = unquote(parts.username or ""), unquote(parts.path.lstrip("/")) or "INBOX"
    if not user or not parts.hostname:
        raise UnlistedError(f"{shown!r} names no user or no host", remedy=remedy, code=2)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in user + folder):
        raise UnlistedError("a mailbox's name holds no control characters", remedy=remedy, code=2)
    tls = parts.scheme.lower() == "imaps"
    return Place(user, parts.hostname, port or (993 if tls else 143), folder, tls)


def quoted(folder: str) -> str:
    """A folder's name on the wire: modified UTF-7 (RFC 3501 §5.1.3) in quotes."""
    spelled: list[str] = []
    for piece in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", folder):
        if piece.isascii():
            spelled.append(piece.replace("&", "&-"))
        else:
            seven = piece.encode("utf-7").decode().rstrip("-")
            spelled.append("&" + seven[1:].replace("/", ",") + "-")
    return '"' + "".join(spelled).replace("\\", "\\\\").replace('"', '\\"') + '"'
