"""Read bounces, pasted SMTP replies, abuse reports, lists' pages or log lines: are they about us?

PATH is a mail, an mbox, a Maildir, a folder of any of them, a text file with a server's reply, a list's own
page (of the CBL, Spamhaus, SpamCop, PSBL, UCEPROTECT or Backscatterer; copied, or saved as HTML), a report in
JSON (XARF, Amazon SES), gzip, bzip2 or xz of these, or - for stdin; or a folder on a server, which is
imaps://USER@HOST/INBOX: its password is asked for, or taken from UNLISTED_IMAP_PASSWORD or --password-file.
Nothing on the server changes; what was read is remembered here, and the next time only new mail is read.
--follow does the same with a Maildir, as mail arrives. One line for each recipient, then what the refusals
share and what to do next.
Exit code: 0 none concerns us (or a mailbox has nothing new), 1 one does, 3 nothing could be told; with
--unread 1 when there was something to list.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from unlisted import config, net, show
from unlisted.cli import _given, _mailbox
from unlisted.edge import mail
from unlisted.errors import UnlistedError
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import report, sighting, together
from unlisted.notice.advice import MOST, advise
from unlisted.notice.refusal import is_pseudo

HELP = "read bounces, pasted replies and reports: is it about us, which list, whose filter"
PROMISED = [
    "source",
    "recipient",
    "remote_mta",
    "code",
    "status",
    "reason",
    "hard",
    "feedback_type",
    "verdict",
    "list",
    "sublist",
    "vendor",
    "cited_ip",
    "url",
    "rule",
    "quote",
]

ALIKE = 30  # lines that say the same; more convinces nobody further
_MEANS = {
    "our-address": "our address",
    "our-domain": "our domain",
    "our-setup": "our setup",
    "their-resolver": "their DNS, not us",
    "private-list": "their own list",
    "content": "the content",
    "rate": "too much at once",
    "recipient": "the recipient",
    "other": "not about us",
    "undecided": "undecided",
}
_REPORT = {"opt-out": "a request to unsubscribe", "not-spam": "no complaint: it was no spam"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, where they may come from, and what is shown."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="mail, mbox, Maildir, folder, text, gzip, imaps:// or -"
    )
    parser.add_argument(
        "--own",
        action="append",
        default=[],
        metavar="ADDR",
        help="one of our public addresses (may be repeated; settings: own)",
    )
    parser.add_argument(
        "--unread", action="store_true", help="list what held no refusal or was not understood, and why"
    )
    parser.add_argument("--follow", action="store_true", help="PATH is a Maildir: tell what arrives there")
    parser.add_argument(
        "--for", dest="seconds", type=_given.seconds, metavar="SECONDS", help="end --follow after this time"
    )
    parser.add_argument("--again", action="store_true", help="read what was read before as well")
    parser.add_argument("--password-file", metavar="FILE", help="its first line is the mailbox's password")


def run(args: argparse.Namespace) -> int:
    """Read everything, print a line for each recipient, sum up."""
    told = Told(_own(args), as_json=args.json, listing=args.unread)
    paths: list[str] = args.paths
    if args.seconds is not None and not args.follow:
        raise UnlistedError(
            "--for ends --follow, which is not there",
            remedy="unlisted explain --follow --for 60 MAILDIR",
            code=2,
        )
    _given.sources([path for path in paths if path != "-" and not _mailbox.is_folder(path)])
    if not paths:
        if sys.stdin.isatty():
            raise UnlistedError(
                "nothing to read",
                remedy="unlisted explain FILE   (or paste into: unlisted explain -)",
                code=2,
            )
        paths = ["-"]
    if args.follow:
        told.fills = True
        _mailbox.follow(args, paths, told.take)
        return told.end()
    for path in paths:
        if _mailbox.is_folder(path):
            told.fills = True
            _mailbox.folder(args, path, told.take)
            continue
        for found in mail.messages(path, waits=_waits, log=told.log):
            _, then = mail.told(found, told.take)
            if then is not found:
                told.take(then)
    return told.end()


def _waits(pipe: str) -> None:
    show.say(f"waiting for somebody to write to {show.clean(pipe)}; Ctrl-C ends it")


class Told:
    """What was read so far, told as it comes and summed up at the end."""

    def __init__(self, own: tuple[Address, ...], *, as_json: bool, listing: bool) -> None:
        self.own = own
        self.as_json = as_json
        self.listing = listing  # of what was not understood, instead of what was
        self.refusals: list[Refusal] = []
        self.unread: list[mail.Unread] = []
        self.read = self.silent = self.dark = 0
        self.through: int | None = None  # messages that receivers took, where a mail log tells
        self.alike: Counter[object] = Counter()  # lines that say the same
        self.fills = False  # a mailbox, in which nothing new is an answer

    def take(self, found: mail.Message | mail.Unread) -> list[Refusal]:
        """Tell one message; its refusals."""
        if isinstance(found, mail.Unread):
            self.unread.append(found)
            self._list(found.source, f"not read: {found.why}")
            return []
        self.read += 1
        if found.cut:
            show.say(f"{show.clean(found.source)}: large, {found.cut:,} bytes at its end were not read")
        refusals, more = _refusals(found, self.own)
        if more:
            of = "recipients" if found.mail else "replies"
            show.say(f"{show.clean(found.source)}: {more:,} more {of} were not read")
        self._each(refusals, found.source)
        return refusals

    def log(self, path: str, name: str) -> bool:
        """Tell the refusals of a mail server's log; False when the file is none."""
        from unlisted.edge import maillog

        found = maillog.logged(path, self.own, name=name)
        if found is None:
            return False
        self.read += 1
        self.through = (self.through or 0) + found.through
        show.say(f"{found.sentence}, {show.count(found.through, 'message')} went through")
        self._each(list(found.refusals), name)
        return True

    def _each(self, refusals: list[Refusal], source: str) -> None:
        self.refusals += refusals
        if not refusals:
            self.silent += 1
            self._list(source, "no refusal in it")
        for refusal in refusals:
            if not understood(refusal):
                self.dark += 1
                self._list(source, f"not understood: {refusal.text or 'no words of a server in it'}")
            if not self.listing:
                self._tell(refusal)
        if not self.listing and not self.as_json:
            _say_reports(refusals, self.own)

    def _tell(self, refusal: Refusal) -> None:
        if self.as_json:
            show.emit(_promised(refusal))
        elif refusal.sighting is not None:
            _say_page(refusal, self.own)
        else:
            self._print(refusal)

    def _print(self, refusal: Refusal) -> None:
        """One line; of a log with thousands that say the same the first ones."""
        alike = (refusal.verdict, refusal.rule, refusal.code, refusal.list, refusal.cited_ip, refusal.quote)
        self.alike[alike] += 1
        if self.alike[alike] <= ALIKE:
            print(line(refusal, self.own))

    def _ours(self, refusal: Refusal) -> bool:
        told = refusal.report
        if refusal.sighting is not None and sighting.concerns(refusal.sighting, self.own):
            return True
        return refusal.verdict in together.OURS or (told is not None and told.source in self.own)

    def _list(self, source: str, why: str) -> None:
        if self.listing and self.as_json:
            show.emit({"source": source, "why": why})
        elif self.listing:
            print(f"{show.clean(source)}: {show.clean(why, 120)}")

    def end(self) -> int:
        """The sum on stderr, what is shared and what to do on stdout; the exit code."""
        if not self.listing:
            _leftovers(self.unread)
        if self.read != 1 or self.silent + self.dark:
            show.say(
                f"{show.count(self.read, 'message')} read: {self.silent:,} without a refusal, "
                f"{self.dark:,} not understood"
                + ("   (--unread lists them)" if self.silent + self.dark and not self.listing else "")
            )
        if self.listing:
            return 1 if self.silent + self.dark + len(self.unread) else 0
        if more := sum(max(0, count - ALIKE) for count in self.alike.values()):
            print(f"and {more:,} more that say the same as some of these (--json has them all)")
        if not self.as_json:
            _sum_up(self.refusals, self.through, self.own)
        taken = not self.as_json and not self.own
        if taken and any(one.verdict == "our-address" and one.cited_ip for one in self.refusals):
            show.say("the cited address is taken as yours, since none is declared: say --own ADDR to be sure")
        if any(self._ours(refusal) for refusal in self.refusals):
            return 1
        if self.fills and not self.refusals and not self.unread:
            return 0
        return 0 if any(r.verdict != "undecided" for r in self.refusals) else 3


