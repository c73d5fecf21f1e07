"""Pasted texts: each refusal once, with its own words and recipient, whatever stands around it."""

import re
import time
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from unlisted.messages import Refusal
from unlisted.notice import bounce, parts, refusal, replies, units
from unlisted.notice.advice import advise
from unlisted.notice.dialects import plain

NAMES = ["Delivery has failed to these recipients or groups:", "Die Mail kam zurück.", ""]
SPAMCOP = "554 5.7.1 Client host [203.0.113.45] blocked using bl.spamcop.net"
UNKNOWN = "550 5.1.1 User unknown"
BANNED = "550 5.7.606 Access denied, banned sending IP [203.0.113.45]"
ZEN = "554 5.7.1 Service unavailable; Client host [203.0.113.45] blocked using zen.spamhaus.org"


LABELS = Path(__file__).parent / "labels"


def told(text: str) -> list[tuple[str, str, str, str]]:
    return [brief(one) for one in bounce.pasted(text, "x")]


def brief(one: Refusal) -> tuple[str, str, str, str]:
    return one.recipient, one.code, one.reason, one.list


THREE = [
    ("", "554", "blocked", "spamcop"),
    ("", "550", "userunknown", ""),
    ("", "550", "blocked", "microsoft-365"),
]


@pytest.mark.parametrize("between", ["\n", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("before", ["The server said: ", "", "- ", '"', "2. ", "mx.example.org said: ", "> "])
def test_each_reply_of_a_text_is_one(before: str, between: str) -> None:
    text = between.join(before + one for one in (SPAMCOP, UNKNOWN, BANNED))
    assert told(text) == THREE
    assert told("Hello,\nhere is what we get:\n\n" + text + "\n\nWhat can we do?\nAnna\n") == THREE


@pytest.mark.parametrize("intro", NAMES)
def test_the_same_with_a_line_of_a_program_above_each(intro: str) -> None:
    assert told("\n\n".join(f"{intro}\n\n{one}" for one in (SPAMCOP, UNKNOWN, BANNED))) == THREE


def test_replies_of_several_lines_stay_apart() -> None:
    text = (
        "550-5.7.26 Your email has been blocked because the sender is unauthenticated.\n"
        "550-5.7.26 SPF [x] with ip: "
        "[203.0.113.45] = did not pass\n550 5.7.26 see the guide\n\n"
        "550-5.7.1 [203.0.113.45] Our system has detected that this message is 550 5.7.1 likely "
        "unsolicited mail.\n"
        "550 203.0.113.45 is blocked by EarthLink. Go to earthlink.net/block for details.\n"
    )
    assert [one.status for one in bounce.pasted(text, "x")][:2] == ["5.7.26", "5.7.1"]
    assert [one.verdict for one in bounce.pasted(text, "x")] == ["our-setup", "content", "our-address"]


def test_a_line_that_announces_the_next_reply_goes_with_it() -> None:
    text = (
        "T-Online says:\n\n554 IP=203.0.113.45 - A problem occurred. (Ask your postmaster for help or to "
        "contact tosa@rx.t-online.de to clarify.)\nGMX says:\n554-gmx.net (mxgmx105) Nemesis ESMTP Service "
        "not available\n554-No SMTP service\n554 IP address is black listed.\n\n"
        "and Yahoo: 421 4.7.0 [TSS04] Messages from 203.0.113.45 temporarily deferred\n"
    )
    assert [one.vendor for one in bounce.pasted(text, "x")] == ["t-online", "united-internet", "yahoo"]


def test_recipients_and_their_words_as_in_a_mail() -> None:
    text = (
        f"bob@a.example: host mx.a.example[192.0.2.1] said: {ZEN} (in reply to RCPT TO command)\n\n"
        f"eve@b.example: host mx.b.example[192.0.2.2] said: {UNKNOWN} (in reply to RCPT TO command)\n"
        "kim@c.example: host mx.c.example[192.0.2.3] said: 452 4.2.2 Mailbox full\n"
    )
    assert told(text) == [
        ("bob@a.example", "554", "blocked", "spamhaus-zen"),
        ("eve@b.example", "550", "userunknown", ""),
        ("kim@c.example", "452", "mailboxfull", ""),
    ]
    assert next(one.remote_mta for one in bounce.pasted(text, "x")) == "mx.a.example [192.0.2.1]"


def _notice(recipient: str, intro: str, details: str, server: str, said: str) -> str:
    return (
        f"{intro}\n\n{recipient} ({recipient})\n\n{details}\n\n{server} EX01.office.example\n\n{recipient}\n"
        f"mx.example.org\nRemote Server returned '{said}'\n\nReceived: from EX01.office.example (10.0.0.1)\n"
        f" by EX01\nFrom: Anna <anna@office.example>\nTo: {recipient}\nSubject: 554 5.7.1 is no reply\n\n"
    )


def test_notices_in_five_languages_behind_one_another() -> None:
    text = (
        _notice(
            "bob@a.example", "Delivery has failed to these recipients:",
            "Diagnostic information for administrators:", "Generating server:",
            f"554 5.7.1 <mx.a.example #5.7.1 smtp; {ZEN}>",
        )
        + _notice(
            "kim@b.example", "Fehler bei der Nachrichtenzustellung an folgende Empfänger:",
            "Diagnoseinformationen für Administratoren:", "Generierender Server:", UNKNOWN,
        )
        + _notice(
            "luc@c.example", "Échec de la remise à ces destinataires :",
            "Informations de diagnostic pour les administrateurs :", "Serveur de génération :", BANNED,
        )
        + _notice(
            "ana@d.example", "No se pudo entregar a estos destinatarios:",
            "Información de diagnóstico para los administradores:", "Servidor de generación:", SPAMCOP,
        )
        + _notice(
            "ken@e.example", "配信できなかった受信者:", "管理者向けの診断情報:", "生成元サーバー:",
            "452 4.2.2 Mailbox full",
        )
    )  # fmt: skip
    assert told(text) == [
        ("bob@a.example", "554", "blocked", "spamhaus-zen"),
        ("kim@b.example", "550", "userunknown", ""),
        ("luc@c.example", "550", "blocked", "microsoft-365"),
        ("ana@d.example", "554", "blocked", "spamcop"),
        ("ken@e.example", "452", "mailboxfull", ""),
    ]


def test_rows_of_a_table_name_their_recipients() -> None:
    text = f"bob@a.example\t{ZEN}\n<eve@b.example>, {UNKNOWN}\nkim@c.example;452 4.2.2 Mailbox full\n"
    assert [one[:2] for one in told(text)] == [
        ("bob@a.example", "554"), ("eve@b.example", "550"), ("kim@c.example", "452"),
    ]  # fmt: skip


def test_a_status_alone_and_its_words_further_down_are_one() -> None:
    text = (
        f"Status code: 550 5.7.606\n\nMore for admins.\n\nReported error: {BANNED}\nDSN generated by: EX01\n"
    )
    assert told(text) == [THREE[2]]
    assert told("Status code: 550 5.7.606\n")[0][1] == "550"


def test_log_lines_are_replies_among_others() -> None:
    text = (
        "550 5.7.10 STARTTLS is required to send mail\n"
        "Nov 19 10:00:00 mail postfix/smtp[99]: 3AB4C5D: to=<b@example.org>, "
        "relay=mx.example.org[198.51.100.7]:25, dsn=5.7.1, status=bounced (host mx.example.org[198.51.100.7] "
        f"said: {SPAMCOP} (in reply to RCPT TO command))\n"
        "2026-11-19 10:00:01 1vLMNo-0001AB-2C ** c@example.org R=dnslookup T=remote_smtp H=mx.example.org "
        f"[198.51.100.7]: SMTP error from remote mail server after RCPT TO:<c@example.org>: {UNKNOWN}\n"
        "Nov 19 10:00:02 mail postfix/smtp[99]: 3AC4C5D: to=<d@example.org>, relay=none, delay=1, dsn=4.4.1, "
        "status=deferred (connect to mx.d.example[192.0.2.9]:25: Connection timed out)\n"
    )
    assert told(text) == [
        ("", "550", "failedstarttls", ""),
        ("b@example.org", "554", "blocked", "spamcop"),
        ("c@example.org", "550", "userunknown", ""),
        ("d@example.org", "", "expired", ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Dear Anna,\nplease see the attached invoice for March, total 554 EUR. Call 550 1234.\n",
        "The total of March is\n554 EUR, and of April\n452 EUR.\n",
        "They said 550 and blocked us.\n",
        "Budget: 450 EUR; margin: 500 EUR.\nwe have room 554 - big enough\n",
        "Version 5.7.1 is out, #5.1.1 is closed.\n",
        "2026-11-24 00:00:00 thing: something 554 happened\n" * 9,
    ],
)
def test_a_number_in_prose_is_no_reply(text: str) -> None:
    assert told(text) == []
    assert not replies.tells(text)


def test_a_queue_tells_why_and_for_whom() -> None:
    text = (
        "3AB4C5D6E*     4096 Thu Nov 19 10:00:00  anna@office.example\n"
        "(host mx.a.example[192.0.2.1] said: 421 4.7.0 [203.0.113.45] Our system has detected an "
        "unusual rate of "
        "unsolicited mail (in reply to MAIL FROM command))\n"
        "                                         bob@a.example\n"
        "                                         kim@a.example\n\n"
        "3AB4C5D6F      2048 Thu Nov 19 10:00:00  anna@office.example\n"
        "(connect to mx.b.example[192.0.2.2]:25: Connection timed out)\n"
        "                                         eve@b.example\n\n-- 6 Kbytes in 2 Requests.\n"
    )
    assert [one[:2] for one in told(text)] == [
        ("bob@a.example", "421"), ("kim@a.example", "421"), ("eve@b.example", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "sendmail[123]: 3APA00aB012345: to=<bob@x.example>,<kim@x.example>, delay=00:00:01, xdelay=00:00:01, "
        f"mailer=esmtp, pri=120000, relay=mx.x.example. [198.51.100.7], dsn=5.7.1, stat=Service: {SPAMCOP}",
        "postfix/smtp[99]: 3AB4C5D: to=<bob@x.example>,<kim@x.example>, relay=mx.x.example[198.51.100.7]:25, "
        f"dsn=5.7.1, status=bounced (host mx.x.example[198.51.100.7] said: {SPAMCOP})",
        "postfix/smtp[99]: 3AB4C5D: to=<bob@x.example>, orig_to=<office@y.example>, to=<kim@x.example>, "
        f"relay=mx.x.example[198.51.100.7]:25, dsn=5.7.1, status=bounced (host mx.x.example said: {SPAMCOP})",
    ],
)
def test_a_log_line_with_two_recipients_tells_of_both(line: str) -> None:
    assert told(f"Nov 25 10:00:00 mx {line}\n") == [
        ("bob@x.example", "554", "blocked", "spamcop"),
        ("kim@x.example", "554", "blocked", "spamcop"),
    ]


def test_a_log_line_that_was_broken_by_copying() -> None:
    text = (
        "Nov 19 10:00:00 mail postfix/smtp[99]: 3AB4C5D: to=<b@example.org>, "
        "relay=mx.example.org[198.51.100.7]:25,"
        " dsn=5.7.1, status=bounced (host mx.example.org[198.51.100.7] said: 554 5.7.1 [203.0.113.45]\n"
        "    blocked using bl.spamcop.net (in reply to RCPT TO command))\n550 5.1.1 User unknown\n"
    )
    assert told(text) == [("b@example.org", "554", "blocked", "spamcop"), THREE[1]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SMTP error 554: Rejected\n", "554"),
        ("Fehler 550: Mailbox unbekannt\n", "550"),
        ("Der Server antwortete mit 550 5.1.1 unbekannt\n", "550"),
        ("The remote server replied: 550 No\n", "550"),
        ("GMX: 554-gmx.net Nemesis ESMTP Service not available, IP address is black listed.\n", "554"),
    ],
)
def test_a_reply_within_a_line(text: str, code: str) -> None:
    assert [one.code for one in bounce.pasted(text, "x")] == [code]


def test_our_own_server_that_turns_a_client_away_says_so() -> None:
    line = (
        "Nov 19 10:00:02 mail postfix/smtpd[98]: NOQUEUE: reject: RCPT from x.example[192.0.2.66]: 554 5.7.1 "
        "Service unavailable; Client host [192.0.2.66] blocked using zen.spamhaus.org; from=<a@b.example>\n"
    )
    (one,) = bounce.pasted(line, "x")
    assert (one.verdict, one.rule, one.list, one.cited_ip) == ("other", "own-server", "", None)
    assert one.quote == "our own server turned x.example[192.0.2.66] away"
    assert [one.rule for one in bounce.pasted(line + UNKNOWN, "x")] != ["own-server"]


def test_a_query_of_our_own_server_that_was_refused_is_ours_to_mend() -> None:
    line = (
        "Nov 19 10:00:00 mx postfix/smtpd[3468]: NOQUEUE: reject: RCPT from x.example[192.0.2.66]: 554 5.7.1 "
        "Service unavailable; Client host [192.0.2.66] blocked using sbl.spamhaus.org; Error: open resolver; "
        "https://www.spamhaus.org/returnc/pub/198.51.100.9; from=<a@example.net> to=<b@example.com>"
    )
    [one] = bounce.pasted(line, "x")
    assert (one.verdict, one.rule, one.cited_ip) == ("our-setup", "own-resolver", None)
    assert "resolver of its own" in advise([one])[0]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (f"Remote Server returned {ZEN}\n", True),
        (f"Hello,\nwe get this:\n\n{ZEN}\n\nAnna\n", True),
        (f"# Manual\n\nA reply may look so:\n\n{ZEN}\n", False),
        (f"Manual\n======\n\nA reply may look so:\n\n{ZEN}\n", False),
        (f"first:\n{ZEN}\n====================\nsecond:\n{BANNED}\n", True),
        (f'[{{"text": "{ZEN}"}}]\n', False),
        (f"def reply():\n    return (\n        '{ZEN}'\n    )\n", False),
        (f"[rule.x]\ntexts = ['{ZEN}']\n", False),
        (f"Nov 19 10:00:02 mail thing[1]: {ZEN}\n", False),
    ],
)
def test_what_lies_in_a_folder_for_its_replies(text: str, meant: bool) -> None:
    assert replies.tells(text) is meant
    if text.startswith("#"):
        assert told(text) == [("", "554", "blocked", "spamhaus-zen")]  # named directly it is read


