"""Mailboxes that fill while they are read: a Maildir, a folder on an IMAP server. Each message once.

What was read is kept on our side, in the store; the mailbox stays as it was. The mark moves in the very
transaction that saves what the message said: a machine that dies between the two has done neither.
A message is told before that. Who is killed in between tells it again, in the same words from the same
source, and the store counts it once; so it does when a server numbers its messages anew.
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from hashlib import blake2b
from itertools import chain

from msgspec import structs

from unlisted.edge import imap, mail
from unlisted.edge.marks import Mark
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.messages import Refusal

PAUSE = 1.0  # seconds between two looks at a Maildir: two directories are read, nothing is opened
TRIES = 3  # runs in which a message on a server is asked for
BATCH = 200  # messages whose saving is waited for together

Found = tuple[mail.Message | mail.Unread | None, Mark | None]  # no message: gone; no mark: to be read again

_FLAGS = re.compile(r"[:;!]2,[^/]*\Z")  # maildir(5): what stands behind changes while the message does not


def folder(session: imap.Session, validity: int, uid: int, tries: dict[int, int]) -> Iterator[Found]:
    """What came into an IMAP folder behind the last mark; everything when its UIDs have begun anew.

    Before that, what could not be read until now: `tries` says which UIDs, and how often. A UID that cannot
    be is never marked, and where one was, all is read again: whatever comes would lie below it for ever.
    """
    same = validity == session.validity and session.can_be(uid)
    anew = not same
    left = set(tries) if same else set()
    for one, found in chain(session.these(sorted(left)), session.after(uid if same else 0)):
        uid = one if session.can_be(one) else 0
        left.discard(uid)
        yield found, Mark(session.place.name, session.validity, uid, tries=tries.get(uid, 0), anew=anew)
        anew &= not uid
    for one in left:  # deleted meanwhile
        yield None, Mark(session.place.name, session.validity, one)


def keep(store: Store, found: Iterable[Found], take: mail.Take) -> int:
    """Tell each message, then save what it said together with its mark; how many there were.

    What cannot be read, or ends the reader, is told as such, and the mailbox goes on behind it.
    """
    waiting: list[Future[int]] = []
    count = 0
    for message, mark in found:
        count += message is not None
        refusals: list[Refusal] = []
        if isinstance(message, mail.Message):
            refusals, message = mail.told(message, take)
        if isinstance(message, mail.Unread):
            message, mark = _again(message, mark)
            take(message)
        elif mark:
            mark = structs.replace(mark, tries=0)
        sys.stdout.flush()  # before the mark moves: told twice rather than not at all
        waiting.append(store.add_later(_lasting(refusals, message, mark), mark))
        if len(waiting) == BATCH:
            _settle(waiting)
    _settle(waiting)
    return count


def _again(found: mail.Unread, mark: Mark | None) -> tuple[mail.Unread, Mark | None]:
    """What could not be read is asked for in `TRIES` runs, then passed over, and that is said.

    What has no UID is without a mark there at the next run: nothing is lost, whatever is mended until then.
    """
    if not mark or not mark.uid:
        return found, None
    count = mark.tries + 1
    then = "asked for again the next time" if count < TRIES else f"{count} times, and now passed over"
    return mail.Unread(found.source, f"{found.why} ({then})"), structs.replace(mark, tries=count % TRIES)


def _lasting(
    refusals: list[Refusal], message: mail.Message | mail.Unread | None, mark: Mark | None
) -> list[Refusal]:
    """A UID names a message until the server numbers anew; what is kept is named by its content."""
    if not (mark and mark.validity and isinstance(message, mail.Message)):
        return refusals
    digest = blake2b(message.raw, digest_size=16).hexdigest()
    return [structs.replace(one, source=f"{mark.place};{digest}") for one in refusals]


def _settle(waiting: list[Future[int]]) -> None:
    for one in waiting:
        one.result()
    waiting.clear()


def follow(boxes: list["Maildir"], store: Store, take: mail.Take, seconds: float | None) -> None:
    """Look into the boxes again and again, until Ctrl-C or for so many seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            for box in boxes:
                keep(store, box.poll(), take)
                _settle([store.add_later((), mark) for mark in box.forgotten()])
            left = PAUSE if until is None else min(PAUSE, until - time.monotonic())
            if left <= 0:
                return
            time.sleep(left)
    except KeyboardInterrupt:
        return


class Maildir:
    """A Maildir that is looked through again and again: by names and not by times, which can go back."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.place = os.path.realpath(path)
        self.seen: set[str] = set()  # names
        self._missed: set[str] = set()
        self._unread: dict[str, str] = {}  # names that were told as not to be read, and why
        if not all(os.path.isdir(os.path.join(path, name)) for name in ("new", "cur")):
            raise UnlistedError(
                f"{path} is no Maildir: it has no folders new and cur",
                remedy="name the folder that has them",
                code=2,
            )

    def poll(self) -> Iterator[Found]:
        """The messages that came since the last call, in the order of their names."""
        there = self._list()
        for name in sorted(there.keys() - self.seen):
            found = mail.single(there[name])
            if isinstance(found, mail.Unread) and not os.path.exists(there[name]):
                continue  # moved from new to cur, or taken away, under our hands: the next look tells
            if isinstance(found, mail.Unread):  # not marked: it may be mended, and is then told
                if self._unread.get(name) != found.why:
                    self._unread[name] = found.why
                    yield found, None
                continue
            self._unread.pop(name, None)
            self.seen.add(name)
            yield found, Mark(self.place, name=name)

    def forgotten(self) -> list[Mark]:
        """The names that are gone at two looks: a message on its way from `new` to `cur` is at one."""
        there = self._list()
        gone = self.seen - there.keys()
        forget = gone & self._missed
        self._missed = gone - forget
        self._unread = {name: why for name, why in self._unread.items() if name in there}
        self.seen -= forget
        return [Mark(self.place, name=name, gone=True) for name in sorted(forget)]

    def _list(self) -> dict[str, str]:
        """Each message's lasting name, and its path. `new` first: mail moves from there to `cur`."""
        found: dict[str, str] = {}
        for box in ("new", "cur"):
            try:
                with os.scandir(os.path.join(self.path, box)) as entries:
                    for entry in entries:
                        if not entry.name.startswith(".") and entry.is_file():
                            found[_FLAGS.sub("", entry.name)] = entry.path
            except OSError as error:
                raise UnlistedError(
                    f"cannot read {os.path.join(self.path, box)}: {error.strerror}",
                    remedy="run as its owner",
                    code=4 if isinstance(error, PermissionError) else 3,
                ) from None
        return found