def understood(refusal: Refusal) -> bool:
    """False where no phrase was known and the codes alone say nothing: a person should look."""
    return bool(refusal.rule) or refusal.verdict != "undecided"


def _refusals(found: mail.Message, own: tuple[Address, ...]) -> tuple[list[Refusal], int]:
    """The refusals of a message, and how many recipients or replies beyond those were not read."""
    from unlisted.notice import bounce, pages, replies

    if found.mail and (page := pages.archived(found.raw)):
        return replies.counted(page, found.source, own)
    if found.mail:
        return bounce.counted(found.raw, found.source, own)
    return mail.replied(found, own)


def _promised(refusal: Refusal) -> dict[str, object]:
    """The fields of the contract, in its order; behind them what only a report or a mask of lists has."""
    told = {name: getattr(refusal, name) for name in PROMISED} | (
        {"also": refusal.also} if refusal.also else {}
    )
    if refusal.sighting is not None:
        return told | sighting.details(refusal.sighting)
    return told | report.details(refusal.report) if refusal.report else told


def _say_reports(refusals: list[Refusal], own: tuple[Address, ...]) -> None:
    for told in dict.fromkeys(refusal.report for refusal in refusals):
        if told is not None:
            print(f"  {report.sentence(told, own)}")
            print(f"  {report.MEANS[told.precision]}")


