"""Moments, addresses and ports as strangers write them, and how exact each is."""

import pytest

from test_report import ME, unix
from unlisted.notice import bounce, report
from unlisted.notice.reports import _facts


@pytest.mark.parametrize(
    ("text", "when", "accuracy"),
    [
        ("Thu, 9 Apr 2006 23:34:45 JST", "2006-04-09T14:34:45", 1),
        ("Thu, 8 Mar 2025 14:00:00 EDT", "2025-03-08T18:00:00", 1),
        ("19 Jun 2003 17:34:13 -0400 (ES", "2003-06-19T21:34:13", 1),
        ("Thu, 8 Mar 2025 14:00:00 -0000", "2025-03-08T14:00:00", 1),
        ("Feb  3 2014 02:13:35 +0100", "2014-02-03T01:13:35", 1),
        ("Thu, 8 Mar 2025 14:00:00 XYZ", "2025-03-08T14:00:00", 14 * 3600),
        ("Thu, 8 Mar 2025 14:00:00", "2025-03-08T14:00:00", 14 * 3600),
        ("2025-01-11T10:59:45Z", "2025-01-11T10:59:45", 1),
        ("2025-01-11T10:59:45.123456789Z", "2025-01-11T10:59:45.123456", 1),
        ("2025-01-11 10:59:45 +0200", "2025-01-11T08:59:45", 1),
        ("2025-01-11T10:59:45-03:30", "2025-01-11T14:29:45", 1),
        ("2025-01-11T10:59:45", "2025-01-11T10:59:45", 14 * 3600),
        ("2025-01-11T10:59Z", "2025-01-11T10:59:00", 60),
        ("2025-01-11", "2025-01-11T00:00:00", 86400),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59", 1),
    ],
)
def test_a_moment_and_how_exact_it_is(text: str, when: str, accuracy: float) -> None:
    assert _facts.moment(text) == (unix(when), accuracy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-13-01T00:00:00Z",
        "Thu, 31 Feb 2025 14:00:00 +0000",
        "1 Jan 2025 99:99:99 +0000",
        "\x00",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert _facts.moment(text) == (None, None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (ME, ME),
        (f"[{ME}]", ME),
        (f"{ME}:41234", ME),
        (f"the host {ME} (dynamic)", ME),
        ("IPv6:2001:db8::25", "2001:db8::25"),
        ("::ffff:203.0.113.5", ME),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_field_with_text_in_it(text: str, address: str) -> None:
    assert str(_facts.address(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.5.dyn.example.net",
        "",
        "unknown",
        "1.2.3",
        "1.2.3.4.5",
        "203.0.113.500",
        "feed",
        "example.net",
    ],
)
def test_an_address_field_without_one(text: str) -> None:
    assert _facts.address(text) is None


@pytest.mark.parametrize("value", [0, -1, 65536, True, 1.5, "x", "65536", "", None, [], {}, "１２"])
def test_what_is_no_port(value: object) -> None:
    assert _facts.port(value) == 0


HANDED = "Received: from us.example ([203.0.113.5]) by mx.isp.example; Thu, 19 Nov 2026 10:00:00 +0000\n"
HOUSE = "Received: from a.isp.example ([192.0.2.8]) by b.isp.example; Thu, 19 Nov 2026 10:00:02 +0000\n"
FORGED = "Received: from x ([198.51.100.66]) by us.example; Thu, 19 Nov 2026 09:00:00 +0000\n"
CHECKED = "Authentication-Results: mx; spf=pass (sender IP is {})\n"
SPF = "Received-SPF: pass client-ip={}\n"


@pytest.mark.parametrize("check", [CHECKED, SPF])
@pytest.mark.parametrize(
    ("headers", "source"),
    [
        (HANDED, "203.0.113.5"),
        # Below the line of who handed it over stands what he wrote himself, a Received line among it.
        (HANDED + "{other}", "203.0.113.5"),
        (HANDED + "{other}" + FORGED, "203.0.113.5"),
        (HANDED + FORGED + "{other}", "203.0.113.5"),
        (HOUSE + HANDED + "{other}" + FORGED, "192.0.2.8"),
        # The reporter's own check stands above the line from outside, or below it and says the same.
        ("{same}" + HANDED, "203.0.113.5"),
        (HANDED + "{same}", "203.0.113.5"),
        (HOUSE + "{same}" + HANDED, "203.0.113.5"),
        (HOUSE + HANDED + "{same}" + "{other}" + FORGED, "203.0.113.5"),
        ("{same}" + HOUSE + HANDED, "203.0.113.5"),
        ("{same}", "203.0.113.5"),
    ],
)
def test_who_handed_it_over_is_not_what_he_wrote_himself(check: str, headers: str, source: str) -> None:
    text = headers.format(same=check.format("203.0.113.5"), other=check.format("198.51.100.66"))
    handed, _, _ = _facts.received(_facts.headers(f"{text}From: a@us.example\n\n"))
    assert str(handed) == source


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.1", "192.168.1.9", "169.254.1.1", "::1", "fe80::1", "0.0.0.0"]
)
def test_an_address_of_the_reporters_own_house_is_no_source(inside: str) -> None:
    raw = (
        "From: abuse@isp.example\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\nVersion: 1\n"
        f"Source-IP: {inside}\n--b\nContent-Type: message/rfc822\n\n{HANDED}From: a@us.example\n\nx\n--b--\n"
    )
    (told,) = bounce.refusals(raw.encode(), "x")
    assert told.report is not None
    assert (told.cited_ip, told.report.source, told.report.precision) == (None, None, "nothing")
    assert inside in report.sentence(told.report)
