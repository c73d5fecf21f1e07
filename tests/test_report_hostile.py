"""Hostile input over every kind of report: nothing raises, nothing grows, nothing is slow."""

import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_report import TOLD, raw_of, read
from unlisted.messages import Refusal
from unlisted.net import ip
from unlisted.notice import parts, report, reports
from unlisted.notice.reports import _facts, _json

KINDS = sorted(reports.kinds())
HEADS = {
    "plain": "From: a@example.org\nContent-Type: text/plain\n\n",
    "arf": "From: a@example.org\nContent-Type: message/feedback-report\n\n",
    "spamcop": "From: a@reports.spamcop.net\nSubject: [SpamCop] summary report\n\n",
    "jmrp": "From: staff@hotmail.com\nSubject: complaint about message from 1.2.3.4\n",
    "x-arf": "From: a@example.org\nX-XARF: PLAIN\nContent-Type: text/plain\n\n",
    "json": "From: no-reply@sns.amazonaws.com\nContent-Type: application/json\n\n",
}
HOSTILE = [
    b"",
    b"\x00",
    b"\n\n\n",
    b"{",
    b"[",
    b"{" * 100_000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"xarf_version":"4.2.0","a":' + b"[" * 100_000,
    b'{"xarf_version":"4.2.0","source_identifier":' + b"9" * 10_000,
    b'{"xarf_version":"4.2.0","source_port":' + b"9" * 10_000 + b"}",
    b'{"xarf_version":"4.2.0","source_port":1e999,"timestamp":NaN,"category":[],"type":{}}',
    b'{"xarf_version":"4.2.0","source_identifier":"\\ud800","reporter":{"org":"\\udfff"},"smtp_to":"a@b\\ud800.c"}',
    b'{"xarf_version":"4.2.0","timestamp":"' + b"2" * 400_000 + b'"}',
    b'{"xarf_version":"4.2.0","reporter":"x","evidence":{"a":1},"timestamp":null}',
    b'{"ReporterInfo":[],"Report":{"Source":7,"Date":[],"SourceIp":{},"ReportType":0}}',
    b'{"Version":"3","Report":[]}',
    b'{"notificationType":"Complaint","complaint":{"complainedRecipients":{"a":1}},"mail":[]}',
    b'{"notificationType":"Complaint","complaint":{"complainedRecipients":[' + b"{}," * 50_000 + b"{}]}}",
    b'{"Type":"Notification","Message":"{\\"notificationType\\":\\"Complaint\\""}',
    b'{"Type":"Notification","Message":' + b'"{\\"Type\\":' * 1000,
    b"Feedback-Type: " + b"a" * 400_000,
    b"Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\n" + b"Original-Rcpt-To: a@b.c\n" * 20_000,
    b"Feedback-Type: \xff\xfe\nSource-IP: 1.2.3.4 and text\nArrival-Date: \x00\nIncidents: " + b"9" * 1000,
    b"Source: 1.2.3.4\nReport-Type: x\nDate: 0\nPort: -1\n",
    b"    1.2.3.4 Oct 16 18h/5 1 1 1 1\n" * 10_000,
    b"    1.2.3.4 Oct 99 99h/9999 999999999 999999999 999999999 999999999\n",
    b"1.2.3.4\n" * 50_000,
    b"[ SpamCop V5 ]\nEmail from 1.2.3.4 / " + b"9" * 100_000 + b"\n[ Offending message ]\n" + b"=" * 100_000,
    b"Received: from " + b"[1.2.3.4" * 40_000,
    "４２\u2028\u202e\ud7ff".encode("utf-8", "replace") * 10_000,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", HEADS)
def test_no_hostile_input_raises_or_grows(kind: str, head: str) -> None:
    for body in HOSTILE:
        raw = HEADS[head].encode() + body
        found = reports.kinds()[kind].read(*parts.split(raw))
        assert len(found) <= _facts.MOST
        assert all(len(one.recipients) <= _facts.MOST for one in found)
        assert len(msgspec.json.encode([str(one) for one in found])) < 3_000_000
        for line in [line for one in found for line in report.lines(one)]:
            assert isinstance(line, Refusal)
            line.recipient.encode()
            (line.report.reporter + line.report.source_name if line.report else "").encode()
        if found:
            report.sentence(found[0], tuple(filter(None, [found[0].source, ip("192.0.2.9")])))
            report.look_up(found)


@pytest.mark.parametrize("name", sorted(TOLD))
def test_no_cut_raises(name: str) -> None:
    raw = raw_of(name)
    for end in range(0, len(raw), 7):
        assert len(read(raw[:end])) <= 2
    assert read(raw + b"\n\x00" * 50)[0].source == read(raw)[0].source


@given(st.sampled_from(sorted(TOLD)), st.integers(0, 3000), st.binary(max_size=20))
def test_no_damage_raises(name: str, place: int, junk: bytes) -> None:
    raw = raw_of(name)
    place %= len(raw)
    for found in read(raw[:place] + junk + raw[place + len(junk) :]):
        assert 0 <= found.source_port < 65536
        assert found.precision in report.MEANS


@given(st.sampled_from(sorted(HEADS)), st.text(max_size=400))
def test_no_text_raises(head: str, text: str) -> None:
    read(HEADS[head].encode() + text.encode("utf-8", "replace"))
    report.as_mail(text.encode("utf-8", "replace"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "xarf_version",
    "ReporterInfo",
    "Report",
    "Source",
    "IP",
    "Port",
    "Date",
    "source_identifier",
    "source_port",
    "timestamp",
    "category",
    "type",
    "reporter",
    "notificationType",
    "complaint",
    "complainedRecipients",
    "mail",
    "Message",
    "Type",
    "first_seen",
    "smtp_to",
    "ReportType",
    "ReportClass",
    "AdditionalInfo",
    "SourceIp",
]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from(["4.2.0", "3", 4, None]))
def test_no_document_raises(document: dict[str, object], version: object) -> None:
    document = {"xarf_version": version, "notificationType": "Complaint", **document}
    found = read(report.as_mail(json.dumps(document).encode("utf-8", "replace")))
    for one in found:
        assert one.precision in report.MEANS
        msgspec.json.encode(str(one))


@given(st.text(max_size=100))
def test_no_fact_raises(text: str) -> None:
    at, accuracy = _facts.moment(text)
    assert (at is None) == (accuracy is None)
    _facts.address(text)
    assert len(_facts.line(text, 50)) <= 50
    assert len(_facts.token(text)) <= 40


@pytest.mark.parametrize(
    "unit",
    [
        "[1.2.3.4",
        "Email from ",
        "IP 1.2.3.4 on ",
        "> ",
        "=",
        '{"a":',
        "1:",
        "\n\n",
        "a@",
        ":",
        "Dec 1 1h/",
        "received: from (1.2.3.4)\n",
    ],
)
@pytest.mark.parametrize("head", sorted(HEADS))
def test_time_is_linear_and_memory_bounded(unit: str, head: str) -> None:
    # A megabyte that a backtracking pattern would not finish: the suite's timeout is the judge.
    raw = HEADS[head].encode() + (unit * (1_000_000 // len(unit))).encode()
    head_part, leaves = parts.split(raw)
    tracemalloc.start()
    reports.counted(head_part, leaves)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


def test_broken_json_tells_what_stands_before_the_break() -> None:
    assert _json.documents('{"a": 1, "b": {"c": "x", "d": [1, ') == [{"a": 1, "b": {"c": "x"}}]
    assert _json.documents('{"a": 1} trailing') == [{"a": 1}]
    assert _json.documents("no json") == []
