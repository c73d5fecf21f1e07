"""Mailboxes for `explain`: where they are, their password, and the store that remembers what was read."""

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING

from unlisted import config, show
from unlisted.errors import UnlistedError

if TYPE_CHECKING:
    from unlisted.edge import imapurl
    from unlisted.edge.mail import Take

VARIABLE = "UNLISTED_IMAP_PASSWORD"


def is_folder(text: str) -> bool:
    """True for what is meant to be a folder on a server."""
    return text.lower().startswith(("imap://", "imaps://"))


def folder(args: argparse.Namespace, url: str, take: "Take") -> None:
    """Tell what is new in a folder on a server, and keep how far it was read."""
    from unlisted.edge import imap, imapurl, mailbox, marks
    from unlisted.edge.store import Store

    where = imapurl.place(url)
    secret = password(args.password_file, where)
    with Store(config.load(args.config).store) as store, imap.Session(where, secret) as session:
        validity, uid = (0, 0) if args.again else marks.folder(store, where.name)
        if validity and not (validity == session.validity and session.can_be(uid)):
            show.say(f"{show.clean(where.name)}: the server has numbered it anew; all of it is read again")
        tries = marks.tries(store, where.name, session.validity)
        count = mailbox.keep(store, mailbox.folder(session, validity, uid, tries), take)
        if not count and uid:
            show.say(f"{show.clean(where.name)}: nothing new (--again reads what was read before as well)")


def follow(args: argparse.Namespace, paths: list[str], take: "Take") -> None:
    """Tell what arrives in Maildirs until Ctrl-C, or for as long as was said."""
    from unlisted.edge import imapurl, mailbox, marks
    from unlisted.edge.store import Store

    for path in filter(is_folder, paths):
        name = imapurl.place(path).name
        raise UnlistedError(
            f"{show.clean(name)}: a folder on a server cannot be followed",
            remedy=f"unlisted explain {show.clean(name)}   (again from time to time: it reads what is new)",
            code=2,
        )
    boxes = [mailbox.Maildir(path) for path in paths]
    with Store(config.load(args.config).store) as store:
        for box in boxes:
            box.seen |= set() if args.again else marks.seen(store, box.place)
        show.say("following; Ctrl-C ends it")
        mailbox.follow(boxes, store, take, args.seconds)


def password(file: str | None, where: "imapurl.Place") -> str:
    """From the file, the environment or the terminal; never from the command line."""
    if file:
        try:
            with open(file, encoding="utf-8") as opened:
                return opened.readline(4096).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UnlistedError(
                f"cannot read the password in {file}: {getattr(error, 'strerror', None) or error}",
                remedy="a file that holds the password as its first line, readable for you alone",
                code=2,
            ) from None
    if (given := os.environ.get(VARIABLE)) is not None:
        return given
    if not sys.stdin.isatty():
        raise UnlistedError(
            f"no password for {where.name}", remedy=f"set {VARIABLE}, or --password-file FILE", code=2
        )
    return getpass.getpass(f"password of {show.clean(where.user)} at {show.clean(where.host)}: ")
