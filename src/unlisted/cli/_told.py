"""What `explain` read so far: told as it comes, and summed up at the end. Nothing of it is kept."""

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import structs

from unlisted import show
from unlisted.cli import _lines
from unlisted.edge import mail
from unlisted.messages import Delivery, Refusal, Report, Sighting
from unlisted.net import Address
from unlisted.notice import report, sighting, together
from unlisted.notice.advice import MOST, Advice
from unlisted.notice.repeats import Kind, Repeats
from unlisted.notice.unreached import Unreached

if TYPE_CHECKING:
    from unlisted.edge.reading import Reading

ALIKE = 30  # lines that say the same; more convinces nobody further
SORTS = 10_000  # sorts of lines that are told apart
NAMED = 5  # files that are named one by one
NOTHING = (mail.NO_MAIL, "empty")  # was looked at, and nothing was in it
_ID = re.compile(rb"^message-id:\s{0,80}(<[^>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
# exim -bp: age, size, message id, sender; the recipients below.
_EXIM_QUEUE = re.compile(
    rb"^ {0,4}[0-9]{1,4}[mhd] {1,4}[0-9.]{1,6}[KM]? {1,3}[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} <",
    re.MULTILINE,
)
_HEAD = re.compile(rb"\r?\n\r?\n")


class Told:
    """The answer on stdout, the talk on stderr; state that does not grow with what is read."""

    def __init__(self, own: tuple[Address, ...], *, as_json: bool, listing: bool) -> None:
        self.own = own
        self.as_json = as_json
        self.listing = listing  # of what was not understood, instead of what was
        self.fills = False  # a mailbox, in which nothing new is an answer
        self.through: int | None = None  # messages that receivers took, where a mail log tells
        self._read: Counter[str] = Counter()  # mails, texts and logs, and what became of them
        self._partial = False  # something was there that nobody read
        self._together, self._advice = together.Together(), Advice(own)
        self._repeats, self._unreached = Repeats(), Unreached()
        self._alike: Counter[object] = Counter()  # lines that say the same
        self._cited: dict[Address, None] = {}  # taken as ours
        self._foreign: Counter[Address] = Counter()  # whom they cite that accuse none of ours
        self._pages: list[Sighting] = []  # the most exact ones
        self._report: Report | None = None  # the most exact one
        self._ours = self._decided = False

    # ---- what comes -------------------------------------------------------------------------------

    def take(self, found: mail.Message | mail.Unread) -> list[Refusal]:
        """Tell one message; its refusals."""
        if isinstance(found, mail.Unread):
            self._unread(found)
            return []
        self._read["message"] += 1
        if found.cut:
            self.left(found.source, f"large, {found.cut:,} bytes at its end were not read")
        refusals, more = _refusals(found, self.own)
        if more:
            of = "recipients" if found.mail else "replies"
            self.left(found.source, f"{more:,} more {of} were not read")
        if not found.mail and mail.is_long(found.raw):
            self.left(found.source, "a line of it is so long that it was read in part only")
        if not refusals:
            self._silent(found.source, ordinary=found.mail)
            self._read["queue"] += not found.mail and bool(_EXIM_QUEUE.search(found.raw[:65_536]))
        name = _message_id(found.raw) if found.mail else ""
        for number, one in enumerate(refusals):
            # The words too: a mail's name is a stranger's, and may stand on another mail.
            message = f"{name} {number} {one.at} {one.text}" if name else ""
            self._one(one, "mail" if found.mail else "text", message)
        if not self.listing and not self.as_json:
            _print(_lines.reports(refusals, self.own))
        return refusals

    def log(self, path: str, name: str = "") -> bool:
        """Tell the refusals of a mail server's log, called `name`; False when the file is none."""
        from unlisted.edge import maillog

        through = refused = 0

        def delivery(event: Delivery, refusal: Refusal | None) -> None:
            nonlocal through, refused
            if refusal is not None:
                refused += 1
                source = f"{name}{refusal.source.removeprefix(path)}" if name else refusal.source
                self._one(structs.replace(refusal, source=source), "log", event.queue_id)
            elif not (event.queue_id and self._repeats.refused(event.recipient, event.queue_id)):
                through += 1
            else:
                self._read["later"] += 1
            self._unreached.answered |= event.status == "sent"

        reading = maillog.logged(path, self.own, delivery)
        if reading is None:
            return False
        self._read["log"] += 1
        self.through = (self.through or 0) + through
        reading.path = name or path
        said = f"{reading.sentence()}, {show.count(through, 'message')} went through"
        # Times that no line shows need no excuse.
        few = refused + through < 2  # then how its times were placed is no matter
        show.talk("; ".join((said, *(one for one in reading.assumed if not (few and "taken as" in one)))))
        if not refused and not through:
            self._silent(reading.path)
        self._unknown(reading)
        return True

    def _one(self, one: Refusal, kind: Kind, message: str) -> None:
        again = self._repeats.again(one, kind, message)
        if not understood(one):
            self._read["dark"] += 1
            self._list(one.source, f"not understood: {one.text or 'no words of a server in it'}")
        if not again:
            self._count(one)
        self._read["again"] += bool(again)
        self._read["logged"] += kind == "log" and again != "same"
        if self.as_json and not self.listing:
            show.emit(_lines.promised(one, self.own, again=bool(again)))
        elif not self.listing and not again:
            _print(_lines.page(one, self.own) if one.sighting is not None else self._line(one))

    def _count(self, one: Refusal) -> None:
        self._together.add(one)
        if not self.as_json:  # there each has its own
            self._advice.add(one)
        self._unreached.add(one)
        self._decided |= one.verdict != "undecided"
        strange = self.own and one.verdict == "other" and one.cited_ip not in self.own
        if strange and one.cited_ip is not None and len(self._foreign) < SORTS:
            self._foreign[one.cited_ip] += 1
        if one.verdict == "our-address" and one.cited_ip is not None and len(self._cited) < SORTS:
            self._cited[one.cited_ip] = None
        if one.sighting is not None:
            self._ours |= sighting.concerns(one.sighting, self.own)
            self._pages = sorted((*self._pages, one.sighting), key=self._exact)[: 2 * MOST]
        if one.report is not None:
            ours = one.report.source in self.own
            if not self.own and one.report.source is not None and len(self._cited) < SORTS:
                self._cited[one.report.source], ours = None, True  # as a bounce that cites it
            self._ours |= ours
            known = [self._report] if self._report else []
            self._report = report.exact([*known, one.report])
        self._ours |= one.verdict in together.OURS

    def _exact(self, page: Sighting) -> tuple[bool, int]:
        return not sighting.concerns(page, self.own), sighting.rank(page)

    def _line(self, one: Refusal) -> list[str]:
        """Its rows; of a log with thousands that say the same those of the first ones."""
        alike: tuple[object, ...] = (one.verdict, one.rule, one.code, one.list, one.cited_ip, one.quote)
        if alike not in self._alike and len(self._alike) >= SORTS:
            alike = (one.verdict,)
        self._alike[alike] += 1
        return _lines.line(one, self.own) if self._alike[alike] <= ALIKE else []

    # ---- what was not read, or not understood ------------------------------------------------------

    def _unread(self, found: mail.Unread) -> None:
        self._partial |= found.why not in NOTHING
        self._read["unread"] += 1
        self._list(found.source, f"not read: {found.why}")
        if not self.listing and self._read["unread"] <= NAMED:
            show.talk(f"not read: {show.clean(found.source)}: {show.clean(found.why)}")

    def left(self, source: str, what: str) -> None:
        """Say what was there and was not read, once."""
        self._partial = True
        self._list(source, what)
        if not self.listing:
            show.talk(f"{show.clean(source)}: {what}")

    def _silent(self, source: str, *, ordinary: bool = False) -> None:
        """Nothing for us in it: an ordinary mail is only counted."""
        self._read["silent"] += 1
        self._read["ordinary" if ordinary else "mute"] += 1
        if not ordinary:
            self._list(source, "no refusal in it")

    def _unknown(self, reading: "Reading") -> None:
        """Lines of a log that nobody understood, and the end that it does not have."""
        if reading.trouble:
            self.left(reading.path, reading.trouble)
        if not reading.unknown:
            return
        self._partial = True
        self._read["lines"] += reading.unknown
        for sample in reading.samples:
            self._list(reading.path, f"line not understood: {sample}")
        if more := reading.unknown - len(reading.samples):
            self._list(reading.path, f"{show.count(more, 'more line')} not understood")

    def _list(self, source: str, why: str) -> None:
        self._read["listed"] += 1
        if self.listing and self.as_json:
            show.emit({"source": source, "why": why})
        elif self.listing:
            front = f"{show.clean(source)}: " if source else ""
            print(f"{front}{show.clean(why, 200)}")  # a list, for grep and sort as well

    # ---- the end ----------------------------------------------------------------------------------

    def end(self) -> int:
        """The sum on stderr, what is shared and what to do on stdout; the exit code."""
        self._say_read()
        if self.listing:
            if number := self._read["ordinary"]:
                self._list("", f"{show.count(number, 'ordinary mail')} without a refusal")
            return 1 if self._read["listed"] else 0
        if not self.as_json:
            self._sum_up()
            self._say_whose()
        if self._ours or self._unreached.shut or self._another:
            return 1
        if self._decided:
            return 0
        nothing_new = self.fills and not self._refused and not self._read["unread"]
        ordinary = (self.through or self._read["ordinary"]) and not self._partial
        return 0 if nothing_new or (ordinary and not self._refused and not self._read["mute"]) else 3

    @property
    def _another(self) -> Address | None:
        """The one address that several refusals cite, and none of them one of ours: is ours complete?"""
        alone = next(iter(self._foreign)) if len(self._foreign) == 1 and not self._ours else None
        return alone if alone and self._foreign[alone] >= 2 else None

    @property
    def _nothing_read(self) -> bool:
        return not self._read["message"] + self._read["log"]

    @property
    def _refused(self) -> bool:
        return bool(self._common.count)

    @property
    def _common(self) -> together.Common:
        return self._together.common(self.through, self._read["logged"], partial=self._partial)

    def _say_read(self) -> None:
        read = self._read
        if not self.listing and (more := read["unread"] - NAMED) > 0:
            show.talk(f"not read: {show.count(more, 'other file')}   (--unread lists them)")
        dark = read["silent"] + read["dark"] + read["lines"]
        if self._nothing_read or (read["message"] + read["log"] == 1 and not dark):
            return
        what = [show.count(read[kind], kind) for kind in ("log", "message") if read[kind]]
        lines = f", {show.count(read['lines'], 'line')} of logs not understood" if read["lines"] else ""
        listed = "   (--unread lists them)" if dark and not self.listing else ""
        show.talk(
            f"{' and '.join(what) or '0 messages'} read: {read['silent']:,} without a refusal, "
            f"{read['dark']:,} not understood{lines}{listed}"
        )

    def _sum_up(self) -> None:
        found = self._common
        if more := sum(max(0, count - ALIKE) for count in self._alike.values()):
            _say(f"and {more:,} more that say the same as some of these (--json has them all)")
        if more := self._read["again"]:
            _say(
                f"and {more:,} that {'repeats' if more == 1 else 'repeat'} one of these (a retry, a copy, "
                "a log's line of the same bounce): counted once"
            )
        print()
        if self._nothing_read:
            new = "nothing new" if self.fills and not self._read["unread"] else ""
            _say(new or ("nothing could be read" if self._partial else "no mail, reply or mail log in it"))
        elif found.count or found.reports or not self._pages:
            _say(show.clean(together.sentence(found), 500))
        if self._read["later"]:
            _say(f"{show.count(self._read['later'], 'message')} of those refused arrived at a later try")
        if different := together.apart(found):
            _say(different)
        if found.first is not None and found.last is not None and found.count > 1:
            alone = f", to nobody but {show.clean(found.domain, 80)}" if found.domain else ""
            _say(f"first {show.when(found.first)}, last {show.when(found.last)}{alone}")
        for number, text in enumerate(self._next(found)):
            front = "and:  " if number else "next: "
            _print(show.wrap(front + show.clean(text, 600), show.width(), hang=len(front)))

    def _next(self, found: together.Common) -> list[str]:
        """The lines under which a person under pressure stops reading: what to type or to do now."""
        shut = self._unreached.shut
        if self._report is not None and not found.ours:
            return [report.look_up([self._report])]
        if shut and not found.ours:
            return [_shut(shut)]  # what each of them would advise is about the others
        if another := self._another:
            return [
                f"all that cite an address cite {another}: is {another} yours? Then say --own {another}",
                *(text for text in self._advice.lines() if f"cites {another}" not in text),
            ][:MOST]
        told = [*([_shut(shut)] if shut else []), *self._asked(), *self._advice.lines()][:MOST]
        if not told and self._read["queue"]:
            return [
                "an Exim queue holds no replies; its main log does: unlisted explain /var/log/exim4/mainlog"
            ]
        if not told and self._read["ordinary"] and not self._read["mute"]:
            return ["nothing: these are ordinary mails; a bounce would say what was not delivered"]
        if not told and self.through is None and not self.fills:
            return [
                "unlisted explain -   (and paste the other server's words, or the text of the mail that says "
                "what was not delivered)"
            ]
        return told or ["unlisted investigate FOLDER   (with bounces, logs and leases in it)"]

    def _asked(self) -> list[str]:
        """What lists' pages answer once it is asked here: the most exact questions of those about us."""
        pages = [one for one in self._pages if sighting.concerns(one, self.own)] or self._pages
        asked = list(dict.fromkeys(text for one in pages for text in sighting.questions(one)))
        if asked and asked[0].endswith(" FOLDER"):
            asked[0] += "   (FOLDER: the gateway's logs and the leases of that time)"
        return asked

    def _say_whose(self) -> None:
        """Nobody told us which address is ours: then the one that a refusal accuses is a guess."""
        if self.own or not self._cited:
            return
        named = ", ".join(str(one) for one in list(self._cited)[:3])
        more = f" and {len(self._cited) - 3:,} more" if len(self._cited) > 3 else ""
        verb = "is" if len(self._cited) == 1 else "are"
        show.talk(f"{named}{more} {verb} taken as yours, since none is declared: say --own ADDR to be sure")


def understood(refusal: Refusal) -> bool:
    """False where no phrase was known and the codes alone say nothing: a person should look."""
    return bool(refusal.rule) or refusal.verdict != "undecided"


def _shut(places: int) -> str:
    return (
        f"outgoing port 25 seems shut, by your provider or a firewall: {places:,} different hosts could not "
        "be connected to and none answered. Try on the mail server: nc -vz -w 10 gmail-smtp-in.l.google.com "
        "25; where that fails too, allow port 25 out for this server in your firewall, ask the provider to "
        "open it, or send through his relay on port 587"
    )


def _refusals(found: mail.Message, own: tuple[Address, ...]) -> tuple[list[Refusal], int]:
    """The refusals of a message, and how many recipients or replies beyond those were not read."""
    from unlisted.edge import maillog
    from unlisted.notice import bounce, pages, replies

    if found.mail and (page := pages.archived(found.raw)):
        return replies.counted(page, found.source, own)
    if found.mail:
        return bounce.counted(found.raw, found.source, own)
    return mail.replied(found, own, maillog.near(found.source))


def _message_id(raw: bytes) -> str:
    """What names this very mail, wherever it lies: its id, else its bytes."""
    head = _HEAD.split(raw[:65_536].lstrip(), maxsplit=1)[0]
    found = _ID.search(head)
    return found[1].decode("latin-1") if found else f"{hash(raw):x}"


def _say(text: str) -> None:
    _print(show.wrap(text, show.width(), hang=2))


def _print(rows: list[str]) -> None:
    for row in rows:
        print(row)
