"""Port 25 is shut where many hosts do not answer and none does; one host that does not is its own trouble."""

import pytest

from unlisted.messages import Refusal
from unlisted.notice import refusal, unreached
from unlisted.notice.unreached import Unreached


def _refusal(text: str, recipient: str = "a@x.example", remote: str = "") -> Refusal:
    verdict = refusal.judge(text, remote_mta=remote)
    return Refusal(
        "x",
        recipient,
        remote,
        verdict.code,
        verdict.status,
        verdict.reason,
        verdict=verdict.verdict,
        text=text,
    )


NEVER = [
    "connect to mx.x.example[198.51.100.7]:25: Connection timed out",
    "connect to mx.x.example[198.51.100.7]:25: Connection refused",
    "Connection timed out",
    "Deferred: Connection timed out with mx.x.example.",
    "Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/",
    '451 4.4.0 Primary target IP address responded with: "421 4.2.1 Unable to connect." Attempted failover',
]
ANSWERED = [
    "host mx.x.example[198.51.100.7] said: 554 5.7.1 Connection refused by policy",
    "conversation with mx.x.example[198.51.100.7] timed out while receiving the initial server greeting",
    "lost connection with mx.x.example[198.51.100.7] while receiving the initial server greeting",
    "421 4.4.2 mx.x.example Error: connection timed out",
    "550 5.1.1 User unknown",
]


@pytest.mark.parametrize("text", NEVER)
def test_no_connection_came_about(text: str) -> None:
    assert unreached.never(_refusal(text))


@pytest.mark.parametrize("text", ANSWERED)
def test_one_did_and_then_port_25_is_open(text: str) -> None:
    assert not unreached.never(_refusal(text))
    seen = Unreached()
    for number in range(9):
        seen.add(_refusal("Connection timed out", f"a@d{number}.example"))
    assert seen.shut == 9
    seen.add(_refusal(text))
    assert seen.shut == 0


def test_port_587_says_nothing_of_port_25() -> None:
    assert not unreached.never(_refusal("connect to mx.x.example[198.51.100.7]:587: Connection timed out"))


def test_one_house_is_one_place_however_many_its_hosts() -> None:
    seen = Unreached()
    for number in range(9):
        seen.add(_refusal(f"connect to m{number}.x.example[198.51.100.{number}]:25: Connection timed out"))
    assert seen.shut == 0
    seen.add(_refusal("connect to m.y.example[192.0.2.7]:25: Connection timed out"))
    assert seen.shut == 0
    seen.add(_refusal("connect to m.z.example[2001:db8::7]:25: Connection timed out"))
    assert seen.shut == 3


@pytest.mark.parametrize(
    "text",
    [
        "connect to relay[10.0.{0}.1]:25: Connection timed out",  # inside: no provider keeps us from it
        "connect to relay.isp.example: Connection timed out",  # one relay, whoever the mail is for
    ],
)
def test_an_own_relay_that_is_down_is_no_shut_port(text: str) -> None:
    seen = Unreached()
    for number in range(9):
        seen.add(_refusal(text.format(number), f"a@d{number}.example"))
    assert seen.shut == 0