# ---- against what is labeled ----------------------------------------------------------------------

# Of these the recipient stands in the headers, or in fields that are not copied with the text.
ELSEWHERE = {"gsuite", "mfilter", "sns-bounce", "communigate", "imail", "mfilter-japanese"}


@pytest.mark.parametrize("path", sorted((LABELS / "notices").iterdir()), ids=lambda path: path.stem)
def test_a_notice_copied_out_of_its_mail_says_the_same(path: Path) -> None:
    raw = path.read_bytes()
    text = bounce.notification(parts.split(raw)[1])
    mail, copied = bounce.refusals(raw, "x"), bounce.pasted(text, "x")
    if not copied:  # the reply stands in the report's fields alone, and nobody copies those
        assert not any(one.text[:30] in refusal.fold(text) for one in mail if one.text)
        return
    assert [(one.code, one.verdict, one.list) for one in copied] == [
        (one.code, one.verdict, one.list) for one in mail
    ]
    assert ([brief(one) for one in copied] == [brief(one) for one in mail]) is (path.stem not in ELSEWHERE)


@pytest.mark.parametrize("before", ["", "- ", "> ", "The server said: "])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_two_hundred_replies_in_a_text(before: str, between: str) -> None:
    rows = (LABELS / "refusals.tsv").read_text().splitlines()
    texts = [row.split("\t")[-1] for row in rows if not row.startswith("#")]
    # A line that says that more follows, and is the last, cannot be told from the next one's beginning.
    opened = re.compile(r"[245][0-9]{2}-(?!.* [245][0-9]{2} )")
    texts = [text for text in texts if not opened.match(text)]
    wanted = [brief(one) for text in texts for one in bounce.pasted(text, "x")]
    had = told(between.join(before + text for text in texts))
    right = sum(
        block.size for block in SequenceMatcher(None, wanted, had, autojunk=False).get_matching_blocks()
    )
    assert len(wanted) >= 190
    assert right >= 0.98 * len(wanted)
    assert len(had) <= len(wanted)


