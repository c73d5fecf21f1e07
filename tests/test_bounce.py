"""Mails to refusals: reports with their defects, plain bounces, feedback, and mails that are none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.net import ip
from unlisted.notice import bounce, dialects, parts, report

REPORT = """\
From: MAILER-DAEMON@relay.example.net
To: a@example.net
Date: Thu, 19 Nov 2026 10:00:00 +0000
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="XX"

--XX
Content-Type: text/plain

This is the mail system at host relay.example.net.

<b@example.org>: host mx.example.org[198.51.100.7] said: 554 5.7.1 blocked (in reply to RCPT TO command)

--XX
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.net
Arrival-Date: Thu, 19 Nov 2026 09:59:58 +0000

Final-Recipient: rfc822; b@example.org
Action: failed
Status: 5.7.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [203.0.113.5]
    blocked using bl.spamcop.net

Final-Recipient: rfc822; c@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--XX
Content-Type: message/rfc822

From: a@example.net
To: b@example.org
Subject: hello

Final-Recipient: rfc822; not-me@example.org
--XX--
"""


def test_report_gives_each_recipient_in_order() -> None:
    one, two = bounce.refusals(REPORT.encode(), "r.eml")
    assert (one.recipient, one.code, one.status, one.reason) == ("b@example.org", "554", "5.7.1", "blocked")
    assert (one.verdict, one.list, one.cited_ip, one.remote_mta) == (
        "our-address", "spamcop", ip("203.0.113.5"), "mx.example.org",
    )  # fmt: skip
    assert one.source == "r.eml"
    assert one.at == 1795082398.0
    assert (two.recipient, two.reason, two.hard, two.verdict) == (
        "c@example.org",
        "userunknown",
        True,
        "recipient",
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(end: str) -> None:
    assert [r.recipient for r in bounce.refusals(REPORT.replace("\n", end).encode(), "")] == [
        "b@example.org",
        "c@example.org",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('; boundary="XX"', ""),  # boundary not announced
        ("multipart/report; report-type=delivery-status", "multipart/mixed"),
        ("message/delivery-status", "text/plain"),  # the report as text
        ("\n\nFinal-Recipient: rfc822; c@", "\nFinal-Recipient: rfc822; c@"),  # no blank line between blocks
        ("--XX--", ""),  # no end
        ("Arrival-Date: Thu, 19 Nov 2026 09:59:58 +0000\n", ""),
        ("rfc822; ", "RFC822;"),
        ("Action: failed\n", ""),
    ],
)
def test_defects_change_nothing(old: str, new: str) -> None:
    assert old in REPORT
    found = bounce.refusals(REPORT.replace(old, new).encode(), "")
    assert [(r.recipient, r.reason) for r in found] == [
        ("b@example.org", "blocked"),
        ("c@example.org", "userunknown"),
    ]


def test_forwarded_bounce_is_found() -> None:
    outer = """\
From: a@example.net
To: it@example.net
Content-Type: multipart/mixed; boundary="O"

--O
Content-Type: text/plain

look
--O
Content-Type: message/rfc822

"""
    found = bounce.refusals((outer + REPORT + "\n--O--\n").encode(), "")
    assert [r.recipient for r in found] == ["b@example.org", "c@example.org"]


PLAIN = {
    "postfix": """\
I'm sorry to have to inform you that your message could not be delivered

<b@example.org>: host mx.example.org[198.51.100.7] said: 550 5.7.1 Mail from
    [203.0.113.5] is on our blacklist (in reply to RCPT TO command)
""",
    "exim": """\
A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  b@example.org
    host mx.example.org [198.51.100.7]
    SMTP error from remote mail server after RCPT TO:<b@example.org>:
    550 5.7.1 203.0.113.5 is blacklisted

------ This is a copy of the message, including all the headers. ------

Return-path: <a@example.net>
To: z@example.org
""",
    "qmail": """\
Hi. This is the qmail-send program at relay.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<b@example.org>:
198.51.100.7 does not like recipient.
Remote host said: 550 5.7.1 203.0.113.5 is blacklisted
Giving up on 198.51.100.7.

--- Below this line is a copy of the message.

Return-Path: <a@example.net>
""",
    "sendmail": """\
   ----- The following addresses had permanent fatal errors -----
<b@example.org>
    (reason: 550 5.7.1 203.0.113.5 is blacklisted)

   ----- Transcript of session follows -----
