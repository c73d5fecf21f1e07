"""The one line that says what to do about a refusal."""

from collections.abc import Iterable

import pytest

from unlisted.messages import Refusal
from unlisted.net import Address, ip
from unlisted.notice import judged, refusal
from unlisted.notice.advice import advise


def _told(text: str) -> Refusal:
    return judged.made(refusal.judge(text), "pasted", "", "", None, text)


def _advice(texts: Iterable[str], *own: str) -> list[str]:
    ours: tuple[Address, ...] = tuple(address for address in map(ip, own) if address)
    return advise(map(_told, texts), ours)


@pytest.mark.parametrize(
    "text",
    [
        "554 5.7.1 Client host [192.0.2.9] blocked using pbl.spamhaus.org",
        "550 192.0.2.9 is in the PBL",
        "553 mail rejected because your IP is in the PBL. See http://www.spamhaus.org/pbl",
        "550 We do not accept mail from dynamic IPs",
        "554 5.7.1 192.0.2.9 blocked using dyna.spamrats.com",
        "550 192.0.2.9 is a residential line",
        "550 5.7.25 generic PTR of 192.0.2.9 is refused",
        "554 5.7.1 <a@example.org>: Recipient address rejected: ERS-DUL.",
    ],
)
def test_a_customers_line_sends_through_its_providers_relay(text: str) -> None:
    assert "your provider's relay (smarthost)" in _advice([text])[0]


@pytest.mark.parametrize(
    "text",
    [
        "554 5.7.1 Client host [192.0.2.9] blocked using bl.spamcop.net",
        "554 5.7.1 Client host [192.0.2.9] blocked using sbl.spamhaus.org",
        "550 5.7.25 192.0.2.9 has no PTR record",
    ],
)
def test_others_do_not(text: str) -> None:
    assert "relay" not in _advice([text])[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("554 Message rejected: Email address is not verified.", "at Amazon SES"),
        ("535 5.7.8 Error: authentication failed", "your own login"),
        ("554 5.0.0 Service unavailable", "the receiver's own words"),
        ("connect to mx.example.org[198.51.100.7]:25: Connection timed out", "your server tries again"),
        ("550 HELO is not a FQDN", "full name"),
        ("550 Rejected", "no phrase in it is known"),
        ("550 5.7.1 your message was blocked by mx1", "leave open"),
        ("550 5.7.515 example.net doesn't meet the required authentication level", "SPF, DKIM or DMARC"),
    ],
)
def test_a_rule_of_its_own_has_its_own_advice(text: str, says: str) -> None:
    assert says in _advice([text])[0]


def test_the_gravest_stands_first_and_what_many_say_before_what_one_says() -> None:
    said = _advice(
        [
            "550 5.1.1 User unknown",
            "550 5.7.25 no PTR record for 192.0.2.9",
            "554 poor reputation",
            "550 is refused: HELO is not a FQDN",
            "550 HELO is not a FQDN",
        ]
    )
    assert "end the cause first" in said[0]
    assert "full name" in said[1]
    assert len(said) == 3


def test_nothing_to_do_about_what_went_through() -> None:
    assert _advice(["250 2.0.0 Ok: queued"]) == []


def test_a_domain_that_is_listed_is_named() -> None:
    (line,) = _advice(["554 5.7.1 SENDER DOMAIN example.com is listed in dbl.spamhaus.org"])
    assert line.startswith("example.com is listed by Spamhaus DBL")
    (line,) = _advice(["550 5.7.1 rejected due to URL: http://evil.example in multi.surbl.org"])
    assert line.startswith("evil.example is listed by SURBL")
    assert "http://evil.example" not in line


def test_a_command_is_one() -> None:
    (line,) = _advice(["550 5.7.25 The sending IP has a missing PTR record"])
    assert "unlisted check your" not in line
