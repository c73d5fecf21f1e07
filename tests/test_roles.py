"""Roles: what is recognized, what is declared, and how far either goes."""

from pathlib import Path

import pytest

from test_rank import MAC, attempt, burst, inbound, judge, named, only
from unlisted import config
from unlisted.errors import ConfigError
from unlisted.find import roles
from unlisted.find.roles import Profile
from unlisted.find.who import Who
from unlisted.messages import Attempt, Lease
from unlisted.net import ip

DAY = 86_400.0
SERVER = "192.168.50.10"


def profile(**more: object) -> Profile:
    made: dict[str, object] = dict.fromkeys(Profile._fields, 0) | {"vendor": "", "published": False} | more
    return Profile(**made)  # type: ignore[arg-type]


def title(**more: object) -> str:
    role = roles.recognise(profile(**more))
    return role.title if role else ""


def server(days: int, a_day: int = 60, src: str = SERVER, **more: object) -> list[Attempt]:
    """A mail server at work: a hundred networks, mostly answered, by day."""
    return [
        attempt(day * DAY + 30_000.0 + n * 600, f"198.18.{(day * a_day + n) % 100}.25", src, sport=n + 1,
                **({"outcome": "answered" if n % 20 else "silent"} | more))
        for day in range(days) for n in range(a_day)
    ]  # fmt: skip


def test_weeks_of_answered_mail_with_callers_are_a_habit_and_no_proof() -> None:
    weeks = {"attempts": 5000, "destinations": 300, "known": 5000, "unanswered": 200, "days": 20,
             "seconds": 20 * DAY, "called": 3}  # fmt: skip
    assert title(**weeks) == "mail server by habit"
    for lacking in (
        {"called": 2}, {"days": 5}, {"unanswered": 1300}, {"destinations": 3000}, {"known": 1000},
        {"seconds": 200 * DAY},
    ):  # fmt: skip
        assert title(**(weeks | lacking)) == "", lacking


def test_a_bot_that_ran_for_weeks_is_not_excused_by_its_weeks() -> None:
    weeks = server(20, src="192.168.50.9")
    bot = [*weeks, *burst(start=21 * DAY)]
    assert only(judge(bot)).verdict == "rogue"
    called = [attempt(50.0 + i, "192.168.50.9", f"198.51.{i}.25") for i in range(3)]
    one = only(judge([*bot, *called]))
    assert (one.verdict, one.role) == ("suspect", "mail server by habit")
    assert "A bot that ran as long would look the same" in one.because


def test_a_mail_server_that_suddenly_sends_fifty_times_as_much_is_a_suspect() -> None:
    calm = [*server(8), *inbound(3, SERVER, outcome="answered")]
    assert only(judge(calm)).verdict == "honest"
    spam = [
        attempt(8 * DAY + n, f"203.{n // 250}.{n % 250}.7", SERVER, sport=40_000 + n, outcome="silent")
        for n in range(3000)
    ]
    for found in (
        judge([*calm, *spam]),
        judge([*server(8), *spam], senders=(SERVER,)),
        judge([*server(8), *spam], roles={SERVER: "mail-server"}),
    ):
        one = only(found)
        assert one.verdict == "suspect"
        assert one.role in ("mail server", "declared mail sender")
        assert "In the hour from 1970-01-08 23:20Z it contacted" in one.because
        assert "networks for the first time, after at most 6 in the busy hours of the 7.6 days" in one.because
        assert "100% of them did not answer, 5% of the new ones before" in one.because
        assert one.flagged_at == pytest.approx(8 * DAY + 49)
        assert one.flagged_after == 8 * 60 + 50


def test_a_log_too_short_to_know_the_past_says_so() -> None:
    one = only(judge(burst(), senders=("192.168.50.9",)))
    assert one.verdict == "honest"
    assert "Its own past says nothing yet: that wants more than 1 day" in one.because


def test_a_newsletter_host_may_send_its_newsletter() -> None:
    issue = burst(SERVER, count=2000, start=8 * DAY)
    assert only(judge([*server(8), *issue], roles={SERVER: "mail-server"})).verdict == "suspect"
    one = only(judge([*server(8), *issue], roles={SERVER: "newsletter"}))
    assert (one.verdict, one.role) == ("honest", "newsletter host")


def test_what_is_declared_is_believed_as_far_as_it_goes() -> None:
    probes = [attempt(n * 0.5, f"198.18.{n % 40}.1", sport=n + 1) for n in range(400)]
    assert only(judge(probes)).verdict == "rogue"
    one = only(judge(probes, roles={"192.168.50.9": "monitor"}))
    assert (one.verdict, one.role) == ("honest", "service monitor")
    assert one.because.startswith("it is declared as a service monitor: 400 attempts")
    one = only(judge(probes, roles={MAC: "monitor", "192.168.50.9": "copier"}))
    assert (one.verdict, one.role) == ("rogue", "")
    assert "it is declared as a copier, which contacts at most 5 networks" in one.because


