"""A folder of evidence, whatever is in it: every file recognized, read, and sorted into the rooms' terms.

`gather` is used by `find` and by `investigate`. Nothing raises on what is in a file; what was not read
is in the readings and in `unread`.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import Struct, field

from unlisted import codec, net, show
from unlisted.edge import dates, mail, read, vendors
from unlisted.edge.blocks import virtual
from unlisted.edge.progress import Together
from unlisted.edge.reading import About, Progress, Reading
from unlisted.find import seen, translated
from unlisted.find.columns import Flows, join
from unlisted.find.served import Deliveries
from unlisted.find.translated import Translations
from unlisted.find.who import Who
from unlisted.messages import (
    Attempt,
    Contact,
    Delivery,
    Lease,
    Listing,
    Presence,
    Refusal,
    Submission,
    Translation,
)
from unlisted.net import Address, Network
from unlisted.notice import bounce, dnsbl
from unlisted.notice.lists import Scope

_KEY = re.compile(r"[A-Za-z0-9._-]{0,253}")  # a list's name in the catalogue, or its zone
LISTINGS = 64 << 20  # bytes of a saved `check --json`; all lists for a /16 fit into it

Bar = Callable[[str], AbstractContextManager[Progress | None]]


class Gathered(Struct):
    """Everything that was read, by what it tells."""

    readings: list[Reading] = field(default_factory=list)
    who: Who = field(default_factory=lambda: Who(vendors.name))
    leases: list[Lease] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)  # of mails; not those of a mail log
    listings: list[Listing] = field(default_factory=list)  # of a saved `check --json`
    translations: Translations = field(default_factory=Translations)
    contacts: seen.Nearest = field(default_factory=lambda: seen.Nearest(0.0))  # those that were asked for
    presences: list[Presence] = field(default_factory=list)
    moved: Flows | None = None  # the attempts, when they were given back
    unread: list[mail.Unread] = field(default_factory=list)
    mails: int = 0
    told: dict[int | bytes, str] = field(
        default_factory=dict
    )  # what copies would tell twice, and who told it

    @property
    def flows(self) -> Flows:
        """The attempts of all files."""
        if self.moved is not None:
            return self.moved
        return join([reading.flows for reading in self.readings if reading.flows is not None])

    def inward(self, inside: tuple[Network, ...]) -> str:
        """Give attempts that were logged behind the translation back to whom they were of; a sentence."""
        self.moved, given, left = translated.inward(self.flows, self.translations, inside)
        if not given and not left:
            return ""
        return f"{given:,} attempts behind the translation were given back to their senders, {left:,} not"

    @property
    def unzoned(self) -> bool:
        """True when some file's times say no zone."""
        return any("no time zone" in said for reading in self.readings for said in reading.assumed)

    def has(self, *kinds: str) -> bool:
        """True when a file of one of these kinds was recognized."""
        return any(kind in kinds for reading in self.readings for kind in (reading.kind, *reading.kinds))

    def sent(self) -> Deliveries:
        """The mail server's deliveries, for knowing it again in a gateway's log."""
        deliveries = Deliveries()
        for delivery in self.deliveries:
            deliveries.add(delivery)
        for submission in self.submissions:
            deliveries.submitted.add(submission)
        return deliveries


def gather(
    sources: Iterable[str],
    bar: Bar,
    *,
    own: tuple[Address, ...] = (),
    mails: bool = False,
    about: About | None = None,
    zone: tzinfo | None = None,
) -> Gathered:
    """Read files and folders. `mails`: read bounces too (`find` leaves them to `explain`).

    `about`: the connections that are asked for, on whatever port, are kept in `contacts`.
    `zone`: of logs that tell none; without it they are in UTC.
    """
    gathered = Gathered(contacts=seen.Nearest(about.at if about else 0.0))
    files = read.paths(sources)
    near = dates.nearest(files)
    copies = _copies(files)
    sizes = {path: _size(path) for path in files if path not in copies}
    with bar(f"{show.count(len(files), 'file')}") as progress:
        together = Together(sizes.values(), progress)
        for path in files:
            opened = partial(read.read, path, near, together.told, about=about, zone=zone)
            _one(path, opened, gathered, own, mails, about, copies)
            together.past(sizes.get(path, 0))
    return gathered


def _one(
    path: Path, opened: Callable[..., Reading], gathered: Gathered, own: tuple[Address, ...],
    mails: bool, about: About | None, copies: dict[Path, Path],
) -> None:  # fmt: skip
    """One file, into what was gathered."""
    if path in copies:
        what = f"the same as {show.clean(copies[path].name)}: counted once"
        gathered.readings.append(Reading(str(path), trouble=what))
        return
    if _saved_listings(path, gathered):
        return
    twice = _read(opened, gathered, about)
    reading = gathered.readings[-1]
    if twice:
        reading.assumed += (f"{show.count(twice, 'line')} stood in another file already: counted once",)
    if mails and os.path.isfile(path) and not virtual(path) and _may_tell(reading):
        _mail(str(path), reading, gathered, own)


def _size(path: Path) -> int:
    """Bytes that are to be read of it, for the bar."""
    try:
        return path.stat().st_size if path.is_file() and not virtual(path) else 0
    except OSError:
        return 0


