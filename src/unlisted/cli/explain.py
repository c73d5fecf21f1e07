"""Read bounces, pasted SMTP replies, abuse reports or log lines, and say whether they are about us.

PATH is a mail, an mbox, a Maildir, a folder of any of them, a text file with a server's reply, a report in
JSON (XARF, Amazon SES), gzip of these, or - for stdin. One line for each recipient, then what the refusals
share and what to do next.
Exit code: 0 none concerns us, 1 one does, 3 nothing could be told.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from unlisted import config, net, show
from unlisted.edge import mail
from unlisted.errors import UnlistedError
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import report, together

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
    """PATH… and --own."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="mail, mbox, Maildir, folder, text, gzip, or -"
    )
    parser.add_argument(
        "--own",
        action="append",
        default=[],
        metavar="ADDR",
        help="one of our public addresses (may be repeated; settings: own)",
    )


def run(args: argparse.Namespace) -> int:
    """Read everything, print a line for each recipient, sum up."""
    own = _own(args)
    paths: list[str] = args.paths
    if not paths:
        if sys.stdin.isatty():
            raise UnlistedError(
                "nothing to read",
                remedy="unlisted explain FILE   (or paste into: unlisted explain -)",
                code=2,
            )
        paths = ["-"]
    unread: list[mail.Unread] = []
    told: list[Refusal] = []
    read = silent = 0
    for path in paths:
        for found in mail.messages(path):
            if isinstance(found, mail.Unread):
                unread.append(found)
                continue
            read += 1
            if found.cut:
                show.say(f"{show.clean(found.source)}: large, {found.cut:,} bytes at its end were not read")
            refusals = _refusals(found, own)
            silent += not refusals
            told += refusals
            for refusal in refusals:
                if args.json:
                    show.emit(_promised(refusal))
                else:
                    print(line(refusal))
            if not args.json:
                _say_reports(refusals, own)
    _leftovers(unread, read, silent)
    if not args.json:
        _sum_up(told)
    if any(r.verdict in together.OURS or (r.report and r.report.source in own) for r in told):
        return 1
    known = [r for r in told if r.verdict != "undecided"]
    return 0 if known else 3


def _refusals(found: mail.Message, own: tuple[Address, ...]) -> list[Refusal]:
    from unlisted.notice import bounce

    if found.mail:
        return bounce.refusals(found.raw, found.source, own)
    return bounce.pasted(found.raw.decode("utf-8", "replace"), found.source, own)


def _promised(refusal: Refusal) -> dict[str, object]:
    """The fields of the contract, in its order; behind them what only a report has."""
    told = {name: getattr(refusal, name) for name in PROMISED}
    return told | report.details(refusal.report) if refusal.report else told


def _say_reports(refusals: list[Refusal], own: tuple[Address, ...]) -> None:
    for told in dict.fromkeys(refusal.report for refusal in refusals):
        if told is not None:
            print(f"  {report.sentence(told, own)}")
            print(f"  {report.MEANS[told.precision]}")


def _own(args: argparse.Namespace) -> tuple[Address, ...]:
    given: list[Address] = []
    for text in args.own:
        address = net.ip(text)
        if address is None:
            raise UnlistedError(f"--own {text[:80]!r} is no IP address", remedy="--own 203.0.113.5", code=2)
        given.append(address)
    return (*config.load(args.config).own, *given)


def line(refusal: Refusal) -> str:
    """One recipient on one line."""
    codes = " ".join(filter(None, (refusal.code, refusal.status)))
    facts = [
        _REPORT.get(refusal.feedback_type, "a complaint")
        if refusal.report
        else _MEANS.get(refusal.verdict, refusal.verdict)
    ]
    facts += [refusal.list + (f" ({refusal.sublist})" if refusal.sublist else "")] if refusal.list else []
    facts += [f"filter {refusal.vendor}"] if refusal.vendor else []
    facts += [f"cites {refusal.cited_ip}"] if refusal.cited_ip else []
    quote = f'  "{show.clean(refusal.quote, 70)}"' if refusal.quote else ""
    kind = refusal.feedback_type and f" {refusal.feedback_type}"
    who = show.clean(refusal.recipient or refusal.source, 60)
    return show.clean(f"{who}: {codes or '-'} {refusal.reason}{kind}: {', '.join(facts)}{quote}", 300)


def _leftovers(unread: Iterable[mail.Unread], read: int, silent: int) -> None:
    why = Counter(u.why for u in unread)
    for item in list(unread)[:5]:
        show.say(f"not read: {show.clean(item.source)}: {show.clean(item.why)}")
    if sum(why.values()) > 5:
        show.say(f"not read: {show.count(sum(why.values()) - 5, 'other file')}")
    if silent:
        show.say(f"{silent:,} of {show.count(read, 'message')} hold no refusal")


def _sum_up(told: list[Refusal]) -> None:
    found = together.common(told)
    print()
    print(show.clean(together.sentence(found), 400))
    if different := together.apart(found):
        print(different)
    if found.first is not None and found.last is not None and found.count > 1:
        print(
            f"first {show.when(found.first)}, last {show.when(found.last)}, "
            f"{show.count(found.domains, 'recipient domain')}"
        )
    print(show.clean(next_step(told, found), 500))


def next_step(told: list[Refusal], found: together.Common) -> str:
    """The line under which a person under pressure stops reading: what to type or to do now."""
    verdict = found.verdict.value if found.verdict else ""
    address = found.cited.value if found.cited else ""
    if verdict in ("our-address", "our-setup"):
        return (
            f"next: unlisted check {address}".rstrip()
            + "   (which lists, and does the name match the address)"
        )
    if verdict == "our-domain":
        return "next: ask the list about the domain; its page: " + next(
            (r.url for r in told if r.url), "named in the text"
        )
    if verdict == "private-list":
        return "next: only the recipient's administrator can take us off that list; write to him another way"
    if verdict == "their-resolver":
        return "next: tell the recipient that his server's blocklist queries are refused; we are not listed"
    if reports := [r.report for r in told if r.report is not None]:
        return f"next: {report.look_up(reports)}"
    if not found.count and not found.reports:
        return "next: unlisted investigate FOLDER   (with bounces, logs and leases in it)"
    return "next: nothing to mend on our side"
