"""Read bounces, pasted SMTP replies, abuse reports, lists' pages or log lines: are they about us?

PATH is a mail, an mbox, a Maildir, a folder of any of them, a text file with a server's reply, a list's own
page (of the CBL, Spamhaus, SpamCop, PSBL, UCEPROTECT or Backscatterer; copied, or saved as HTML), a report in
JSON (XARF, Amazon SES), gzip, bzip2 or xz of these, or - for stdin; or a folder on a server, which is
imaps://USER@HOST/INBOX: its password is asked for, or taken from UNLISTED_IMAP_PASSWORD or --password-file.
Nothing on the server changes; what was read is remembered here, and the next time only new mail is read.
--follow does the same with a Maildir, as mail arrives. Each recipient, then what the refusals share and what
to do next; what tells the same again (a retry, a copy, a bounce beside its line in the log) counts once.
--json gives each a line, with when it happened (`at`, Unix seconds), what to do (`advice`) and whether it was
told before (`again`).
Exit code: 0 none concerns us (ordinary mails, nothing new in a mailbox), 1 one does or may, 3 nothing could
be told; with --unread 1 when there was something to list.
"""

import argparse
import sys

from unlisted import config, net, show
from unlisted.cli import _given, _mailbox
from unlisted.cli._lines import PROMISED
from unlisted.cli._told import ALIKE, Told
from unlisted.edge import mail
from unlisted.errors import UnlistedError
from unlisted.net import Address

__all__ = ["ALIKE", "HELP", "PROMISED", "arguments", "run"]

HELP = "read bounces, pasted replies and reports: is it about us, which list, whose filter"


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
        if path == "-" and sys.stdin.isatty():
            show.say("paste the bounce, or what the other server said; then Enter and Ctrl-D")
        for found in mail.messages(path, waits=_waits, log=told.log):
            _, then = mail.told(found, told.take)
            if then is not found:
                told.take(then)
    return told.end()


def _waits(pipe: str) -> None:
    show.say(f"waiting for somebody to write to {show.clean(pipe)}; Ctrl-C ends it")


def _own(args: argparse.Namespace) -> tuple[Address, ...]:
    given: list[Address] = []
    for text in args.own:
        address = net.ip(text)
        if address is None:
            raise UnlistedError(f"--own {text[:80]!r} is no IP address", remedy="--own 203.0.113.5", code=2)
        given.append(address)
    return (*config.load(args.config).own, *given)
