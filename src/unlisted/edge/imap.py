"""A folder on an IMAP server, read and left as it was (RFC 3501; EXAMINE and BODY.PEEK[] change nothing).

`imaps://USER@HOST[:PORT]/FOLDER` speaks TLS at once, `imap://` after STARTTLS; certificates are always
checked, and a password goes over plain text to this machine only. What a server may do to us is bounded:
octets and seconds of one answer, octets of one message, of which the first `mail.LIMIT` are fetched,
`PIECE` after `PIECE`.
"""

import base64
import imaplib
import ipaddress
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from msgspec import structs

from unlisted.edge import imapwire as wire
from unlisted.edge import mail
from unlisted.edge.imapurl import Place, quoted
from unlisted.errors import UnlistedError

T = TypeVar("T")

PIECE = 1 << 20  # octets of one message asked for at once: slow lines carry them within `PATIENCE`
TOGETHER = 2 << 20  # octets of messages asked for at once
WINDOW = 200  # messages whose sizes are asked for at once
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,15})\b")
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_ANY = range(1, 1 << 32)
LARGEST = (1 << 32) - 1  # no UID of a message: UIDNEXT, which is larger, is no larger number (RFC 3501 §9)
_STRING = re.compile(rb'BODY\[\](?:<\d{1,10}>)? "((?:[^"\\]|\\.)*+)"')
_BROKEN = re.compile(r"(?i)\[(?:UNAVAILABLE|SERVERBUG|INUSE|CONTACTADMIN)\]|internal error")  # RFC 5530 §3
_NUMBER = re.compile(rb"\d{1,10}")