FIELDS = "Final-Recipient: rfc822; a{}@x.example\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 no\n\n"
TURNED_AWAY = "postfix/smtpd[9]: NOQUEUE: reject: RCPT from a[192.0.2.{}]: 554 5.7.1 no\n"


@pytest.mark.parametrize("count", [1000, 1003])
@pytest.mark.parametrize(
    "line",
    [
        "550 5.1.{} no\n",
        "550-5.1.{0} no\n550 5.1.{0} no\n\n",
        "<a{}@x.example>: 550 5.1.1 no\n",
        FIELDS,
        TURNED_AWAY,
    ],
)
def test_replies_beyond_the_first_thousand_are_counted(line: str, count: int) -> None:
    found, more = replies.counted(
        "".join(
            line.format(number % 250) if "5.1.{" in line else line.format(number) for number in range(count)
        ),
        "x",
    )
    assert (len(found), more) == (1000, count - 1000)


@pytest.mark.parametrize("beyond", ["a\n" * units.LINES, "a" * replies.LENGTH + "\n"])
@pytest.mark.parametrize("front", ["", f"{ZEN}\n\n"])
def test_replies_behind_what_is_read_of_a_text_are_counted(front: str, beyond: str) -> None:
    behind = (
        f"250 ok\n\n{UNKNOWN}\r\n\n> {BANNED}\n550-5.7.1 no\n550 5.7.1 really\nmx said: 554 no\n550 apples\n"
    )
    found, more = replies.counted(front + beyond + behind, "x")
    assert (len(found), more) == (bool(front), 5)
    found, more = replies.counted(front + beyond, "x")
    assert (len(found), more) == (bool(front), 0)