def _read(opened: Callable[..., Reading], gathered: Gathered, about: About | None) -> int:
    """Read one file; how many lines stood in another already."""
    twice = 0
    wanted = about.told if about else translated.for_mail

    def take(fact: object) -> None:
        nonlocal twice
        twice += not _sort(fact, gathered, wanted)

    gathered.readings.append(opened(take=take))
    return twice


def _copies(files: list[Path]) -> dict[Path, Path]:
    """Files that hold the same bytes as one before them: a log that was copied tells nothing new."""
    sizes: dict[int, list[Path]] = {}
    for path in files:
        try:
            if path.is_file() and not virtual(path) and (size := path.stat().st_size):
                sizes.setdefault(size, []).append(path)
        except OSError:
            continue  # said when it is read
    copies, known = dict[Path, Path](), dict[bytes, Path]()
    for path in (path for same in sizes.values() if len(same) > 1 for path in same):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "blake2b").digest()
        except OSError:
            continue
        if (first := known.setdefault(digest, path)) != path:
            copies[path] = first
    return copies


def _sort(event: object, gathered: Gathered, wanted: Callable[[Translation], bool]) -> bool:
    """Put an event where it belongs; False when another file told the same."""
    if isinstance(event, Lease):
        gathered.who.add(event)
        gathered.leases.append(event)
        return True
    if isinstance(event, (Attempt, Contact)):
        gathered.contacts.add(event)
        if (told := translated.of(event)) is not None and wanted(told):
            gathered.translations.add(told)
        return True
    if isinstance(event, Translation):
        if wanted(event):
            gathered.translations.add(event)
        return True
    if isinstance(event, Presence):
        gathered.who.present(event)
        gathered.presences.append(event)
        return True
    if not isinstance(event, (Delivery, Submission)):
        return True
    said = hash(msgspec.structs.replace(event, seen=None))  # the number alone: a log may have millions
    source = event.seen.source if event.seen else ""
    if gathered.told.get(said, source) != source:
        return False
    gathered.told[said] = source
    if isinstance(event, Delivery):
        gathered.deliveries.append(event)
    else:
        gathered.submissions.append(event)
    return True


def _may_tell(reading: Reading) -> bool:
    """True for a mail, for what nobody knows, and for log lines among which a person may have pasted more."""
    return reading.kind in ("mail", "") or (reading.kind == "maillogs" and reading.size <= mail.PASTE)


def _mail(path: str, reading: Reading, gathered: Gathered, own: tuple[Address, ...]) -> None:
    """The refusals of a mail, an mbox, or a file that holds nothing but a reply."""
    for found in mail.messages(path, named=False):
        _, then = mail.told(found, lambda one: _told(one, reading, gathered, own))
        if isinstance(then, mail.Unread) and (then is not found or reading.kind == "mail"):
            gathered.unread.append(then)


def _told(
    found: mail.Message | mail.Unread, reading: Reading, gathered: Gathered, own: tuple[Address, ...]
) -> list[Refusal]:
    """What one message says, sorted in; a copy of one before says nothing."""
    if isinstance(found, mail.Unread):
        return []
    if found.mail:
        if found.cut:
            why = f"large: {found.cut:,} bytes at its end were not read"
            gathered.unread.append(mail.Unread(found.source, why))
        said = hashlib.blake2b(b"\n".join(found.raw.split())).digest()  # copies differ in their line ends
        if gathered.told.setdefault(said, found.source) != found.source:
            return []
        told, more = bounce.counted(found.raw, found.source, own)
        beyond = f"recipients beyond the first {bounce.MAX_RECIPIENTS:,}"
    else:
        told, more = mail.replied(found, own)
        if all(refusal.verdict == "undecided" for refusal in told):
            return []
        beyond = "more replies"
        if not reading.kind:
            reading.kind, reading.format, reading.trouble = "mail", "reply", ""
    if more:
        gathered.unread.append(mail.Unread(found.source, f"{more:,} {beyond} were not read"))
    gathered.mails += 1
    if reading.kind == "mail":
        reading.lines += 1
        reading.understood += len(told)
    gathered.refusals += told
    return told


def _saved_listings(path: Path, gathered: Gathered) -> bool:
    """True when the file is what `unlisted check --json` printed: each line one list's answer."""
    try:
        if not path.is_file() or virtual(path) or os.path.getsize(path) > LISTINGS:
            return False
        with path.open(encoding="utf-8") as file:
            first = file.readline(65536)
            if not first.startswith("{") or '"zone"' not in first:
                return False
            lines = [first, *file]
    except (OSError, UnicodeDecodeError):
        return False
    reading = Reading(str(path), kind="listings", format="check --json", lines=len(lines))
    for line in lines:
        try:
            listing = codec.decode(line, Listing)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            reading.unknown += 1
            continue
        if _plausible(listing):
            gathered.listings.append(listing)
            reading.understood += 1
        else:
            reading.unknown += 1
    if not reading.understood:
        return False
    gathered.readings.append(reading)
    return True


def _plausible(listing: Listing) -> bool:
    """True when `check` can have written it: a file may hold anything, and its words go onto the page."""
    named = net.ip(listing.address) is not None or bool(dnsbl.hostname(listing.address))
    return (
        named
        and listing.state in ("listed", "clear", "unknown")
        and listing.scope in ("", *get_args(Scope))
        and bool(dnsbl.hostname(listing.zone))
        and _KEY.fullmatch(listing.list) is not None
        and 0 <= listing.weight <= 1
    )
