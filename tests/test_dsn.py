"""The fields of RFC 3464 with the defects in which they are met: each recipient keeps his own."""

import pytest

from unlisted.net import ip
from unlisted.notice import bounce, dsn, parts

ZEN = "Client host [203.0.113.5] blocked using zen.spamhaus.org"
NEXT = "Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n"


def told(fields: str, kind: str = "message/delivery-status") -> list[tuple[str, str, str, str]]:
    raw = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: Undelivered Mail\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        f"Content-Type: text/plain\n\nsorry\n\n--b\nContent-Type: {kind}\n\n"
        f"Reporting-MTA: dns; mx.example.org\n\n{fields}\n--b--\n"
    )
    found = bounce.refusals(raw.encode(), "x")
    return [(one.recipient, one.code, one.status, one.list) for one in found]


A = ("a@x.example", "554", "5.7.1", "spamhaus-zen")
B = ("b@x.example", "550", "5.1.1", "")


@pytest.mark.parametrize("prefix", ["", "   ", "> "])
@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize(
    "reply",
    [
        f"554-5.7.1 Service unavailable;\n554 5.7.1 {ZEN}",  # not folded at all
        f"554-5.7.1 See\nhttps://x.example/ or\n554 5.7.1 {ZEN}",
        f"554 5.7.1 Refused;\n Status: {ZEN}",  # a folded line that begins as a field does
        f"554 5.7.1 Refused.\n Remote-Client: {ZEN}",
        f"554 5.7.1 Refused.\n\tDiagnostic-Code: smtp; {ZEN}",
        f"x\nDiagnostic-Code: smtp; 554 5.7.1 {ZEN}",  # two, and the first says nothing
    ],
)
def test_the_whole_reply_and_the_next_recipient(reply: str, gap: str, prefix: str) -> None:
    first = (
        f"Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; {reply}"
    )
    text = "\n".join(
        f"{prefix}{line}" if line.strip() else line for line in f"{first}\n{gap}{NEXT}".split("\n")
    )
    assert told(text) == [A, B]


@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize("reply", [f"\n\n 554 5.7.1 {ZEN}", f"554-5.7.1 Refused\n \n 554 5.7.1 {ZEN}"])
def test_a_blank_line_within_a_reply(reply: str, gap: str) -> None:
    first = "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.7.1\n"
    assert told(f"{first}Diagnostic-Code: smtp; {reply}\n{gap}{NEXT}") == [A, B]


def test_an_action_with_more_behind_it_is_one() -> None:
    block = "Final-Recipient: rfc822; a@x.example\nAction: {}\nStatus: 5.0.0\n"
    for action in ("delayed; will retry", "Delayed (4 h)", "DELAYED"):
        found, _ = dsn.failures([], block.format(action))
        assert [one.action for one in found] == ["delayed"]


@pytest.mark.parametrize(
    "address",
    [
        r"utf-8;us\x{E9}r@ex\x{E4}mple.example",
        "utf-8; usér@exämple.example",
        r"UTF-8; us\x{e9}r@exämple.example",
    ],
)
def test_an_internationalized_report(address: str) -> None:
    # RFC 6533 §3: the type utf-8, escaped where the report had to be ASCII.
    fields = (
        f"Final-Recipient: {address}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n"
    )
    assert told(fields, "message/global-delivery-status") == [("usér@exämple.example", "550", "5.1.1", "")]


def test_an_escape_that_is_no_letter_is_no_error() -> None:
    for escape in (r"\x{FFFFFF}", r"\x{D800}", r"\x{0}", r"\x{", r"\x{110000}"):
        ((name, *_),) = told(f"Final-Recipient: utf-8;a{escape}@x.example\nAction: failed\nStatus: 5.1.1\n")
        assert name.encode()


def test_headers_that_an_internationalized_report_returns_are_not_its_words() -> None:
    raw = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Undelivered Mail\n"
        "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        "<a@x.example>: 550 5.1.1 user unknown\n\n--b\nContent-Type: message/global-headers\n\n"
        "To: c@x.example\nSubject: z\n\n--b--\n"
    )
    _, leaves = parts.split(raw.encode())
    assert bounce.notification(leaves).strip() == "<a@x.example>: 550 5.1.1 user unknown"


@pytest.mark.parametrize(
    ("field", "host"),
    [
        ("dns; mx.example.org. (198.51.100.7, the server for x)", "mx.example.org [198.51.100.7]"),
        ("dns; mx.example.org. (2001:db8::25, the server for x)", "mx.example.org [2001:db8::25]"),
        ("dns; mx.example.org ([IPv6:2001:db8::25])", "mx.example.org [2001:db8::25]"),
        ("dns; mx.example.org [198.51.100.7]", "mx.example.org [198.51.100.7]"),
        ("dns; 198.51.100.7 (198.51.100.7)", "198.51.100.7"),
        ("dns; mx.example.org (TCP|198.51.100.9|25|198.51.100.7|25)", "mx.example.org"),
        ("dns; mx.example.org (version 1.2.3.4.5)", "mx.example.org"),
        ("mx.example.org.", "mx.example.org"),
        ("dns;", ""),
    ],
)  # fmt: skip
def test_who_refused_is_known_with_his_address(field: str, host: str) -> None:
    block = f"Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: {field}\n"
    ((found,), _) = dsn.failures([], block)
    assert found.remote_mta == host


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::25"])
def test_the_receivers_own_address_is_not_taken_for_ours(address: str) -> None:
    raw = (
        "Return-Path: <>\nFrom: mailer-daemon@relay.example\nSubject: Delivery failed\n"
        "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.7.1\n"
        f"Remote-MTA: dns; mx.example.org. ({address}, the server for the domain example.org.)\n"
        f"Diagnostic-Code: smtp; 550 5.7.1 {address} Your IP has poor reputation\n\n--b--\n"
    )
    (told,) = bounce.refusals(raw.encode(), "x", (ip("203.0.113.5"),))  # type: ignore[arg-type]
    assert (told.verdict, told.cited_ip) == ("our-address", None)