@pytest.mark.parametrize(
    "unit",
    [
        f"{ZEN}\n", "550-a\n", "said: 550 a ", "a@b.example: 550 x\n", "a@b.example\n\n"
        "", ">>> 550 x\n", "x:\n", f"{'-*' * 60}a@\n", f"{'-*' * 6}{'a' * 128} x@\n",
        "550 5.7.1 zen.spamhaus.org bl.spamcop.net 127.0.0.4\n\n", "550 5.7.1 subject (\"file 'x said:\n",
        "Received: from a\n 550 x\n", "Nov 19 10:00:00 m postfix/smtp[9]: 3AB4C5D: to=<a@b.example>, ",
        "2026-11-24T10:00:00.250Z,I,08DE2B1A4C5D6E70,9,,,<,550 x,\n"
        "", "@400000006742f8a0075bcd15 delivery 1: failure: a/\n",
    ],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_in_seconds(unit: str) -> None:
    started = time.process_time()
    text = unit * (1_000_000 // len(unit))
    bounce.pasted(text, "x")
    replies.tells(text)
    assert time.process_time() - started < 8


def test_a_line_of_many_replies_is_read_to_a_bound_and_the_rest_is_counted() -> None:
    line = "550 5.7.1 x " + "/ 551 5.7.2 y / 552 5.7.3 z " * 500
    found, more = replies.counted(f"{line[:16000]}\n\n" * 4, "x")
    assert len(found) == 1000
    assert more > 2000


@pytest.mark.parametrize("pattern", [plain._ALONE, plain._LEADS, units._ROW], ids=["alone", "leads", "row"])
def test_what_leads_an_address_is_tried_once(pattern: re.Pattern[str]) -> None:
    """The same letters may belong to either: twelve of them made a line twelve times dearer."""

    def seconds(line: str) -> float:
        started = time.process_time()
        for _ in range(2000):
            pattern.match(line)
        return time.process_time() - started

    honest, hostile = f"{'a' * 140} x@", f"{'-*' * 6}{'a' * 128} x@"
    assert min(seconds(hostile) for _ in range(3)) < 4 * min(seconds(honest) for _ in range(3))


@pytest.mark.parametrize(
    ("line", "who"),
    [
        ('"bob@a.example": 550 5.1.1 no', "bob@a.example"),
        ("  - <bob@a.example>: 550 5.1.1 no", "bob@a.example"),
        ("'bob@a.example', 550 5.1.1 no", "bob@a.example"),
        ('"<bob@a.example>" - 550 5.1.1 no', "bob@a.example"),
        ("* bob@a.example    ---    550 5.1.1 no", "bob@a.example"),
        ('"bob jones"@a.example: 550 5.1.1 no', '"bob jones"@a.example'),
    ],
)
def test_what_may_stand_around_a_recipient_is_not_his(line: str, who: str) -> None:
    assert [one.recipient for one in bounce.pasted(line, "x")] == [who]


@pytest.mark.parametrize(
    "marks", ["''", "\u2018\u2019", "\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb", "\u300c\u300d"]
)
def test_a_reply_in_any_quotation_marks_has_its_code(marks: str) -> None:
    text = (
        f"The server returned {marks[0]}550 5.7.606 Access denied, banned sending IP [203.0.113.5]{marks[1]}"
    )
    (one,) = replies.pasted(text, "x")
    assert (one.code, one.status, one.verdict) == ("550", "5.7.606", "our-address")


@pytest.mark.parametrize(
    "line",
    [
        "2024-01-01 00:00:00 1abcDE-000001-2B H=bad [198.51.100.7] F=<a@b.c> rejected after DATA: 550 "
        "blocked using zen.spamhaus.org",
        "2024-01-01 00:00:00 #1(x) <abc>; proxy; rspamd_task_write_log: id: <x>, ip: 198.51.100.7, "
        "(default: T (reject): [15/15] [RBL_SPAMHAUS(2){zen.spamhaus.org}])",
        'Jan  1 00:00:00 mail smtpd[1]: 01234567abcdef smtp failed-command command="RCPT TO:<d@example.com>" '
        'result="550 Your IP 198.51.100.7 is listed at zen.spamhaus.org"',
        "2024-01-01T00:00:00.000Z,MAIL\\Default,08D,12,10.0.0.2:25,198.51.100.7:4321,>,550 5.7.1 Recipient "
        "not authorized; your IP has been found on a block list,",
    ],
)
def test_whom_our_own_server_turned_away_is_not_us_whatever_program_it_is(line: str) -> None:
    (one,) = replies.pasted(line, "x")
    assert (one.verdict, one.rule, one.cited_ip) == ("other", "own-server", None)


def test_whom_postscreen_turned_away_is_named_by_his_address() -> None:
    line = "postfix/postscreen[1]: NOQUEUE: reject: RCPT from [198.51.100.7]:4321: 550 5.7.1 client blocked"
    (one,) = replies.pasted(line, "x")
    assert one.quote == "our own server turned [198.51.100.7] away"


def test_a_reply_whose_lines_a_mail_program_moved_is_one() -> None:
    text = (
        "Ticket #4711\nCustomer: mail does not arrive\n"
        "> Diagnostic-Code: smtp; 550-5.7.1 [192.0.2.1       1] Our system has detected that this\n"
        "> message is 550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent\n"
        "> to Gmail, 550-5.7.1 this message has been blocked.\n"
    )
    (one,) = replies.pasted(text, "t")
    assert (one.code, str(one.cited_ip), one.vendor) == ("550", "192.0.2.1", "google")
    text = (
        "<a@example.org>, remote server said: 550-5.7.1 [192.0.2.1  12] Our system has detected that this "
        "message is\n550-5.7.1_likely_unsolicited mail. To reduce the amount of spam sent to Gmail,\n"
        "550-5.7.1 this message has been blocked. Please visit\n550 5.7.1 more information. - gsmtp\n"
    )
    (one,) = replies.pasted(text, "t")
    assert (one.code, str(one.cited_ip), one.vendor) == ("550", "192.0.2.1", "google")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("550 5.7.1 host mail.example.net [192.0.2.9] black listed #120", "192.0.2.9"),
        ("550 5.7.1 client host 192. 0.2.9 blocked using zen.spamhaus.org", "192.0.2.9"),
        ("Votre adresse IP 192.0.2.9 est listée: 554 5.7.1 blocked using zen.spamhaus.org", "192.0.2.9"),
        ("发信IP 192.0.2.9 在黑名单中; 554 5.7.1 blocked using zen.spamhaus.org", "192.0.2.9"),
        ("host mx.example.org[198.51.100.9] said: 554 5.7.1 blocked using zen.spamhaus.org", "None"),
        ("remote server IP 198.51.100.9 replied: 554 5.7.1 blocked using zen.spamhaus.org", "None"),
    ],
)
def test_our_address_is_found_where_it_stands(text: str, address: str) -> None:
    (one,) = replies.pasted(text, "t")
    assert str(one.cited_ip) == address


@pytest.mark.parametrize("front", ["收件人：", "*"])
def test_a_recipient_has_no_label(front: str) -> None:
    raw = (
        "From: MAILER-DAEMON@example.net\nSubject: Undelivered Mail\nContent-Type: text/plain; "
        f"charset=utf-8\n\n{front}bob@example.org\n\n550 5.1.1 User unknown\n"
    ).encode()
    assert [one.recipient for one in bounce.counted(raw, "t", ())[0]] == ["bob@example.org"]