... while talking to mx.example.org.:
>>> MAIL From:<a@example.net>
<<< 550 5.7.1 203.0.113.5 is blacklisted
554 5.0.0 Service unavailable
""",
}


@pytest.mark.parametrize("program", sorted(PLAIN))
def test_plain_text_bounce(program: str) -> None:
    head = "From: MAILER-DAEMON@relay.example.net\nSubject: failure notice\n"
    head += "Date: Thu, 19 Nov 2026 10:00:00 +0000\n\n"
    (found,) = bounce.refusals((head + PLAIN[program]).encode(), "p.eml")
    assert (found.recipient, found.code, found.status) == ("b@example.org", "550", "5.7.1")
    assert (found.verdict, found.reason, found.cited_ip) == ("our-address", "blocked", ip("203.0.113.5"))
    assert found.at == 1795082400.0


def test_feedback_report() -> None:
    text = """\
From: fbl@example.org
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B

An abuse report.

--B
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Source-IP: 203.0.113.5
Original-Rcpt-To: b@example.org

--B--
"""
    (found,) = bounce.refusals(text.encode(), "")
    assert (found.reason, found.feedback_type, found.recipient, found.cited_ip) == (
        "feedback", "abuse", "b@example.org", ip("203.0.113.5"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "status", "code", "hard"),
    [
        ("failed", "5.1.1", "550", True),
        ("failed", "4.1.1", "450", True),  # he gave up: the reporter's last word
        ("delayed", "4.1.1", "450", False),
        ("delayed", "5.1.1", "550", False),
        ("", "4.1.1", "450", False),
    ],
)
def test_what_may_still_arrive_did_not_bounce_hard(action: str, status: str, code: str, hard: bool) -> None:
    old = "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1"
    new = f"Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {code} {status}"
    told = bounce.refusals(REPORT.replace(old, new).encode(), "")[1]
    assert (told.recipient, told.reason, told.hard) == ("c@example.org", "userunknown", hard)


def test_a_passing_reply_is_never_hard() -> None:
    said = "host mx.example.org[198.51.100.7] said: {} User unknown (in reply to RCPT TO command)"
    log = "Nov 19 10:00:00 m postfix/smtp[9]: 3AB: to=<b@example.org>, status={} ({})\n"
    for code, state, hard in (("450 4.1.1", "deferred", False), ("550 5.1.1", "bounced", True)):
        (told,) = bounce.pasted(log.format(state, said.format(code)), "")
        assert (told.reason, told.hard) == ("userunknown", hard)
        head = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n"
        (told,) = bounce.refusals(f"{head}<b@example.org>: {said.format(code)}\n".encode(), "")
        assert (told.reason, told.hard) == ("userunknown", hard)


PEOPLE = [f"user{number:05d}@some-domain{number % 50}.example.org" for number in range(20_000)]
SAID = "host mx.example.net[198.51.100.7] said: 550 5.7.1 User\n    unknown (in reply to RCPT TO command)"
FORMS = {
    "postfix": "\nThis is the mail system.\n\n" + "".join(f"<{name}>: {SAID}\n\n" for name in PEOPLE),
    "one-line": "\n" + "".join(f"{name}: 550 5.1.1 no\n" for name in PEOPLE),
    "sendmail": "\n" + "".join(f"<{name}>\n    (reason: 550 5.1.1 User unknown)\n" for name in PEOPLE),
    "labeled": "\n" + "".join(f"Recipient: {name}\nReason: 550 5.1.1 no\n\n" for name in PEOPLE),
    "dma": "\n" + "".join(
        f"There was an error delivering your mail to <{name}>.\n\n550 5.1.1 no\n\n" for name in PEOPLE
    ),
    "fields": "\n" + "".join(
        f"Final-Recipient: rfc822; {name}\nAction: failed\nStatus: 5.1.1\n\n" for name in PEOPLE
    ),
    "header": "X-Failed-Recipients: " + ",\n  ".join(PEOPLE) + "\n\n550 5.1.1 user unknown\n",
    "header-and-lines": "X-Failed-Recipients: " + ",\n  ".join(PEOPLE) + "\n\nIt failed.\n\n"
    + "".join(f"  {name}\n    550 5.1.1 user unknown\n" for name in PEOPLE),
}  # fmt: skip


@pytest.mark.parametrize("form", sorted(FORMS))
def test_whoever_is_not_read_of_twenty_thousand_is_counted(form: str) -> None:
    # Two to five megabytes: a part of the text is read, the rest of it only counted.
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: failure notice\n"
    returned = "\n--- Below this line is a copy of the message.\n\n<z@example.org>: 550 5.1.1 no\n"
    found, more = bounce.counted(f"{head}{FORMS[form]}{returned}".encode(), "x")
    assert [one.recipient for one in found] == PEOPLE[:1000]
    assert more == 19_000


def many(count: int, gap: str, *fields: str) -> bytes:
    block = gap.join(
        ("Original-Recipient: rfc822;a{0}@x.org", "Final-Recipient: rfc822; a{0}@x.org", *fields)
    )
    blocks = "\n\n".join(block.format(number) for number in range(count))
    head = REPORT.partition("Reporting-MTA")[0]
    return f"{head}Reporting-MTA: dns; x\n\n{blocks}\n\n--XX--\n".encode()


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("count", [1000, 1003])
def test_none_of_a_thousand_is_lost_and_who_is_beyond_is_counted(count: int, gap: str) -> None:
    raw = many(
        count, gap, "Action: failed", "Status: 5.1.1", "Remote-MTA: dns; y", "Diagnostic-Code: smtp; 550 no"
    )
    found, more = bounce.counted(raw, "x")
    assert [one.recipient for one in found] == [f"a{number}@x.org" for number in range(1000)]
    assert {(one.code, one.status) for one in found} == {("550", "5.1.1")}
    assert more == count - 1000


def test_a_long_list_in_plain_text_is_whole_and_counted() -> None:
    said = (
        "\n  host mx.example.org[198.51.100.7] said:\n  550 5.1.1 User unknown\n  (in reply\n  to RCPT)\n\n"
    )
    text = "".join(f"<a{number}@example.org>:{said}" for number in range(1001))
    head = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n"
    found, more = bounce.counted(f"{head}{text}".encode(), "x")
    assert ([one.recipient for one in found][999:], more) == (["a999@example.org"], 1)
    assert {one.code for one in found} == {"550"}


ODD = [
    "o'brien@example.org",
    '"jo doe"@example.org',
    "jo@müller.example",
    "jo@例え.jp",
    "jo@почта.рф",
    "a|b@x.org",
]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("quote", ["{}", "<{}>", "'{}'"])
def test_a_recipient_is_named_whole(name: str, quote: str) -> None:
    # RFC 5321 §4.1.2 has apostrophes and quoted names, RFC 6531 §3.3 other letters: brien@ is somebody else.
    report = REPORT.replace("rfc822; c@example.org", f"rfc822; {quote.format(name)}")
    assert bounce.refusals(report.encode(), "")[1].recipient == name
    arf = (
        "From: a@isp.example\nContent-Type: multipart/report; boundary=B\n\n--B\n"
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x\n"
        f"Original-Rcpt-To: {quote.format(name)}\n--B--\n"
    )
    assert [one.recipient for one in bounce.refusals(arf.encode(), "")] == [name]
    head = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n"
    said = "host mx.example.org[198.51.100.7] said: 550 5.1.1 User unknown"
    for line in (f"<{name}>: {said}", f"{name}\n    {said}"):
        assert [one.recipient for one in bounce.refusals(f"{head}{line}\n".encode(), "")] == [name]
    (logged,) = bounce.pasted(
        f"Nov 19 10:00:00 mx postfix/smtp[9]: 3AB: to=<{name}>, status=bounced ({said})\n", ""
    )
    assert logged.recipient == name


def test_only_a_field_of_one_address_is_taken_whole() -> None:
    for field in ("c@example.org (unknown)", "'c@example.org' and more", "c@example.org,", "<c@example.org>"):
        report = REPORT.replace("rfc822; c@example.org", f"rfc822; {field}")
        assert bounce.refusals(report.encode(), "")[1].recipient == "c@example.org"


def test_a_text_without_spaces_goes_on_behind_an_address() -> None:
    assert dialects.address("收件人 user@example.com的邮箱不存在") == "user@example.com"
    assert dialects.address("to='user@example.com' and more") == "user@example.com"
    assert dialects.address("an 'user@example.com'a") == "user@example.com"


@pytest.mark.parametrize("path", ["<>", "<postmaster@c.example>"])
def test_a_servers_reply_in_an_automatic_answer_is_a_refusal(path: str) -> None:
    text = (
        f"Return-Path: {path}\nFrom: postmaster@c.example\nSubject: Undeliverable: hi\n"
        "Auto-Submitted: auto-replied\n\nYour message to bob@c.example was refused: 554 5.7.1 Client host "
        "[203.0.113.5] blocked using zen.spamhaus.org\n"
    )
    (found,) = bounce.refusals(text.encode(), "")
    assert (found.verdict, found.list) == ("our-address", "spamhaus-zen")
    quoted = text.replace("Your message", "I am away.\n\n> Your message")
    (found,) = bounce.refusals(quoted.encode(), "")
    assert found.reason == "vacation"


def test_absence_notice_is_no_refusal() -> None:
    text = "From: b@example.org\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nBack on Monday.\n"
    (found,) = bounce.refusals(text.encode(), "")
    assert (found.reason, found.recipient, found.verdict) == ("vacation", "b@example.org", "other")


@pytest.mark.parametrize("path", ["<>", "<b@example.org>"])
@pytest.mark.parametrize("sender", ["b@example.org", "postmaster@example.org"])
def test_an_absence_notice_about_a_bounce_stays_one(path: str, sender: str) -> None:
    text = (
        f"Return-Path: {path}\nFrom: {sender}\nSubject: Re: Undelivered mail\n"
        "Auto-Submitted: auto-replied\n\nBack on Monday. Urgent mail to help@example.org\n"
    )
    (found,) = bounce.refusals(text.encode(), "")
    assert (found.reason, found.recipient) == ("vacation", sender)


def test_a_bounce_from_an_unknown_sender_needs_words_that_say_so() -> None:
    head = "From: robot@example.org\nSubject: Undeliverable message\n\nYour mail could not be delivered.\n\n"
    (told,) = bounce.refusals(f"{head}<b@example.org>: 554 5.7.1 [203.0.113.5] is listed\n".encode(), "")
    assert (told.recipient, told.code) == ("b@example.org", "554")
    (told,) = bounce.refusals(f"{head}<b@example.org>:\nUser unknown\n".encode(), "")
    assert (told.recipient, told.verdict) == ("b@example.org", "recipient")
    assert bounce.refusals(f"{head}<b@example.org>:\nask Anna, please\n".encode(), "") == []
    sure = head.replace("robot@", "MAILER-DAEMON@")
    (told,) = bounce.refusals(f"{sure}<b@example.org>:\nask Anna, please\n".encode(), "")
    assert told.reason == "onhold"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "From: b@example.org\nTo: a@example.net\nSubject: lunch\n\nDo you come? Call 550 1234.\n",
        "From: Parcels <track@bounces.parcel.example>\nSubject: Your delivery status: delayed\n\n"
        "We changed its dynamic address range. Questions: mail to help@parcel.example\n",
        "From: Parcels <info@parcel.example>\nSubject: Your delivery failed\n\n"
        "It could not be delivered to anna@example.org. We changed its dynamic address range.\n",
        "From: postmaster@example.org\nSubject: Rejected candidates\n\nanna@example.org\nbob@example.org\n",
        "From: postmaster@example.org\nSubject: Delivery report\n\nBeer was delivered to bob@example.org.\n",
        "From: postmaster@example.org\nSubject: newsletter\n\nOur blocklist is listed at example.org.\n",
    ],
)
def test_a_mail_that_is_no_bounce(text: str) -> None:
    assert bounce.refusals(text.encode(), "") == []


def test_pasted_replies() -> None:
    text = (
        "550-5.7.1 [203.0.113.5] very low reputation\n550 5.7.1 of the sending IP\n\n550 5.1.1 User unknown\n"
    )
    one, two = bounce.pasted(text, "note.txt")
    assert (one.verdict, one.cited_ip, one.source) == ("our-address", ip("203.0.113.5"), "note.txt")
    assert two.reason == "userunknown"


def test_log_lines() -> None:
    log = (
        "Nov 19 10:00:00 mail postfix/smtp[99]: 3AB: to=<b@example.org>, "
        "relay=mx.example.org[198.51.100.7]:25, dsn=5.7.1, "
        "status=bounced (host mx.example.org[198.51.100.7] said: 554 5.7.1 "
        "[203.0.113.5] blocked using bl.spamcop.net "
        "(in reply to RCPT TO command))\n"
        "Nov 19 10:00:01 mail postfix/smtp[99]: 3AC: to=<c@example.org>, status=sent (250 2.0.0 Ok)\n"
        "Nov 19 10:00:02 mail postfix/smtpd[98]: NOQUEUE: reject: RCPT from x[192.0.2.66]: 554 5.7.1 "
        "Service unavailable; Client host [192.0.2.66] blocked using zen.spamhaus.org\n"
    )
    (found,) = bounce.pasted(log, "mail.log")
    assert (found.recipient, found.list, found.cited_ip) == ("b@example.org", "spamcop", ip("203.0.113.5"))
    assert found.remote_mta == "mx.example.org [198.51.100.7]"


def test_prose_without_reply_says_nothing() -> None:
    assert bounce.pasted("dear diary,\ntoday nothing bounced\n", "") == []


@given(st.binary(max_size=600))
def test_no_bytes_raise(raw: bytes) -> None:
    bounce.refusals(raw, "x")
    bounce.pasted(raw.decode("utf-8", "replace"), "x")


@given(st.integers(0, len(REPORT)), st.binary(max_size=12))
def test_no_damage_raises(place: int, junk: bytes) -> None:
    bounce.refusals(REPORT.encode()[:place] + junk + REPORT.encode()[place + len(junk) :], "x")


@pytest.mark.parametrize(
    "unit",
    [
        "-", "> ", " ", "\n", "<", "a@", "(reason: ", ">>> ", "status=bounced (", "--b\n", "<style>", "> > ",
        ">>>> A",
        "550 5.1.1 a; ", "-----Original Message-----\nFrom: a\n\n", "<-- 550 x\n", "blocked using a.",
        "1.2.3.4 ",
        "Could not be delivered because of\nThe following recipients were affected:\n",
    ],
)  # fmt: skip
def test_repeated_text_costs_no_more_than_its_length(unit: str) -> None:
    # Half a megabyte that a backtracking pattern would not finish: the suite's timeout is the judge.
    text = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n" + unit * (500_000 // len(unit))
    bounce.refusals(text.encode(), "x")
    bounce.pasted(text, "x")


@pytest.mark.parametrize(
    "unit",
    [
        "Final-Recipient: rfc822; a@b.c\nDiagnostic-Code: smtp; 550 x\n\n",
        "<a@b.c>: 550 x\n",
        "> a@b.c\n",
        "\n",
        "Final-Recipient: rfc822; a@b.c\n\nx:\n\n",
    ],
)
def test_ten_megabytes_take_less_than_a_second_each(unit: str) -> None:
    text = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n" + unit * (10_000_000 // len(unit))
    raw = text.encode()
    started = time.process_time()
    found = bounce.refusals(raw, "x")
    assert time.process_time() - started < 10
    assert len(found) <= bounce.MAX_RECIPIENTS


_NAMES = "X-Failed-Recipients: " + ",".join(f"{number}@b" for number in range(1800)) + "\n\n"
_LINES = "\n" + "".join(f"a{number}@b.c: 550 5.1.1 said {number}\n" for number in range(1000))


@pytest.mark.parametrize("size", [112_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("people", [_NAMES, _LINES])
@pytest.mark.parametrize(
    "unit", ["\n550 5.1.1", ">>> RCPT TO\n<<< 550 5.1.1 x\n", "host x.y [1.2.3.4] said: "]
)
def test_a_thousand_recipients_cost_no_more_than_the_text(size: int, people: str, unit: str) -> None:
    text = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n" + people + unit * (size // len(unit))
    raw = text.encode()
    started = time.process_time()
    found = bounce.refusals(raw, "x")
    assert time.process_time() - started < max(1.0, size / 1e6)
    assert len({one.recipient for one in found}) == len(found) == bounce.MAX_RECIPIENTS


def test_nesting_and_headers_are_bounded() -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(400))
    _, leaves = parts.split(deep.encode() + b"x")
    assert len(leaves) <= parts.MAX_PARTS
    assert bounce.refusals(b"X: y\n" * 100_000 + b"\nbody", "x") == []


@pytest.mark.parametrize("unit", [b" --b ", b"--b -", b"a1b2", b"Final-Recipient: rfc822; a@b.c\n \n"])
@pytest.mark.parametrize("kind", [b'multipart/report; boundary="b"', b"text/plain; charset=punycode"])
def test_parts_cost_no_more_than_their_length(unit: bytes, kind: bytes) -> None:
    # Half a megabyte took between ten seconds and a minute each: the suite's timeout is the judge.
    head = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: " + kind + b"\n\n-"
    bounce.refusals(head + unit * (500_000 // len(unit)), "x")


@pytest.mark.parametrize(
    "charset",
    ["hex", "zlib", "rot13", "punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"],
)
def test_codecs_that_are_no_charsets_are_not_used(charset: str) -> None:
    assert parts.decode(b"550 \\ud800 \\d xn--a", charset) == "550 \\ud800 \\d xn--a"


def test_no_text_holds_half_a_utf_16_pair() -> None:
    assert parts.decode(b"no +2AA-such user", "utf-7") == "no \ufffdsuch user"
    head = (
        "From: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: text/plain; charset=utf-7\n\n"
    )
    (told,) = bounce.refusals(f"{head}<u@y.example>: 550 no +2AA-such user\n".encode(), "x")
    assert told.text.encode()
    body = (
        r'{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a\ud800@y.example"}]}}'
    )
    (told,) = bounce.refusals(f"From: no-reply@amazonses.example\nSubject: x\n\n{body}".encode(), "x")
    assert told.recipient == "a\ufffd@y.example"


def test_a_bounce_passed_on_in_html_alone() -> None:
    raw = (
        b"From: Anna <anna@office.example>\r\nTo: admin@office.example\r\nSubject: Fwd: Undelivered Mail\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<html><body><p>Can you help?</p><blockquote><p>-------- Forwarded Message --------</p>\r\n"
        b"<p>I'm sorry to have to inform you that your message could not be delivered.</p>\r\n"
        b"<p>&lt;bob@partner.example&gt;: host mx.partner.example[198.51.100.7] said: 554 5.7.1 Client\r\n"
        b"host [203.0.113.5] blocked using zen.spamhaus.org (in reply to RCPT TO command)</p></blockquote>"
    )
    (told,) = bounce.refusals(raw, "x")
    assert (told.recipient, told.verdict, told.list) == ("bob@partner.example", "our-address", "spamhaus-zen")
    assert str(told.cited_ip) == "203.0.113.5"


_HEAD = b"From: MAILER-DAEMON@x.example\nReturn-Path: <>\nSubject: Undelivered Mail\n"


@pytest.mark.parametrize(
    "raw",
    [
        _HEAD + b"\nplease tell user" + b" " * 100_000 + b"% x @ y\n",
        _HEAD + b"\n" + (b"user" + b" " * 10_000 + b"% \n") * 30 + b" x @ y\n",
        _HEAD + b"\n" + (b"rcpt to" + b" " * 300 + b":" + b" " * 300 + b"rfc822;\n") * 400 + b" x @ y\n",
        _HEAD + b"X-Failed-Recipients: " + b"a" * 120_000 + b"\n\nnot delivered\n",
        _HEAD + b"X-Failed-Recipients: " + b"a'" * 60_000 + b"@\n\nnot delivered\n",
    ],
    ids=["run", "runs", "fields", "letters", "apostrophes"],
)
def test_long_runs_end(raw: bytes) -> None:
    """Each took seconds to minutes when a pattern could begin, or share its blanks, anywhere in them."""
    assert len(bounce.refusals(raw, "")) <= 1


@pytest.mark.parametrize("depth", [300, 900, 3000, 100_000])
def test_json_without_end_is_no_error(depth: int) -> None:
    nested = '{"xarf_version": "4", "a": ' + "[" * depth + "]" * depth + ', "b": '
    raw = b"From: a@b.example\nContent-Type: application/json\n\n" + nested.encode()
    assert all(one.cited_ip is None for one in bounce.refusals(raw, ""))
    notification = '{"notificationType":"Bounce","a": ' + "[" * depth + "]" * depth + ', "b": 1}'
    assert report.as_mail(notification.encode()).startswith(b"From: ")


@pytest.mark.parametrize(
    "head",
    [
        "From: postmaster@mx.example\nSubject: 送信エラー\n",
        "From: Почта <mailer-daemon@mx.example>\nSubject: не доставлено\n",
        "From: postmaster@mx.example\nSubject: x\nX-Failed-Recipients: jö@müller.example\n",
    ],
)
def test_a_head_in_raw_utf_8_is_read(head: str) -> None:
    body = "Content-Type: text/plain; charset=utf-8\n\njö@müller.example: 550 5.1.1 user unknown\n"
    (told,) = bounce.refusals((head + body).encode(), "x")
    assert (told.recipient, told.reason) == ("jö@müller.example", "userunknown")


def test_a_header_in_raw_utf_8_names_whom_no_line_names() -> None:
    head = "From: mailer-daemon@mx.example\nSubject: x\nX-Failed-Recipients: jö@müller.example\n\n"
    (told,) = bounce.refusals(f"{head}550 5.1.1 user unknown\n".encode(), "x")
    assert told.recipient == "jö@müller.example"
