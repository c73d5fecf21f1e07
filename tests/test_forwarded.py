"""Bounces that a person passes on: attached, forwarded, quoted; and mails that only speak of such things."""

import base64

import pytest

from unlisted.notice import bounce

ZEN = "554 5.7.1 Client host [203.0.113.45] blocked using zen.spamhaus.org"
FROM = "From: Anna <anna@office.example>\nTo: admin@office.example\n"


def told(text: str) -> list[tuple[str, str, str, str]]:
    return [(one.recipient, one.code, one.reason, one.list) for one in bounce.refusals(text.encode(), "x")]


def attached(kind: str, number: int) -> str:
    reply = [ZEN, "550 5.1.1 User unknown", "452 4.2.2 Mailbox full"][number]
    inner = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example.net\n"
        "Subject: Undelivered Mail Returned to Sender\n"
        f"Date: Thu, 19 Nov 2026 10:0{number}:00 +0000\n\nThis is the mail system.\n\n"
        f"<u{number}@example.org>: host mx.example.org[192.0.2.1] said: {reply} (in reply to RCPT "
        f"TO command)\n"
    )
    if kind.endswith("base64"):
        inner = base64.encodebytes(inner.encode()).decode()
        return (
            f"--XX\nContent-Type: {kind.split()[0]}; name=a.eml\n"
            f"Content-Transfer-Encoding: base64\n\n{inner}\n"
        )
    return f"--XX\nContent-Type: {kind}\n\n{inner}\n"


@pytest.mark.parametrize(
    "kind",
    [
        "message/rfc822",
        "application/octet-stream",
        "application/octet-stream base64",
        "message/rfc822 base64",
    ],
)
def test_every_attached_bounce_counts(kind: str) -> None:
    text = (
        f"{FROM}Subject: please help\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n"
        "--XX\nContent-Type: text/plain\n\nthese came back, what is 554?\n\n"
        + "".join(attached(kind, number) for number in range(3))
        + "--XX--\n"
    )
    assert told(text) == [
        ("u0@example.org", "554", "blocked", "spamhaus-zen"),
        ("u1@example.org", "550", "userunknown", ""),
        ("u2@example.org", "452", "mailboxfull", ""),
    ]
    assert [one.at for one in bounce.refusals(text.encode(), "x")][1] == 1795082460.0


GERMAN = (
    "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nbob@a.example\n"
    "Ihre Nachricht wurde abgelehnt.\n\nDiagnoseinformationen für Administratoren:\n\n"
    "bob@a.example\nmx.a.example\n"
    f"Remote Server returned '{ZEN}'\n"
)


@pytest.mark.parametrize(
    "body",
    [
        "Bitte mal ansehen.\n\n" + "".join(f"> {line}\n" for line in GERMAN.split("\n")),
        "Bitte mal ansehen.\n\nVon: Microsoft Outlook\nGesendet: Montag\nAn: Anna\nBetreff: Unzustellbar\n\n"
        + GERMAN,
        "Bitte mal ansehen.\n\n-----Ursprüngliche Nachricht-----\nVon: Microsoft Outlook\n"
        "Betreff: Unzustellbar\n\n" + GERMAN,
    ],
)
def test_a_forwarded_notice_in_german(body: str) -> None:
    head = f"{FROM}Subject: WG: Unzustellbar: Angebot\nContent-Type: text/plain; charset=utf-8\n\n"
    assert told(head + body) == [("bob@a.example", "554", "blocked", "spamhaus-zen")]


def test_a_mail_that_asks_about_three_replies() -> None:
    text = (
        f"{FROM}Subject: mails kommen nicht an\n\nHallo,\n\nT-Online schreibt:\n"
        "> 554 IP=203.0.113.45 - A problem occurred. (Ask your postmaster for help or to contact\n"
        "> tosa@rx.t-online.de to clarify.)\n\nGMX schreibt:\n"
        "> 554-gmx.net (mxgmx105) Nemesis ESMTP Service not "
        "available\n> 554-No SMTP service\n> 554 IP address is black listed.\n\nYahoo schreibt:\n"
        "> 421 4.7.0 [TSS04] Messages from 203.0.113.45 temporarily deferred due to user complaints\n\nAnna\n"
    )
    assert [one.vendor for one in bounce.refusals(text.encode(), "x")] == [
        "t-online", "united-internet", "yahoo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"{FROM}Subject: invoice\n\nplease see the attached invoice for March, total 554 EUR\n",
        f"{FROM}Subject: Re: invoice\n\n> the total is\n> 554 EUR, and\n> 550 for April\n\nThanks\n",
        f"{FROM}Subject: yesterday\n\nThe server told us 554 and something with a blocklist. Solved.\n",
        f"{FROM}Subject: blocklists\nList-Unsubscribe: <mailto:u@x.example>\n\nA refusal looks so:\n"
        f"\n{ZEN}\n",
        f"{FROM}Subject: blocklists\nPrecedence: bulk\n\nA refusal looks so:\n\n{ZEN}\n",
        f"{FROM}Subject: how lists work\n\nMany servers answer {ZEN} when a client is listed.\n",
        f"{FROM}Subject: photos\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n"
        f"Content-Type: text/plain\n\n"
        "look\n--XX\nContent-Type: message/rfc822\n\nFrom: b@x.example\nSubject: 550 photos\n\nhi\n--XX--\n",
    ],
)
def test_a_mail_that_only_speaks_of_it(text: str) -> None:
    assert told(text) == []