def _say_page(refusal: Refusal, own: tuple[Address, ...]) -> None:
    """A list's page, what it narrows down to, and what is odd about it."""
    if refusal.sighting is not None:
        print(f"{sighting.sentence(refusal.sighting, own)}  [{_place(refusal.source)}]")
        for remark in sighting.remarks(refusal.sighting):
            print(f"  {remark}")


def _own(args: argparse.Namespace) -> tuple[Address, ...]:
    given: list[Address] = []
    for text in args.own:
        address = net.ip(text)
        if address is None:
            raise UnlistedError(f"--own {text[:80]!r} is no IP address", remedy="--own 203.0.113.5", code=2)
        given.append(address)
    return (*config.load(args.config).own, *given)


def line(refusal: Refusal, own: tuple[Address, ...] = ()) -> str:
    """One recipient on one line; the file at its end."""
    # A status that no server said is for programs (JSON), which know it from the published vocabulary.
    status = "" if is_pseudo(refusal.status) else refusal.status
    codes = " ".join(filter(None, (refusal.code, status)))
    facts = [
        _REPORT.get(refusal.feedback_type, "a complaint")
        if refusal.report
        else _MEANS.get(refusal.verdict, refusal.verdict)
    ]
    facts += [refusal.list + (f" ({refusal.sublist})" if refusal.sublist else "")] if refusal.list else []
    facts += [f"also {' and '.join(refusal.also)}"] if refusal.also else []
    facts += [f"filter {refusal.vendor}"] if refusal.vendor else []
    if refusal.cited_ip:
        whose = ", none of yours" if own and refusal.cited_ip not in own else ""
        facts.append(f"cites {refusal.cited_ip}{whose}")
    quote = f'  "{show.clean(refusal.quote, 70)}"' if refusal.quote else ""
    kind = refusal.feedback_type and f" {refusal.feedback_type}"
    who = show.clean(refusal.recipient or "?", 60)
    said = f"{who}: {codes or '-'} {refusal.reason}{kind}: {', '.join(facts)}{quote}"
    return f"{show.clean(said, 300)}  [{_place(refusal.source)}]"


def _place(source: str) -> str:
    place = show.clean(source, 1000)
    return place if len(place) <= 60 else f"…{place[-59:]}"


def _leftovers(unread: Iterable[mail.Unread]) -> None:
    why = Counter(u.why for u in unread)
    for item in list(unread)[:5]:
        show.say(f"not read: {show.clean(item.source)}: {show.clean(item.why)}")
    if sum(why.values()) > 5:
        show.say(f"not read: {show.count(sum(why.values()) - 5, 'other file')}")


def _sum_up(told: list[Refusal], through: int | None, own: tuple[Address, ...]) -> None:
    found = together.common(told, through)
    print()
    if found.count or found.reports or all(one.sighting is None for one in told):
        print(show.clean(together.sentence(found), 400))
    if different := together.apart(found):
        print(different)
    if found.first is not None and found.last is not None and found.count > 1:
        print(
            f"first {show.when(found.first)}, last {show.when(found.last)}, "
            f"{show.count(found.domains, 'recipient domain')}"
        )
    for text in next_step(told, found, own).splitlines():
        print(show.clean(text, 500))


def _asked(told: list[Refusal], own: tuple[Address, ...]) -> list[str]:
    """What lists' pages answer once it is asked here: the most exact questions of those about us."""
    pages = [r.sighting for r in told if r.sighting is not None]
    pages = [one for one in pages if sighting.concerns(one, own)] or pages
    pages.sort(key=sighting.rank)
    return list(dict.fromkeys(text for one in pages for text in sighting.questions(one)))


def next_step(told: list[Refusal], found: together.Common, own: tuple[Address, ...] = ()) -> str:
    """The line under which a person under pressure stops reading: what to type or to do now."""
    advice = [*_asked(told, own), *advise(told, own)][:MOST]
    reports = [r.report for r in told if r.report is not None]
    if reports and not found.ours:
        advice = [report.look_up(reports)]
    if not advice:
        return "next: unlisted investigate FOLDER   (with bounces, logs and leases in it)"
    return "\n".join(f"{'and: ' if number else 'next:'} {text}" for number, text in enumerate(advice))
