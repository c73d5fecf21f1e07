"""Moments, addresses and ports as strangers write them, and how exact each is."""

import pytest

from test_report import ME, unix
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
