"""Transcripts of several recipients: each is told his own reply, and who gave it."""

import time

import pytest

from unlisted.notice import bounce, session

HEAD = "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nSubject: Returned mail: see transcript\n\n"
LISTED = (
    "   ----- The following addresses had permanent fatal errors -----\n<a@x.example>\n<b@y.example>\n\n"
    "   ----- Transcript of session follows -----\n"
)
ZEN = "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org"
GONE = "550 5.1.1 User unknown"
A = ("a@x.example", "mx.x.example", "550", "recipient", "")
B = ("b@y.example", "mx.y.example", "554", "our-address", "spamhaus-zen")


def told(body: str) -> list[tuple[str, str, str, str, str]]:
    found = bounce.refusals((HEAD + body).encode(), "x")
    return [(one.recipient, one.remote_mta, one.code, one.verdict, one.list) for one in found]


def asked(host: str, command: str, reply: str, words: str = "") -> str:
    return f"... while talking to {host}.:\n>>> {command}\n<<< {reply}\n{words}"


RCPT_A = asked("mx.x.example", "RCPT To:<a@x.example>", GONE, "550 5.1.1 <a@x.example>... User unknown\n")
RCPT_B = asked("mx.y.example", "RCPT To:<b@y.example>", ZEN, "554 5.0.0 Service unavailable\n")


@pytest.mark.parametrize(
    "transcript",
    [
        RCPT_A + RCPT_B,
        RCPT_B + RCPT_A,
        RCPT_A + asked("mx.y.example", "MAIL From:<me@example.com>", ZEN, "554 5.0.0 Service unavailable\n"),
        asked("mx.y.example", "MAIL From:<me@example.com>", ZEN) + RCPT_A,
        RCPT_A + asked("mx.y.example", "RCPT To:<other@alias.example>", ZEN),
        # Commands sent at once: every reply stands below DATA.
        asked("mx.x.example", "DATA", f"{GONE} <a@x.example>", "<<< 503 5.5.1 Need RCPT\n") + RCPT_B,
        asked("mx.x.example", "DATA", GONE, "550 5.1.1 <a@x.example>... User unknown\n") + RCPT_B,
    ],
)
def test_each_recipient_has_the_reply_to_his_own_command(transcript: str) -> None:
    assert told(LISTED + transcript) == [A, B]


def test_replies_to_commands_sent_at_once_are_told_apart() -> None:
    both = "<<< 550 5.1.1 <a@x.example> unknown user\n<<< 550 5.2.2 <b@y.example> mailbox full\n"
    found = bounce.refusals(
        f"{HEAD}{LISTED}... while talking to mx.example.:\n>>> DATA\n{both}".encode(), "x"
    )
    assert [(one.recipient, one.status, one.reason) for one in found] == [
        ("a@x.example", "5.1.1", "userunknown"),
        ("b@y.example", "5.2.2", "mailboxfull"),
    ]


def test_one_reply_to_the_whole_mail_is_told_to_all() -> None:
    words = "554 5.0.0 <a@x.example>... Service unavailable\n554 5.0.0 <b@y.example>... Service unavailable\n"
    found = told(LISTED + asked("mx.example", "DATA", ZEN, words))
    assert [one[2:] for one in found] == [("554", "our-address", "spamhaus-zen")] * 2


def test_nobody_is_accused_by_the_reply_to_another() -> None:
    found = told(LISTED + asked("mx.x.example", "RCPT To:<a@x.example>", ZEN))
    assert [(one[0], one[3]) for one in found] == [
        ("a@x.example", "our-address"),
        ("b@y.example", "undecided"),
    ]


def test_a_report_without_diagnostic_code_is_told_by_the_transcript() -> None:
    block = "Final-Recipient: RFC822; {}\nAction: failed\nStatus: 5.0.0\n\n"
    raw = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nSubject: Returned mail\n"
        f"Content-Type: multipart/report; boundary=B\n\n--B\nContent-Type: text/plain\n\n"
        f"{LISTED}{RCPT_B}{RCPT_A}\n--B\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; relay.example\n\n"
        f"{block.format('a@x.example')}{block.format('b@y.example')}--B--\n"
    )
    found = bounce.refusals(raw.encode(), "x")
    assert [(one.recipient, one.code, one.list) for one in found] == [
        ("a@x.example", "550", ""),
        ("b@y.example", "554", "spamhaus-zen"),
    ]


def test_who_reports_is_not_who_refused() -> None:
    body = (
        "This is the mail system at host smtp.pphosted.com.\n\n"
        "<a@x.example>: connect to mx.x.example[198.51.100.9]:25: Connection timed out\n\n"
        "<b@y.example>: host mx.y.example[198.51.100.7] said: 550 5.1.1 user unknown\n\n"
        "<c@z.example>: Host or domain name not found. Name service error for name=z.example type=A\n"
    )
    found = bounce.refusals((HEAD + body).encode(), "x")
    assert [(one.remote_mta, one.vendor) for one in found] == [
        ("mx.x.example [198.51.100.9]", ""),
        ("mx.y.example [198.51.100.7]", ""),
        ("", ""),
    ]
    (alone,) = bounce.refusals((HEAD + body.partition("<b@")[0]).encode(), "x")
    assert (alone.remote_mta, alone.vendor) == ("mx.x.example [198.51.100.9]", "")


@pytest.mark.parametrize(
    "unit",
    [
        "<<< 550 x\n",
        ">>> RCPT TO:<a@x.example>\n<<< 550 x\n",
        "550 5.0.0 x\n",
        "550 5.1.1 <b@y.example>... x\n",
        "... while talking to x.example.:\n<<< 550 y\n",
        ">>> DATA\n<<< 550 x\n554 <a@x.example>... x\n",
        "<" * 500,
    ],
)
def test_a_transcript_without_end_is_read_in_its_length(unit: str) -> None:
    people = ["a@x.example", "b@y.example", *(f"u{number}@x.example" for number in range(998))]
    text = "<<<\n" + unit * (400_000 // len(unit))
    started = time.process_time()
    his, rest = session.apart(text, people)
    assert time.process_time() - started < 2
    assert all(len(said) <= session.ANYBODYS * session.LONG * 600 for said in his.values())
    assert len(rest) <= len(text)


def test_who_has_no_words_of_his_own_is_not_given_those_of_another_s_server() -> None:
    text = (
        "... while talking to mx.one.example.:\n>>> DATA\n"
        "<<< 554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org\n"
        "... while talking to mx.two.example.:\n>>> RCPT To:<b@two.example>\n"
        "<<< 550 5.1.1 <b@two.example>... User unknown\n"
    )
    his, _ = session.apart(text, ["a@one.example", "b@two.example", "c@three.example"])
    assert "zen.spamhaus.org" in his["a@one.example"]
    assert his["c@three.example"] == ""