def test_a_role_is_declared_by_mac_as_well() -> None:
    one = only(judge(burst(mac=MAC), roles={MAC: "mailing-list"}))
    assert (one.verdict, one.role) == ("honest", "mailing-list host")


def test_where_the_mx_leads_there_is_a_mail_server() -> None:
    one = only(judge(burst(), published=(ip("192.168.50.9"),)))
    assert (one.verdict, one.role) == ("honest", "mail server")
    assert "the DNS of a domain of yours calls it a mail host" in one.because
    assert named(judge(burst(), published=(ip("192.168.50.10"),))) == ["192.168.50.9"]


def test_a_copier_is_known_by_its_maker_and_its_one_relay() -> None:
    who = Who(lambda mac: "RICOH COMPANY,LTD." if mac == MAC else "")
    who.add(Lease(ip("192.168.50.9"), MAC, start=0.0))  # type: ignore[arg-type]
    scans = [attempt(n * 1800.0, "203.0.113.25", sport=n + 1) for n in range(20)]
    assert only(judge(scans, who)).role == "copier"
    assert only(judge(scans)).role == "relay user"
    assert only(judge(burst(), who)).verdict == "rogue", "a maker excuses nobody"


def test_newsletters_are_never_guessed() -> None:
    assert {name for name, role in roles.load().items() if not role.recognize} == {
        "newsletter",
        "mailing-list",
        "setup",
    }, "of these a profile says nothing; setup is no whole device's"


def test_roles_stand_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "unlisted.toml"
    path.write_text('[roles]\n"192.168.1.10" = "newsletter"\n"3C-5A-B4-12-34-56" = "copier"\n')
    assert config.load(str(path)).roles == {"192.168.1.10": "newsletter", MAC: "copier"}
    for text, told in (
        ('"the server" = "newsletter"', "neither an address nor a MAC"),
        ('"192.168.1.10" = "habit"', "no role"),
        ('"192.168.1.10" = 3', "$.roles"),
    ):
        path.write_text(f"[roles]\n{text}\n")
        with pytest.raises(ConfigError) as error:
            config.load(str(path))
        assert told in error.value.what
        assert error.value.remedy


def test_every_role_of_the_documentation_can_be_declared() -> None:
    page = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text()
    for name in roles.declarable():
        assert name in page, name


def test_who_has_one_relay_is_held_to_its_past_by_what_was_answered() -> None:
    def user(outcome: str) -> list[Attempt]:
        days = [5 * DAY + n for n in range(3000)]
        days += [day * DAY + n * 1800.0 for day in range(5) for n in range(20)]
        return [
            attempt(at, "203.0.113.25", dport=587, sport=1000 + n, outcome=outcome)
            for n, at in enumerate(sorted(days))
        ]

    one = only(judge(user("answered")))
    assert one.verdict == "suspect"
    assert "attempts that were answered, after at most 2 in the busy hours" in one.because
    assert "a serial letter, or a monitor that was set up looks alike" in one.because
    for outcome in ("", "silent"):
        assert only(judge(user(outcome))).verdict == "honest", "a stuck client is not accused"


def test_a_monitor_that_goes_on_for_days_is_not_accused() -> None:
    steady = [attempt(n * 6.0, f"203.0.113.{n % 2}", sport=n + 1, outcome="answered") for n in range(60_000)]
    one = only(judge(steady))
    assert (one.verdict, one.role) == ("honest", "service monitor")


def test_a_monitor_is_told_from_a_user_by_its_rate() -> None:
    month = {"attempts": 600, "known": 600, "days": 25, "seconds": 25 * DAY, "hours": 200}
    two = month | {"destinations": 2, "returned": 2}
    assert title(**(two | {"submission": 600})) == "mail program"
    assert title(**two) == "relay user"
    assert title(**(two | {"destinations": 4, "returned": 4})) == "relay user"
    assert title(**(two | {"vendor": "RICOH COMPANY,LTD."})) == "copier"
    assert title(**(two | {"hours": 2, "submission": 600})) == "service monitor"


def test_a_mail_program_returns_to_its_networks_and_makes_no_bursts() -> None:
    pool = {"attempts": 300, "known": 300, "days": 25, "seconds": 25 * DAY, "hours": 150, "destinations": 30,
            "returned": 25, "submission": 300}  # fmt: skip
    assert title(**pool) == "mail program"
    assert title(**(pool | {"known": 0})) == "mail program", "most packet logs know no outcome"
    for lacking in (
        {"returned": 10}, {"submission": 299}, {"unanswered": 60}, {"hours": 4}, {"burst": True},
        {"destinations": 90, "returned": 80},
    ):  # fmt: skip
        assert title(**(pool | lacking)) == "", lacking