class Session:
    """A connection with its folder opened read-only: `with Session(place, password) as session:`."""

    def __init__(self, where: Place, password: str) -> None:
        self.place = where
        self.validity = 0
        self.exists = 0
        self.next = LARGEST  # no UID is higher or the same
        self._secrets = _secrets(where, password)
        self._client = self._ask(lambda: wire.connect(where))
        try:
            self._secure()
            self._login(password)
            self._examine()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye, and do not wait for the answer for long."""
        with suppress(imaplib.IMAP4.error, OSError, ValueError):
            self._client.sock.settimeout(2.0)
            self._client.left = wire.ANSWER
            self._client.logout()
        with suppress(OSError):
            self._client.shutdown()

    def after(self, uid: int) -> Iterator[tuple[int, mail.Message | mail.Unread]]:
        """Every message with a higher UID, in their order, with its UID; 0 when the server names none.

        Also those whose UID cannot be, each time: they are there, and no mark can say that they were read.
        """
        first = self._position(uid)
        while first <= self.exists:
            before = self.exists
            sizes = self._sizes(first)
            lost = min(WINDOW, before - first + 1) - len(sizes)
            if lost > 0 and self.exists == before:
                yield (
                    0,
                    mail.Unread(self.place.name, f"{lost} of its messages: the server does not name them"),
                )
            for one, found in self._read([size for size in sizes if size[0] > uid]):
                uid = max(uid, one) if self.can_be(one) else uid
                yield one, found
            # What others deleted meanwhile moves the positions (EXPUNGE, RFC 3501 §7.4.1).
            first = first + WINDOW if self.exists == before else self._position(uid)

    def can_be(self, uid: int) -> bool:
        """False for a UID that no message of this folder can have, and no mark should stand at."""
        return uid < min(self.next, LARGEST)

    def these(self, uids: list[int]) -> Iterator[tuple[int, mail.Message | mail.Unread]]:
        """The messages with these UIDs, as far as they are still there."""
        for begin in range(0, len(uids), WINDOW):
            part = uids[begin : begin + WINDOW]
            sizes = dict(self._named(_ANY, "UID", "FETCH", ",".join(map(str, part))))
            yield from self._read([(one, sizes[one]) for one in part if one in sizes])

    def _read(self, sizes: list[tuple[int, int]]) -> Iterator[tuple[int, mail.Message | mail.Unread]]:
        """The messages with these UIDs and sizes; one that is there and not handed out is told as such."""
        for group in _groups(sizes):
            bodies = self._bodies([one for one, _ in group])
            missing = [one for one, _ in group if one not in bodies]
            if missing:
                there = dict(self._named(_ANY, "UID", "FETCH", ",".join(map(str, missing))))
                bodies |= {one: "the server gives no text of it" for one in missing if one in there}
            for one, size in group:
                if one in bodies:
                    yield one, self._message(one, size, bodies.pop(one))

    def _message(self, uid: int, size: int, body: bytes | str) -> mail.Message | mail.Unread:
        """A message of which the first piece is there. A piece that is not full is the last one."""
        source = f"{self.place.name};UID={uid}"
        if isinstance(body, str):
            return mail.Unread(source, body)
        pieces, length, last = [body], len(body), len(body)
        while last == PIECE and length <= mail.LIMIT and not 0 < size <= length:
            more = self._bodies([uid], length).get(uid, b"")
            if isinstance(more, str):
                size = max(size, length + 1)  # there is more, and it stays there
                break
            pieces.append(more)
            length, last = length + len(more), len(more)
        whole = size if last == PIECE else length  # some servers tell sizes by guess (RFC 3501 §6.4.5)
        return mail.Message(
            source, b"".join(pieces)[: mail.LIMIT], cut=max(0, max(whole, length) - min(length, mail.LIMIT))
        )

    def _position(self, uid: int) -> int:
        """Of the first message behind `uid`, from 1; UIDs ascend with it (RFC 3501 §2.3.1.1)."""
        low, high = 1, self.exists + 1 if uid else 1
        while low < high:
            middle = (low + high) // 2
            found = self._sizes(middle, 1)
            if found and found[0][0] <= uid:
                low = middle + 1
            else:
                high = middle
        return low

    def _sizes(self, first: int, count: int = WINDOW) -> list[tuple[int, int]]:
        """UID and size of the messages from one position on."""
        last = min(first + count - 1, self.exists)
        if first > last:
            return []
        return self._named(range(first, last + 1), "FETCH", f"{first}:{last}")

    def _named(self, positions: range, *words: str) -> list[tuple[int, int]]:
        """UID and size (0: not told) of what stands at these positions; servers tell more than that."""
        try:
            answer = self._told(*words, "(UID RFC822.SIZE)")
        except _RefusedError:
            answer = self._told(*words, "(UID)")  # to tell a size, some have to read the message
        uids: dict[int, int] = {}
        sizes: dict[int, int] = {}
        for line in map(_flat, answer):
            position, uid, size = (one.search(line) for one in (_NUMBER, _UID, _SIZE))
            if not position or int(position[0]) not in positions:
                continue
            if uid and (self.can_be(int(uid[1])) or int(position[0]) not in uids):
                uids[int(position[0])] = int(uid[1])
            if size:
                sizes[int(position[0])] = int(size[1])
        return sorted((uid, sizes.get(position, 0)) for position, uid in uids.items())

    def _bodies(self, uids: list[int], begin: int = 0) -> dict[int, bytes | str]:
        """A piece of each from one octet on, or why the server refuses to hand it out."""
        asked = f"(UID BODY.PEEK[]<{begin}.{PIECE}>)"
        try:
            answer = self._told("UID", "FETCH", ",".join(map(str, uids)), asked)
        except _RefusedError as error:
            if len(uids) == 1:
                return {uids[0]: f"the server does not hand it out: {error.words}"}
            return {key: value for one in uids for key, value in self._bodies([one]).items()}
        bodies: dict[int, bytes | str] = {}
        for number, item in enumerate(answer):
            line = item[0] if isinstance(item, tuple) else item
            tail = answer[number + 1] if isinstance(item, tuple) and number + 1 < len(answer) else b""
            uid = _UID.search(_STRING.sub(b"", line)) or (
                _UID.search(tail) if isinstance(tail, bytes) else None
            )
            if not uid or int(uid[1]) not in uids:
                continue
            if isinstance(item, tuple):
                bodies[int(uid[1])] = item[1]
            elif found := _STRING.search(line):  # RFC 3501 §9: nstring is a literal, a quoted string or NIL
                bodies[int(uid[1])] = re.sub(rb"\\(.)", rb"\1", found[1])
        return bodies

    # ---- the beginning of a session ----

    def _secure(self) -> None:
        if self.place.tls:
            return
        if "STARTTLS" in self._client.capabilities:
            self._ask(lambda: self._client.starttls(ssl_context=ssl.create_default_context()))
        elif not _here(self.place.host):
            raise UnlistedError(
                f"{self.place.name}: the server offers no TLS, and the password would go over plain text",
                remedy=f"imaps://{self.place.user}@{self.place.host}/{self.place.folder}",
                code=4,
            )

    def _login(self, password: str) -> None:
        secret = f"\0{self.place.user}\0{password}".encode()
        try:
            if "AUTH=PLAIN" in self._client.capabilities:  # RFC 4616: in UTF-8, which LOGIN is not
                self._ask(lambda: self._client.authenticate("PLAIN", lambda _: secret))
            elif not (self.place.user + password).isascii():
                raise _RefusedError(self.place.name, "its LOGIN carries ASCII letters only")
            else:
                self._ask(lambda: self._client.login(self.place.user, password))
        except _RefusedError as error:
            if _BROKEN.search(error.words):
                raise UnlistedError(
                    f"{self.place.name}: the server cannot serve now: {error.words}", remedy="try again later"
                ) from None
            raise UnlistedError(
                f"{self.place.name}: the server does not take this user and password: {error.words}",
                remedy="check both; many providers want a password made for programs",
                code=4,
            ) from None

    def _examine(self) -> None:
        try:
            data = self._told("EXAMINE", quoted(self.place.folder))
        except _RefusedError as error:
            broken = _BROKEN.search(error.words)
            raise UnlistedError(
                f"{self.place.name}: {'cannot be opened now' if broken else 'no such folder'}: {error.words}",
                remedy="try again later" if broken else "its name as the server spells it",
            ) from None
        self.exists = _integer(data)
        self.next = _integer(self._client.response("UIDNEXT")[1]) or LARGEST
        self.validity = _integer(self._client.response("UIDVALIDITY")[1])
        if not self.validity:
            raise UnlistedError(f"{self.place.name}: the server numbers its messages anew every time")

    # ---- one command, bounded ----

    def _told(self, command: str, *words: str) -> list[Any]:
        def ask() -> tuple[str, list[Any]]:
            client = self._client
            if command == "EXAMINE":
                return client.select(words[0], readonly=True)
            return client.uid(*words) if command == "UID" else client.fetch(*words)

        kind, data = self._ask(ask)
        self.exists -= len([one for one in self._client.response("EXPUNGE")[1] if one is not None])
        if kind != "OK":
            raise _RefusedError(self.place.name, _words(data, self._secrets))
        return [item for item in data if item is not None]

    def _ask(self, command: Callable[[], T]) -> T:
        """Run one command; whatever a server can answer becomes an UnlistedError that names it."""
        name = self.place.name
        client = getattr(self, "_client", None)
        stop = wire.stop(client.hang_up) if client else None
        plain = structs.replace(self.place, tls=False) if self.place.tls else None
        try:
            if client:
                client.left = wire.ANSWER
            return command()
        except imaplib.IMAP4.abort as error:
            raise self._broken(error, client) from None
        except imaplib.IMAP4.error as error:
            raise _RefusedError(name, _words([*error.args], self._secrets)) from None
        except ssl.SSLCertVerificationError as error:
            raise UnlistedError(
                f"{name}: its certificate does not hold: {error.verify_message}",
                remedy="name the host as its certificate does; for one of your own: SSL_CERT_FILE=CA.pem",
            ) from None
        except ssl.SSLError as error:
            raise UnlistedError(
                f"{name}: it speaks no TLS that we know ({error.reason or 'broken off'})",
                remedy=f"{plain.name}   (begins without TLS and goes over to it)"
                if plain
                else "try again later",
            ) from None
        except TimeoutError:
            raise self._silent(client) from None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The last four are imaplib's, on an answer that no server gives (an octet, a word missing).
            raise UnlistedError(
                f"{name}: {getattr(error, 'strerror', None) or f'no IMAP answer ({type(error).__name__})'}",
                remedy="check host and port; imaps:// is port 993, imap:// is 143",
            ) from None
        finally:
            if stop:
                stop.cancel()

    def _silent(self, client: imaplib.IMAP4 | None) -> UnlistedError:
        """Who says nothing at all to plain text may be waiting for TLS, which we would have to begin."""
        where = self.place
        if client or where.tls:
            return UnlistedError(
                f"{where.name}: no answer within {wire.SILENCE:.0f} s", remedy="try again later"
            )
        secure = structs.replace(where, tls=True)
        return UnlistedError(
            f"{where.name}: no word from the server within {wire.patience(where):.0f} s: "
            + (
                "port 993 speaks TLS from the first octet"
                if where.port == wire.SECURE
                else "it may speak TLS only"
            ),
            remedy=f"{secure.name}   (speaks TLS at once)",
        )

    def _broken(self, error: imaplib.IMAP4.abort, client: imaplib.IMAP4 | None) -> UnlistedError:
        """What imaplib calls an abort: the server's goodbye, silence, or what is no IMAP."""
        said = _words([*error.args], self._secrets)
        if client and (bye := client.untagged_responses.get("BYE")):
            said = f"the server ends the session: {_words(bye, self._secrets)}"
        elif "EOF" in said:
            said = "the server broke off"
        else:
            said = f"the server does not speak IMAP: {said}"
        kept = "; what was read so far is kept" if self.validity else ""
        return UnlistedError(f"{self.place.name}: {said}", remedy=f"try again later{kept}")


