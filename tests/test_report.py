"""Abuse reports: every documented shape read right, how precise each is, and that none of it can hurt."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from unlisted import cli
from unlisted.cli import explain
from unlisted.edge import mail
from unlisted.messages import Report
from unlisted.net import ip
from unlisted.notice import bounce, parts, report, reports

SAMPLES = Path(__file__).parent / "samples" / "reports"
ME = "203.0.113.5"

# sample: format, feedback type, address, port, when (UTC), precision, recipients
TOLD = {
    "arf-source-port.eml": (
        "arf",
        "abuse",
        ME,
        41234,
        "2025-03-08T18:00:00",
        "connection",
        "user@example.com user2@example.com",
    ),
    "arf-auth-failure.eml": (
        "arf",
        "auth-failure",
        "2001:db8::25",
        0,
        "2025-10-08T20:15:58",
        "moment",
        "b@consumer.example",
    ),
    "arf-yahoo.eml": ("arf", "abuse", ME, 0, "2026-10-12T09:58:00", "moment", "a2V5@mail.example"),
    "arf-spamcop.eml": ("arf", "abuse", ME, 0, "2026-10-12T17:58:31", "moment", ""),
    "arf-flattened.eml": ("arf", "fraud", ME, 0, "2026-10-12T09:58:00", "moment", "b@example.org"),
    "jmrp-arf.eml": ("arf", "abuse", ME, 0, "2026-07-20T09:14:02", "moment", "subscriber@hotmail.example"),
    "jmrp-stripped.eml": ("jmrp", "abuse", ME, 0, "2026-07-20T09:14:02", "moment", "reader@outlook.example"),
    "jmrp-sparse.eml": ("arf", "abuse", ME, 0, "2026-07-20T09:14:02", "moment", ""),
    "apple-unsubscribe.eml": (
        "apple",
        "opt-out",
        "",
        0,
        "2026-10-12T10:00:00",
        "nothing",
        "a@icloud.example",
    ),
    "jmrp-as-is.eml": ("jmrp", "abuse", ME, 0, "2026-07-20T09:14:02", "moment", "reader@hotmail.example"),
    "ses-sns.json": (
        "ses",
        "abuse",
        ME,
        0,
        "2026-10-12T09:58:00",
        "moment",
        "richard@example.com jane@example.com",
    ),
    "ses-event.json": ("ses", "other", "", 0, "2026-10-12T09:57:58", "nothing", "richard@example.com"),
    "ses-mail.eml": (
        "ses",
        "abuse",
        ME,
        0,
        "2026-10-12T09:58:00",
        "moment",
        "richard@example.com jane@example.com",
    ),
    "spamcop-report.eml": ("spamcop", "abuse", ME, 0, "2026-10-12T17:58:31", "moment", ""),
    "spamcop-old.eml": ("spamcop", "abuse", ME, 0, "2003-06-19T21:34:13", "moment", ""),
    "spamcop-site.eml": ("spamcop", "abuse", "203.0.113.80", 0, "2026-10-12T17:59:02", "moment", ""),
    "xarf-3-mail.eml": (
        "xarf-3",
        "abuse",
        ME,
        54321,
        "2026-02-05T14:17:10",
        "connection",
        "victim@example.com",
    ),
    "xarf-4-mail.eml": ("xarf-4", "other", "2001:db8::7", 50123, "2026-10-12T09:58:00.250", "connection", ""),
    "x-arf-plain.eml": ("x-arf", "other", ME, 0, "2014-02-03T01:13:35", "moment", ""),
}


def raw_of(name: str) -> bytes:
    raw = (SAMPLES / name).read_bytes()
    return report.as_mail(raw) if report.is_document(raw) else raw


def read(raw: bytes) -> list[Report]:
    return reports.counted(*parts.split(raw))[0]


def unix(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


@pytest.mark.parametrize("name", TOLD)
def test_sample(name: str) -> None:
    form, kind, address, port, when, precision, people = TOLD[name]
    recipients = tuple(people.split(" "))
    (found,) = read(raw_of(name))
    assert (found.format, found.type, found.recipients) == (form, kind, recipients)
    assert (str(found.source or ""), found.source_port, found.at) == (address, port, unix(when))
    assert found.precision == precision
    lines = bounce.refusals(raw_of(name), name)
    assert [(one.recipient, one.reason, one.feedback_type, one.cited_ip) for one in lines] == [
        (recipient, "feedback", kind, ip(address)) for recipient in recipients
    ]


def test_every_sample_is_asserted_and_says_where_it_is_from() -> None:
    source = (SAMPLES / "SOURCE").read_text()
    names = {path.name for path in SAMPLES.iterdir()} - {"SOURCE"}
    assert names == {*TOLD, "spamcop-summary.eml", "spamcop-alert.eml"}
    assert source.startswith("SOURCE: synthetic")
    assert all(f"{name}: " in source for name in names)


def test_a_summary_tells_periods_of_addresses() -> None:
    one, two = read(raw_of("spamcop-summary.eml"))  # written on 5 January: December is of last year
    assert (str(one.source), one.at, one.until) == (
        ME,
        unix("2026-12-30T18:00:00"),
        unix("2027-01-04T18:00:00"),
    )
    assert (str(two.source), two.at) == ("203.0.113.77", unix("2027-01-05T03:00:00"))
    assert (one.incidents, two.incidents) == (53, 1)
    assert [one.precision, two.precision] == ["period", "period"]
    assert len(bounce.refusals(raw_of("spamcop-summary.eml"), "")) == 2


def test_an_alert_tells_addresses_and_no_time() -> None:
    one, two = read(raw_of("spamcop-alert.eml"))
    assert (str(one.source), str(two.source)) == (ME, "203.0.113.77")
    assert (one.precision, one.accuracy, one.at) == ("address", None, unix("2026-10-12T08:00:00"))


def test_what_else_the_samples_tell() -> None:
    (arf,) = read(raw_of("arf-source-port.eml"))
    assert (arf.incidents, arf.sender, arf.reporter) == (
        3,
        "somespammer@example.net",
        "abusedesk@example.com",
    )
    (yahoo,) = read(raw_of("arf-yahoo.eml"))
    assert yahoo.source_from == "received"
    assert yahoo.message_id == "<offer-1@example.net>"
    (site,) = read(raw_of("spamcop-site.eml"))
    assert (site.source_name, site.id) == ("http://www.example.net/buy", "555")
    (plain,) = read(raw_of("x-arf-plain.eml"))
    assert (plain.category, plain.dport, plain.id) == ("connection/login_attack", 22, "1234567")
    (line,) = bounce.refusals(raw_of("spamcop-report.eml"), "")
    assert line.url == "https://www.spamcop.net/w3m?i=z7654321zabcdefz"


# ---- precision ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "accuracy", "category", "precision"),
    [
        (41234, 1.0, "messaging/spam", "connection"),
        (41234, 30.0, "messaging/spam", "moment"),
        (41234, 3600.0, "messaging/spam", "period"),
        (41234, None, "messaging/spam", "address"),
        (0, 1.0, "messaging/spam", "moment"),
        (25, 1.0, "messaging/spam", "moment"),  # the server's port, written in the wrong field
        (8080, 1.0, "vulnerability/open_service", "moment"),  # what stands open, not what went out
    ],
)
def test_only_a_port_and_a_second_mean_one_subscriber(
    port: int, accuracy: float | None, category: str, precision: str
) -> None:
    made = Report("x", "abuse", category, source=ip(ME), source_port=port, at=1.0, accuracy=accuracy)
    assert made.precision == precision
    assert ("one connection" in report.MEANS[precision]) == (precision == "connection")


# ---- JSON files -----------------------------------------------------------------------------------


def test_a_report_too_long_to_be_read_whole_still_tells_its_source(tmp_path: Path) -> None:
    document = {
        "xarf_version": "4.2.0",
        "source_identifier": ME,
        "source_port": 41234,
        "timestamp": "2026-10-12T09:58:00Z",
        "evidence": [{"payload": "A" * (mail.LIMIT + 9)}],
    }
    (tmp_path / "big.json").write_text(json.dumps(document))
    (message,) = mail.messages(str(tmp_path))
    assert isinstance(message, mail.Message)
    assert message.cut > 0
    (line,) = bounce.refusals(message.raw, "big.json")
    assert (line.cited_ip, line.report and line.report.source_port) == (ip(ME), 41234)


def test_many_notices_in_one_file() -> None:
    one = (SAMPLES / "ses-event.json").read_bytes()
    assert len(read(report.as_mail(one * 3))) == 3
    assert len(read(report.as_mail(b"[" + one + b"," + one + b"]"))) == 2


def test_a_bounce_in_json_is_a_bounce() -> None:
    note = {
        "eventType": "Bounce",
        "bounce": {
            "bouncedRecipients": [{"emailAddress": "b@example.org", "diagnosticCode": "smtp; 550 5.1.1 x"}]
        },
        "mail": {},
    }
    raw = json.dumps(note).encode()
    assert report.is_document(raw)
    (line,) = bounce.refusals(report.as_mail(raw), "")
    assert (line.recipient, line.code, line.report) == ("b@example.org", "550", None)


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": 1}', b'{"eventType": "login"}', b"550 no", b"[1, 2]"])
def test_other_files_are_no_reports(raw: bytes) -> None:
    assert not report.is_document(raw)


def test_a_bounce_that_returns_a_report_is_a_bounce() -> None:
    returned = raw_of("spamcop-report.eml").decode()
    text = (
        "From: MAILER-DAEMON@example.net\nSubject: failed\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="d"\n\n--d\n\n'
        + returned
        + "\n--d\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        "Final-Recipient: rfc822; b@example.org\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown\n--d--\n"
    )
    assert read(text.encode()) == []
    assert [line.recipient for line in bounce.refusals(text.encode(), "")] == ["b@example.org"]


def test_a_report_that_somebody_forwards_is_found() -> None:
    outer = 'From: a@example.net\nContent-Type: multipart/mixed; boundary="O"\n\n--O\n\nlook\n--O\n'
    raw = outer + "Content-Type: message/rfc822\n\n" + raw_of("arf-source-port.eml").decode() + "\n--O--\n"
    assert [line.recipient for line in bounce.refusals(raw.encode(), "")] == [
        "user@example.com",
        "user2@example.com",
    ]


def test_xarf_in_the_text_of_a_mail() -> None:
    text = 'From: a@example.net\nSubject: x\n\nPlease see:\n\n{"xarf_version": "4.2.0", "class": "messaging",'
    (found,) = read(f'{text} "type": "spam", "source_identifier": "{ME}", "source_port": "41234"}}'.encode())
    assert (found.category, found.source, found.source_port) == ("messaging/spam", ip(ME), 41234)


def test_the_lines_of_one_mail_are_bounded() -> None:
    one = (SAMPLES / "ses-sns.json").read_bytes()
    assert len(bounce.refusals(report.as_mail(one * 1000), "")) <= reports.MOST
    people = b"".join(b"Original-Rcpt-To: a%d@example.org\n" % number for number in range(3000))
    raw = raw_of("arf-source-port.eml").replace(b"Original-Rcpt-To: <user@example.com>\n", people)
    assert 900 < len(bounce.refusals(raw, "")) <= reports.MOST  # header lines are bounded too


# ---- the verb -------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["explain", *words])
    return code, capsys.readouterr().out


def test_json_keeps_the_promised_fields_first(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--json", str(SAMPLES / "arf-source-port.eml"))
    one, two = map(json.loads, out.splitlines())
    assert code == 1  # nobody says whose the address is: taken as ours, as a bounce's
    assert list(one)[: len(explain.PROMISED)] == explain.PROMISED
    assert (one["recipient"], two["recipient"]) == ("user@example.com", "user2@example.com")
    assert (one["source_port"], one["at"], one["accuracy"]) == (41234, unix("2025-03-08T18:00:00"), 1.0)
    assert (one["precision"], one["format"], one["cited_ip"]) == ("connection", "arf", ME)


def test_people_are_told_how_precise_it_is_and_what_to_look_up(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--own", ME, str(SAMPLES / "arf-source-port.eml"))
    out = " ".join(out.split())
    assert code == 1  # it is about us
    assert (
        "abuse report (ARF) by abusedesk@example.com: abuse from 203.0.113.5 (ours), source port 41234" in out
    )
    assert "at 2025-03-08 18:00:00Z, to the second, 3 incidents" in out
    assert out.endswith("who had 203.0.113.5 port 41234 at 2025-03-08 18:00:00Z")
    code, out = run(capsys, "--own", "192.0.2.1", str(SAMPLES / "spamcop-report.eml"))
    out = " ".join(out.split())
    assert code == 0
    assert "(not ours), no source port" in out
    assert "a set of candidates, not one (RFC 6302)" in out
    assert "<w@example.net> in the mail server's log" in out.rpartition("next: ")[2]


def test_a_folder_of_reports(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--json", str(SAMPLES))
    assert code == 1  # nobody says whose the address is: taken as ours, as a bounce's
    assert len(out.splitlines()) == sum(len(told[-1].split(" ")) for told in TOLD.values()) + 4
    assert {json.loads(line)["reason"] for line in out.splitlines()} == {"feedback"}


def test_hostile_words_reach_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = raw_of("xarf-3-mail.eml").replace(b"noreply@example.com", b"\x1b]0;x@example.com")
    (tmp_path / "a.eml").write_bytes(raw.replace(b"Subject: XARF", b"Subject: \x1b[2J"))
    document = {
        "xarf_version": "4.2.0",
        "source_identifier": "\x1b[2J\u202e",
        "reporter": {"org": "\x1b[31m\n\nnext: rm"},
    }
    (tmp_path / "b.json").write_text(json.dumps(document))
    _, out = run(capsys, str(tmp_path))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\nnext: rm" not in out


# ---- the corpora ----------------------------------------------------------------------------------


@pytest.mark.corpus
def test_the_corpus_of_xarf_samples_is_read_as_its_own_json_says(corpora: Path) -> None:
    files = sorted((corpora / "reports" / "xarf" / "samples").glob("v*/*.json"))
    assert len(files) >= 36
    for file in files:
        document = json.loads(file.read_text())
        (found,) = read(report.as_mail(file.read_bytes()))
        if "xarf_version" in document:
            named, port = document["source_identifier"], document.get("source_port", 0)
            when, kind = document["timestamp"], f"{document['category']}/{document['type']}"
        else:
            body = document["Report"]
            named = body["Source"].get("IP") or body["Source"]["URL"]
            port, when, kind = body["Source"].get("Port", 0), body["Date"], body["ReportType"].lower()
        assert found.source == ip(named), file.name
        assert (str(found.source) if found.source else found.source_name) == named, file.name
        assert found.source_port == port, file.name
        assert (found.at, found.accuracy) == (unix(when.removesuffix("Z")), 1.0), file.name
        assert found.category.endswith(kind), file.name
        assert found.type in ("abuse", "fraud", "virus", "other"), file.name


@pytest.mark.corpus
def test_the_arf_rows_of_the_corpus(corpora: Path) -> None:
    rows: dict[str, list[str]] = {}
    for text in (corpora / "bounces" / "expected.jsonl").read_text().splitlines():
        row = json.loads(text)
        if row["reason"] == "feedback":
            rows.setdefault(row["file"], []).append(row["feedback_type"])
    assert rows
    for name, kinds in rows.items():
        told = bounce.refusals((corpora / "bounces" / name).read_bytes(), name)
        assert [line.feedback_type for line in told] == kinds, name
        assert all(line.reason == "feedback" and line.report for line in told), name


_XARF = (
    '{"xarf_version":"4.2.0","report_id":"1","timestamp":"2026-11-25T00:00:00Z","category":"messaging",'
    '"type":"spam","source_identifier":"203.0.113.5","reporter":{"org":"us","contact":"a@b.example"}}\n'
)
_FEEDBACK = "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nSource-IP: 203.0.113.5\n"
_SPAMCOP = (
    "[ SpamCop V5.1 ]\nThis message is brief for your comfort.\n\nEmail from 203.0.113.5 / Wed, 25 Nov 2026\n"
)
_ARF_MAIL = (
    "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=abc\n\n--abc\n"
    "Content-Type: text/plain\n\nAbuse.\n\n--abc\n"
    f"Content-Type: message/feedback-report\n\n{_FEEDBACK}\n--abc--\n"
)
_QMAIL = (
    "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\n"
    "Hi. This is the qmail-send program at mx.example.org.\n\n<abuse@isp.example>:\n"
    "198.51.100.7 does not like recipient.\nRemote host said: 550 5.1.1 user unknown\n\n"
    "--- Below this line is a copy of the message.\n\nReturn-Path: <me@example.com>\n"
    "From: me@example.com\nTo: abuse@isp.example\nSubject: report\n"
)
_EXIM = (
    "Return-Path: <>\nFrom: Mail Delivery System <Mailer-Daemon@x.example>\n"
    "X-Failed-Recipients: abuse@isp.example\nSubject: Mail delivery failed: returning message to sender\n\n"
    "This message was created automatically by mail delivery software.\n\n"
    "  abuse@isp.example\n"
    "    SMTP error from remote mail server after RCPT TO:<abuse@isp.example>:\n"
    "    550 5.1.1 user unknown\n\n"
    "------ This is a copy of the message, including all the headers. ------\n\n"
    "Return-path: <me@example.com>\n"
    "From: me@example.com\nSubject: report\n"
)


@pytest.mark.parametrize("bounce_of", [_QMAIL, _EXIM], ids=["qmail", "exim"])
@pytest.mark.parametrize(
    "returned",
    [f"\n{_XARF}", f"\n{_FEEDBACK}", f"\n{_SPAMCOP}", _ARF_MAIL],
    ids=["xarf", "fields", "spamcop", "arf"],
)
def test_a_bounce_that_returns_our_own_report_is_a_bounce(bounce_of: str, returned: str) -> None:
    (told,) = bounce.refusals((bounce_of + returned).encode(), "x")
    assert (told.recipient, told.code, told.reason) == ("abuse@isp.example", "550", "userunknown")
    assert told.report is None


def test_a_bounce_in_parts_that_returns_a_report_is_a_bounce() -> None:
    text = (
        "Return-Path: <>\nFrom: Mail Delivery System <Mailer-Daemon@x.example>\n"
        "Subject: Undelivered Mail\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: text/plain\n\n<abuse@isp.example>: 550 5.1.1 user unknown\n\n--b\n"
        f"Content-Type: message/rfc822\n\nFrom: me@example.com\nSubject: report\n\n{_XARF}\n--b--\n"
    )
    assert [one.recipient for one in bounce.refusals(text.encode(), "x")] == ["abuse@isp.example"]


@pytest.mark.parametrize(
    "returned", [f"\n{_XARF}", f"\n{_FEEDBACK}", _ARF_MAIL], ids=["xarf", "fields", "arf"]
)
def test_a_report_from_a_mail_server_is_a_report(returned: str) -> None:
    head = "Return-Path: <>\nFrom: Mail Delivery System <postmaster@isp.example>\nSubject: Mail rejected\n"
    (told,) = bounce.refusals((head + returned).encode(), "x")
    assert (told.reason, str(told.cited_ip)) == ("feedback", "203.0.113.5")


@pytest.mark.parametrize(
    ("head", "one"),
    [
        (
            "",
            '{"xarf_version":"4.2.0","category":"messaging","type":"spam","source_identifier":"203.0.113.5"}\n',
        ),
        (
            "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x\n",
            "Original-Rcpt-To: <u%d@x.example>\n",
        ),
        ("203.0.113.5 Nov 25 10h/1 1 1 1 1\n", "203.0.113.5 Nov 25 10h/1 1 1 1 1\n"),
    ],
    ids=["xarf", "arf", "spamcop"],
)
def test_the_incidents_beyond_a_thousand_are_counted(head: str, one: str) -> None:
    body = head + "".join(one.replace("%d", str(number)) for number in range(1500 - head.count("10h")))
    found, more = bounce.counted(f"From: reports@spamcop.net\nSubject: r\n\n{body}\n".encode(), "x")
    assert {one.reason for one in found} == {"feedback"}
    assert (len(found), more) == (1000, 500)
