"""Gates, causes and the next step: probabilities that add up, silence that weighs what it covers."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.diagnose import causes, gates, next_step, signs
from unlisted.diagnose.causes import Sign
from unlisted.diagnose.signs import DAY, Findings, Span
from unlisted.messages import Delivery, Device, Listing, Refusal, Submission, Suspect
from unlisted.net import ip

TABLE = causes.load()
OWN = ip("203.0.113.5")
WORDS = {"own": "203.0.113.5", "folder": "evidence", "allow": "192.168.50.10"}

ROGUE = Suspect(
    Device(ip("192.168.50.143"), "3c:5a:b4:12:34:56", "Dell Inc.", "laptop", 0.0),
    "rogue", 18.4, 3, 3, 1.0, 3, "", "3 attempts on mail ports of 3 servers",
)  # fmt: skip
some_signs = st.lists(
    st.builds(Sign, st.sampled_from(sorted(TABLE.sign)), st.booleans(), st.floats(0, 1), st.text()),
    unique_by=lambda sign: sign.sign,
)


@given(some_signs)
def test_probabilities_add_up(given_signs: list[Sign]) -> None:
    assert isclose(sum(causes.weigh(given_signs, TABLE).values()), 1.0)


@given(some_signs)
def test_information_is_never_negative(given_signs: list[Sign]) -> None:
    for remedy in TABLE.step.values():
        assert next_step.gain(remedy.reveals, given_signs, TABLE) >= 0


def test_every_sign_and_step_speaks_of_what_exists() -> None:
    for name, symptom in TABLE.sign.items():
        assert set(symptom.p) <= set(TABLE.cause), name
        assert all(0 < p < 1 for p in (*symptom.p.values(), symptom.otherwise)), name
    for remedy in TABLE.step.values():
        assert set(remedy.reveals) <= set(TABLE.sign)
        assert remedy.command.format_map(WORDS)


def test_a_named_device_settles_it() -> None:
    found = signs.read(Findings(suspects=(ROGUE,), gateway=Span(0, DAY)))
    best = causes.rank(found, TABLE)[0]
    assert best.cause == "lan_direct_to_mx_bot"
    assert "3 attempts" in best.because
    steps = next_step.plan(found, [ROGUE], TABLE, WORDS)
    assert steps[0].command == "sudo unlisted hold 3c:5a:b4:12:34:56"


def test_silence_weighs_what_it_covers() -> None:
    def bot(hours: float) -> float:
        silent = signs.read(Findings(gateway=Span(0, hours * 3600)))
        return causes.weigh(silent, TABLE)["lan_direct_to_mx_bot"]

    assert bot(0) > bot(1) > bot(24) > bot(72) == bot(720)
    assert isclose(bot(0), causes.weigh([], TABLE)["lan_direct_to_mx_bot"])


def test_without_a_gateway_log_the_step_that_would_settle_it_comes_first() -> None:
    listed = Listing(
        "203.0.113.5", "spamhaus-zen", "zen.spamhaus.org", "listed", ("127.0.0.4",), "XBL: infected"
    )
    found = signs.read(Findings(own=(OWN,), listings=(listed,), mail_log=Span(0, DAY)))  # type: ignore[arg-type]
    assert causes.rank(found, TABLE)[0].probability < 0.9
    first = next_step.plan(found, [], TABLE, WORDS, frozenset({"inside"}))[0]
    assert first.command == "sudo unlisted rule install --allow 192.168.50.10"
    assert first.gain > 0


def test_nothing_known_is_said_as_such() -> None:
    assert signs.read(Findings()) == []
    assert causes.rank([], TABLE)[0].because == "how often it is the cause, nothing more"
    assert {gate.state for gate in gates.judge([], [], ())} == {"open"}


@pytest.mark.parametrize(
    ("verdict", "gate", "state"),
    [("their-resolver", 0, "stop"), ("private-list", 2, "stop"), ("our-address", 2, "pass")],
)
def test_gates_settle_what_needs_no_probability(verdict: str, gate: int, state: str) -> None:
    judged = gates.judge([Refusal("a.eml", verdict=verdict, cited_ip=OWN)] * 2, [], (OWN,))  # type: ignore[arg-type]
    assert judged[gate].state == state


def test_an_address_that_is_not_ours_stops_the_hunt() -> None:
    judged = gates.judge([Refusal("a", verdict="our-address", cited_ip=ip("198.51.100.9"))], [], (OWN,))  # type: ignore[arg-type]
    assert judged[1].state == "stop"


@pytest.mark.parametrize(("scope", "state"), [("policy", "stop"), ("range", "stop"), ("address", "pass")])
def test_the_scope_of_a_listing_decides(scope: str, state: str) -> None:
    listing = Listing("203.0.113.5", "x", "x.example", "listed", scope=scope)
    assert gates.judge([], [listing], ())[3].state == state


def delivery(number: int, relay: str = "mx.example[198.51.100.7]:25", status: str = "sent") -> Delivery:
    return Delivery(float(number), f"Q{number}", "", f"a@d{number % 5}.example", relay, status, "")


def mail_signs(**more: object) -> dict[str, bool]:
    findings = Findings(mail_log=Span(0, DAY), **more)  # type: ignore[arg-type]
    return {sign.sign: sign.present for sign in signs.read(findings)}


def test_senders_stand_in_other_lines_and_are_joined() -> None:
    sent = tuple(delivery(number) for number in range(60))
    empty = tuple(Submission(0.0, f"Q{number}", None, sender="<>") for number in range(60))
    named = tuple(Submission(0.0, f"Q{number}", None, sender="anna@office.example") for number in range(60))
    assert mail_signs(deliveries=sent, submissions=empty)["null-sender-share"] is True
    assert mail_signs(deliveries=sent, submissions=named)["null-sender-share"] is False
    assert "null-sender-share" not in mail_signs(deliveries=sent)


def test_a_content_filter_is_nobody_abroad() -> None:
    """Mail that comes in and goes through a filter on this machine was not relayed for strangers."""
    filtered = tuple(delivery(number, "127.0.0.1[127.0.0.1]:10024") for number in range(60))
    came = tuple(Submission(0.0, f"Q{number}", ip("198.51.100.9")) for number in range(60))
    assert mail_signs(deliveries=filtered, submissions=came)["strangers-relayed"] is False
    left = tuple(delivery(number) for number in range(60))
    assert mail_signs(deliveries=left, submissions=came)["strangers-relayed"] is True


def test_mail_of_the_web_servers_user_is_seen() -> None:
    scripts = tuple(Submission(0.0, f"Q{number}", None, script="uid 33") for number in range(60))
    assert mail_signs(submissions=scripts)["script-mail"] is True
    assert mail_signs(submissions=scripts)["one-account"] is False


def test_one_account_that_sends_most_stands_out() -> None:
    many = tuple(
        Submission(0.0, f"Q{number}", ip("192.168.1.9"), account="ben" if number % 10 else "anna")
        for number in range(100)
    )
    assert mail_signs(submissions=many)["one-account"] is True


def test_an_unknown_answer_is_no_clear_one() -> None:
    silent = Listing("203.0.113.5", "spamhaus-zen", "zen.spamhaus.org", "unknown", why="timeout", weight=1.0)
    minor = Listing("203.0.113.5", "x", "x.example", "clear", weight=0.01)
    assert signs.read(Findings(listings=(silent, minor))) == []
    assert gates.judge([], [silent, minor], ())[0].state == "open"
    assert gates.judge([], [minor], ())[0].state == "stop"


def test_other_peoples_listings_are_not_ours() -> None:
    theirs = Listing("198.51.100.77", "spamhaus-zen", "zen.spamhaus.org", "listed", weight=1.0)
    assert signs.read(Findings(own=(OWN,), listings=(theirs,))) == []  # type: ignore[arg-type]


def test_no_because_has_an_empty_subject() -> None:
    listed = Listing("203.0.113.5", "x", "x.example", "listed", meaning="poor reputation", weight=1.0)
    for cause in causes.rank(signs.read(Findings(listings=(listed,))), TABLE):
        assert not cause.because.startswith(" ")
        assert ";  " not in cause.because