class _RefusedError(UnlistedError):
    """The server says no, in these words."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"{name}: {words}", remedy="check host, port and folder")
        self.words = words


def _groups(sizes: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Messages that are fetched with one command."""
    group: list[tuple[int, int]] = []
    octets = 0
    for one in sizes:
        octets += min(one[1] or PIECE, PIECE) + 200
        if group and octets > TOGETHER:
            yield group
            group, octets = [], min(one[1] or PIECE, PIECE)
        group.append(one)
    if group:
        yield group


def _here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _flat(item: object) -> bytes:
    if isinstance(item, tuple):
        return b" ".join(part for part in item if isinstance(part, bytes))[:1000]
    return item[:1000] if isinstance(item, bytes) else b""


def _integer(data: list[Any] | None) -> int:
    found = _NUMBER.search(_flat(data[-1])) if data else None
    return int(found[0]) if found else 0


def _secrets(where: Place, password: str) -> list[str]:
    """How a password goes over the wire, as a server repeats it and imaplib shows that; longest first."""
    plain = base64.b64encode(f"\0{where.user}\0{password}".encode()).decode()
    escaped = password.replace("\\", "\\\\").replace('"', '\\"')
    words = {word: True for one in (plain, escaped, password) for word in (repr(one.encode())[2:-1], one)}
    return sorted(words, key=len, reverse=True) if password else []


def _words(data: list[Any], secrets: list[str]) -> str:
    """What a server said, without the password in it."""
    text = data[-1] if data else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    for secret in secrets:
        text = text.replace(secret, "…")
    return text.removeprefix("b'").removesuffix("'")[:200]
