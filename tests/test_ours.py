"""A refusal by our own server's content filter is told as that, and nobody else's is."""

import pytest

from unlisted.net import Address, ip
from unlisted.notice import advice, bounce

SPAM = "554 5.7.0 Reject, id=12345-01 - SPAM"


def told(
    host: str, reply: str = SPAM, by: str = "MAILER-DAEMON@mx.example.com", own: tuple[Address, ...] = ()
) -> tuple[str, str, str]:
    said = f"host {host} said: {reply} (in reply to end of DATA command)" if host else reply
    field = f"Remote-MTA: dns; {host.partition('[')[0]}\n" if host else ""
    kind = "smtp" if host else "x-postfix"
    raw = (
        f"Return-Path: <>\nFrom: {by}\nTo: me@example.com\nSubject: Undelivered Mail Returned to Sender\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        f"Content-Type: text/plain\n\nThis is the mail system.\n\n<bob@x.example>: {said}\n\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        "Final-Recipient: rfc822; bob@x.example\nAction: failed\nStatus: 5.7.0\n"
        f"{field}Diagnostic-Code: {kind}; {reply}\n\n--b--\n"
    )
    (one,) = bounce.refusals(raw.encode(), "x", own)
    assert one.recipient == "bob@x.example"
    return one.rule, one.verdict, one.reason


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1[127.0.0.1]", "localhost[::1]", "scan.example.com[10.0.0.7]", "scan.lan[192.168.1.7]", ""],
)
def test_the_filter_behind_our_own_server(host: str) -> None:
    assert told(host) == ("own-server", "content", "spamdetected")


def test_an_address_of_ours_is_ours() -> None:
    host = "filter.provider.example[203.0.113.7]"
    assert told(host, own=(ip("203.0.113.7"),)) == ("own-server", "content", "spamdetected")  # type: ignore[arg-type]
    assert told(host)[0] == "spam-content"


def test_words_that_nobody_knows_accuse_nobody_when_they_are_our_own() -> None:
    assert told("127.0.0.1[127.0.0.1]", "554 5.7.1 Sorry, Dave")[:2] == ("own-server", "other")
    assert told("mx.x.example[198.51.100.7]", "554 5.7.1 Sorry, Dave")[1] == "undecided"


@pytest.mark.parametrize(
    ("host", "by"),
    [
        ("mx.x.example[198.51.100.7]", "MAILER-DAEMON@mx.example.com"),  # the receiver's filter
        ("127.0.0.1[127.0.0.1]", "MAILER-DAEMON@mx.x.example"),  # his filter behind his own server
        ("", "postmaster@x.example"),
        ("10.0.0.7[10.0.0.7]", "MAILER-DAEMON@notexample.com"),
    ],
)
def test_the_filter_of_another_is_his(host: str, by: str) -> None:
    assert told(host, by=by) == ("spam-content", "content", "spamdetected")


SPAMMY = "550 5.7.1 Message rejected due to spam content"


@pytest.mark.parametrize(
    "said",
    [
        f"x@far.example\nRemote Server returned '{SPAMMY}'",
        f"Generating server: mx.far.example\n\nx@far.example\n#{SPAMMY} ##",
        f"x@far.example\nLe serveur distant a renvoy\u00e9 \u00ab {SPAMMY} \u00bb",
        f"<x@far.example>:\n192.0.2.7 failed after I sent the message.\nRemote host said: {SPAMMY}",
        f"  x@far.example\n    SMTP error from remote mail server after end of data:\n    {SPAMMY}",
        f"Your message to x@far.example has been blocked. The response was:\n{SPAMMY}",
    ],
)
def test_what_another_said_is_not_ours_though_nobody_names_him(said: str) -> None:
    raw = (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@example.com>\nTo: me@example.com\n"
        "Subject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{said}\n\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        "Final-Recipient: rfc822; x@far.example\nAction: failed\nStatus: 5.7.1\n"
        f"Diagnostic-Code: smtp; {SPAMMY}\n\n--b--\n"
    )
    (one,) = bounce.refusals(raw.encode(), "x")
    assert (one.verdict, one.rule) == ("content", "spam-content")


def test_an_unknown_user_of_our_own_server_is_one() -> None:
    assert told("127.0.0.1[127.0.0.1]", "550 5.1.1 User unknown")[:2] == ("user-unknown", "recipient")


@pytest.mark.parametrize(
    ("sender", "body"),
    [
        (
            "MIMEDefang <defang@mx.example.com>",
            "An e-mail that you sent was rejected by our server: it held a prohibited attachment.",
        ),
        (
            '"Content-filter at mx.example.com" <postmaster@mx.example.com>',
            "A message from <me@example.com> to:\n-> bob@x.example\n\nwas considered unsolicited.\n\n"
            "First upstream SMTP client IP address: [203.0.113.5]\n\nDelivery of the email was stopped!",
        ),
    ],
)
def test_a_notice_that_the_filter_wrote_itself(sender: str, body: str) -> None:
    head = f"Return-Path: <>\nFrom: {sender}\nTo: me@example.com\nSubject: Notification\n\n"
    (one,) = bounce.refusals(f"{head}{body}\n".encode(), "x")
    assert (one.rule, one.cited_ip) == ("own-server", None)
    assert one.quote.startswith("our own server refused it: ")
    assert advice.advise([one]) == [
        "your own server's filter refused it: its log tells which device or account sent it"
    ]


def test_what_exchange_says_that_another_server_returned_is_not_ours() -> None:
    raw = (
        "From: postmaster@example.com\nTo: ann@example.com\nSubject: Undeliverable: hello\n\n"
        "Delivery has failed to these recipients or groups:\n\nbob@x.example\n"
        "Remote Server returned '550 5.7.1 Message rejected as spam by Content Filtering.'\n"
    )
    (one,) = bounce.refusals(raw.encode(), "x")
    assert (one.verdict, one.recipient) == ("content", "bob@x.example")
    assert one.rule != "own-server"
