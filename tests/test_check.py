"""`unlisted check` against a real rbldnsd, and against servers that are dead, silent or lie."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import pytest

from dns_server import answer, asked, serving
from unlisted import net, standing
from unlisted.cli import _subjects, _words, main
from unlisted.edge.store import Store
from unlisted.messages import Listing
from unlisted.notice.tally import Tally

ZEN = "zen.spamhaus.org"
FIELDS = [
    "address",
    "list",
    "zone",
    "state",
    "codes",
    "meaning",
    "reason",
    "why",
    "scope",
    "removal",
    "weight",
    "since",
]

ADDRESSES = """
:127.0.0.2:Listed, see https://bl.example/?$
127.0.0.2
192.0.2.7
192.0.2.8 :127.0.0.4:https://bl.example/xbl
192.0.2.9 :127.255.255.254:refused
192.0.2.10 :127.0.0.1:odd
192.0.2.11 :127.0.0.99:odd
192.0.2.12 :127.0.0.10:policy
"""
SIX = """
:127.0.0.2:Six $
::ffff:7f00:2
2001:db8::7
2001:db8:5::/64
"""
EVERYTHING = ":127.0.0.2:everything\n0/1\n128/1\n"
EMPTY = ":127.0.0.2:nobody\n198.51.100.1\n"
DOMAINS = ":127.0.1.2:bad name\ndbltest.com\nspam.example\n"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def rbldnsd(program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The --resolver of a real rbldnsd: one honest list, two odd ones, one of domains."""
    folder = tmp_path_factory.mktemp("zones")
    folder.chmod(0o755)
    zones = {"four": ADDRESSES, "six": SIX, "all": EVERYTHING, "empty": EMPTY, "names": DOMAINS}
    for name, text in zones.items():
        (folder / name).write_text(text)
    port = _free_port()
    command = [
        program("rbldnsd"), "-n", "-q", "-b", f"127.0.0.1/{port}", "-w", str(folder),
        *(f"{zone}:{kind}" for zone, kind in [
            (ZEN, "ip4set:four"), (ZEN, "ip6trie:six"), ("own.example", "ip4set:four"),
            ("wild.example", "ip4trie:all"), ("psbl.surriel.com", "ip4set:empty"),
            ("hollow.example", "ip4set:empty"), ("dbl.spamhaus.org", "dnset:names"),
        ]),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "started" in line:
                break
        else:
            pytest.fail("rbldnsd did not start: " + "".join(lines))
        yield f"127.0.0.1:{port}"
        process.terminate()


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and JSON lines; they come as they are known, and are put in the order of the words here."""
    code = main(["check", *words, "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    order = [word.lower() for word in words]

    def place(row: dict[str, Any]) -> tuple[int, ...]:
        named = [order.index(row[key]) if row[key] in order else -1 for key in ("address", "zone")]
        address = net.ip(row["address"])
        return (named[0], address.version, int(address), named[1]) if address else (*named, 0, 0)

    return code, sorted(rows, key=place)


# ---- a real blocklist server ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "state", "says"),
    [
        ("192.0.2.7", "listed", "SBL"),
        ("192.0.2.8", "listed", "XBL"),
        ("192.0.2.9", "unknown", "refuses this resolver"),
        ("192.0.2.10", "unknown", "127.0.0.1 is in no table"),
        ("192.0.2.11", "unknown", "127.0.0.99 is in no table"),
        ("192.0.2.12", "listed", "PBL"),
        ("192.0.2.13", "clear", ""),
        ("2001:db8::7", "listed", "SBL"),
        ("2001:db8:5::1:2", "listed", "SBL"),
        ("2001:db8::8", "clear", ""),
    ],
)
def test_one_address(
    rbldnsd: str, capsys: pytest.CaptureFixture[str], address: str, state: str, says: str
) -> None:
    code, (row,) = ask(capsys, address, "--zone", ZEN, "--resolver", rbldnsd)
    assert list(row) == FIELDS
    assert (row["address"], row["list"], row["zone"]) == (address, "spamhaus-zen", ZEN)
    assert row["state"] == state
    assert says in row["meaning"] + row["why"]
    assert code == {"listed": 1, "clear": 0, "unknown": 3}[state]


def test_what_a_listing_carries(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, (row,) = ask(capsys, "192.0.2.8", "--zone", ZEN, "--resolver", rbldnsd)
    assert row["codes"] == ["127.0.0.4"]
    assert row["reason"] == "https://bl.example/xbl"
    assert row["scope"] == "address"
    assert row["removal"] == "ask there, it acts at once: https://check.spamhaus.org/"
    assert row["weight"] == 1.0
    _, (six,) = ask(capsys, "2001:db8::7", "--zone", ZEN, "--resolver", rbldnsd)
    assert six["reason"] == "Six 2001:db8::7"


def test_a_zone_that_nobody_knows(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "192.0.2.8",
        "192.0.2.9",
        "192.0.2.10",
        "192.0.2.13",
        "--zone",
        "Own.Example",
        "--resolver",
        rbldnsd,
    ]
    code, rows = ask(capsys, *words)
    assert [row["state"] for row in rows] == ["listed", "unknown", "unknown", "clear"]
    assert rows[0]["meaning"] == "not in the catalogue"
    assert {row["list"] for row in rows} == {"own.example"}
    assert code == 1


def test_lists_that_lie_and_lists_that_are_empty(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    zones = ["wild.example", "psbl.surriel.com", "hollow.example"]
    words = [word for zone in zones for word in ("--zone", zone)]
    code, rows = ask(capsys, "192.0.2.7", *words, "--resolver", rbldnsd)
    assert [row["state"] for row in rows] == ["unknown", "unknown", "unknown"]
    assert "whole world" in rows[0]["why"]
    assert "may be dead" in rows[1]["why"]
    assert "mistyped" in rows[2]["why"]
    assert code == 3


def test_names_go_to_lists_of_names(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["spam.example", "fine.example", "192.0.2.7", "--zone", "spamhaus-dbl", "--resolver", rbldnsd]
    code, rows = ask(capsys, *words)
    assert [row["state"] for row in rows] == ["listed", "clear", "unknown"]
    assert rows[2]["why"] == "not asked: this list holds domains only"
    assert code == 1


def test_a_dead_list_is_not_asked(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, (row,) = ask(capsys, "192.0.2.7", "--zone", "dul.dnsbl.sorbs.net", "--resolver", rbldnsd)
    assert (row["state"], row["list"]) == ("unknown", "sorbs")
    assert "not asked: emptied on 2024-06-05" in row["why"]
    assert code == 3


def test_a_range_is_all_its_addresses(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = ask(capsys, "192.0.2.0/28", "--zone", ZEN, "--resolver", rbldnsd)
    assert [row["address"] for row in rows] == [f"192.0.2.{n}" for n in range(16)]
    assert [row["address"] for row in rows if row["state"] == "listed"] == [
        "192.0.2.7",
        "192.0.2.8",
        "192.0.2.12",
    ]
    assert code == 1


def test_a_range_does_not_wait_for_a_list_that_bears_little(
    rbldnsd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that bears five questions a second would take 13 minutes for a /20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_subjects, "PATIENCE", 0.1)
        words = ["192.0.2.6/31", "--resolver", rbldnsd, "--timeout", "2"]
        _, rows = ask(capsys, *words)
        assert "psbl" in {row["list"] for row in rows}
        assert "sem-black" not in {row["list"] for row in rows}
        _, rows = ask(capsys, *words, "--zone", "sem-black")
        assert {row["list"] for row in rows} == {"sem-black"}


def test_all_living_lists_by_default(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = ask(capsys, "192.0.2.7", "--resolver", rbldnsd)
    states = {row["list"]: row["state"] for row in rows}
    assert states["spamhaus-zen"] == "listed"
    assert states["spamcop"] == "unknown"  # this server refuses to speak for it
    assert "sorbs" not in states
    assert "spamhaus-dbl" not in states
    assert code == 1


def test_the_own_address_comes_from_the_configuration(
    rbldnsd: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "unlisted.toml"
    config.write_text(
        f'own = ["192.0.2.7", "2001:db8::8"]\nresolver = "{rbldnsd}"\nstore = "{tmp_path}/db"\n'
    )
    code, rows = ask(capsys, "--zone", ZEN, "--config", str(config))
    assert [(row["address"], row["state"]) for row in rows] == [
        ("192.0.2.7", "listed"),
        ("2001:db8::8", "clear"),
    ]
    assert code == 1


def test_what_was_told_is_remembered_and_an_unknown_hides_nothing(
    rbldnsd: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "unlisted.toml"
    config.write_text(f'store = "{tmp_path}/db"\n')
    words = ["--zone", ZEN, "--resolver", rbldnsd, "--config", str(config)]
    ask(capsys, "192.0.2.8", "192.0.2.9", "192.0.2.13", "127.0.0.2", *words)
    ask(capsys, "192.0.2.7", "--no-save", *words)
    with serving(lambda query: answer(query, rcode=2)) as port:
        code, _ = ask(capsys, "192.0.2.8", *words[:2], "--resolver", f"127.0.0.1:{port}", *words[4:])
    assert code == 3
    with Store(f"{tmp_path}/db") as store:
        assert [(one.address, one.state) for one in store.listings()] == [
            ("192.0.2.13", "clear"),
            ("192.0.2.8", "listed"),
        ]


def test_for_people(rbldnsd: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", "192.0.2.7", "192.0.2.12", "192.0.2.9", "--zone", ZEN, "--resolver", rbldnsd]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert out.index("192.0.2.7 ") < out.index("192.0.2.12 ")
    assert out.index("SBL: verified") < out.index("PBL: policy")  # the worst first
    assert "could not tell (1" in out
    assert out.rstrip().splitlines()[-1].startswith("next: find what sends: unlisted investigate")
    assert main(["check", "192.0.2.12", "--zone", ZEN, "--resolver", rbldnsd]) == 1
    assert "no accusation" in capsys.readouterr().out


# ---- servers that cannot be trusted ---------------------------------------------------------------


def _honest(query: dns.message.Message) -> bytes:
    """127.0.0.2 is listed, 127.0.0.1 and the rest are not."""
    name, kind = asked(query)
    if kind == "A" and name.startswith("2.0.0.127."):
        return answer(query, "A 127.0.0.2")
    return answer(query, rcode=3)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda _: None, "no answer within"),
        (lambda query: answer(query, rcode=2), "SERVFAIL"),
        (lambda query: answer(query, rcode=5), "REFUSED"),
        (lambda query: answer(query, "A 146.112.61.108"), "somebody else answered"),
        (lambda query: answer(query, "A 127.0.0.1"), "127.0.0.1 is in no table"),
        (lambda query: answer(query, "A 127.255.255.255"), "too many questions"),
        (lambda query: answer(query, "CNAME x.example."), ""),
        (lambda query: answer(query), ""),
    ],
)
def test_no_bad_answer_is_a_listing(
    capsys: pytest.CaptureFixture[str], reply: Callable[[dns.message.Message], bytes | None], why: str
) -> None:
    def handler(query: dns.message.Message) -> bytes | None:
        name, _ = asked(query)
        return reply(query) if name.startswith("7.2.0.192.") else _honest(query)

    with serving(handler) as port:
        words = ["192.0.2.7", "--zone", ZEN, "--resolver", f"127.0.0.1:{port}", "--timeout", "0.4"]
        code, (row,) = ask(capsys, *words)
    assert row["state"] == ("unknown" if why else "clear")
    assert why in row["why"]
    assert code == (3 if why else 0)


def test_a_list_that_lists_the_world_is_not_believed(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda query: answer(query, "A 127.0.0.2")) as port:
        code, (row,) = ask(capsys, "192.0.2.7", "--zone", ZEN, "--resolver", f"127.0.0.1:{port}")
    assert row["state"] == "unknown"
    assert "whole world" in row["why"]
    assert code == 3


def test_a_silent_resolver(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        code = main(["check", "192.0.2.7", "--resolver", where, "--timeout", "0.2", "--json"])
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert code == 3
    assert {row["state"] for row in rows} == {"unknown"}
    assert all(row["why"] == "no answer within 0.2 s" for row in rows)
    assert "gives no answer at all" in told.err


def test_a_resolver_that_rewrites_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda query: answer(query, "A 192.0.2.80")) as port:
        code = main(["check", "192.0.2.7", "--zone", ZEN, "--resolver", f"127.0.0.1:{port}", "--json"])
    told = capsys.readouterr()
    assert code == 3
    assert "invents answers" in told.err
    assert json.loads(told.out)["state"] == "unknown"


@pytest.mark.parametrize(
    ("pointer", "forward", "line"),
    [
        ("mail.office.example.", "192.0.2.7", "leads back (forward-confirmed)"),
        ("mail.office.example.", "192.0.2.99", "does not lead back"),
        ("", "", "no PTR name"),
    ],
)
def test_reverse_dns(capsys: pytest.CaptureFixture[str], pointer: str, forward: str, line: str) -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if kind == "PTR" and pointer:
            return answer(query, f"PTR {pointer}")
        if name == "mail.office.example":
            return answer(query, f"A {forward}")
        return _honest(query)

    with serving(handler) as port:
        code = main(["check", "192.0.2.7", "--zone", ZEN, "--resolver", f"127.0.0.1:{port}"])
    assert line in capsys.readouterr().out
    assert code == 0


def test_a_hostile_text_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if not name.startswith("7.2.0.192."):
            return _honest(query)
        return answer(query, "A 127.0.0.4") if kind == "A" else answer(query, 'TXT "\\027[2Jgone\\007[red]x"')

    with serving(handler) as port:
        assert main(["check", "192.0.2.7", "--zone", ZEN, "--resolver", f"127.0.0.1:{port}"]) == 1
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out
    assert "gone" in out


# ---- wrong words ----------------------------------------------------------------------------------


def test_nobody_knows_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--no-discovery"]) == 3
    assert "do not know your public address" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["192.0.2.300"], "300 is more than 255"),
        (["192.0.2"], "it has 3 numbers"),
        (["192.0.2.07"], "unlisted check 192.0.2.7"),
        (["192,0,2,7"], "unlisted check 192.0.2.7"),
        (["http://192.0.2.7/"], "unlisted check 192.0.2.7"),
        (["postmaster@mail.example.org"], "unlisted check mail.example.org"),
        (["https://mail.example.org/x"], "unlisted check mail.example.org"),
        (["192.0.2.9-192.0.2.1"], "is no range"),
        (["@/no/such/file"], "No such file"),
        (["192.0.2.7", "--resolver", ""], "--resolver is empty"),
        (["192.0.2.7", "--offline", "list", "--zone", ZEN], "do not go together"),
        (["192.0.2.7:25"], "unlisted check 192.0.2.7"),
        (["office"], "is no address"),
        ([""], "is no address"),
        (["\x1b[2J"], "is no address"),
        (["10.0.0.0/8", "--zone", ZEN], "more than the lists bear"),
        (["2001:db8::/64"], "more than the lists bear"),
        (["192.168.1.5"], "own network"),
        (["192.0.2.7", "--zone", "not a zone"], "is no zone"),
        (["192.0.2.7", "--resolver", "dns.example"], "is no resolver"),
        (["127.0.0.1"], "is this machine itself"),
        (["127.0.0.2"], "--zone ZONE to ask one list about its test point"),
        (["224.0.0.1", "--zone", "zen.spamhaus.org"], "group of listeners"),
        (["10.0.0.1", "--zone", "zen.spamhaus.org"], "own network"),
        (["2001:db8::/64"], "whole /64 networks"),
    ],
)
def test_wrong_words(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(["check", *words]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert "try:" in told.err
    assert "\x1b" not in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["--timeout", "abc"],
        ["--frob"],
        ["192.0.2.7", "--json"],
        ["192.0.2.7", "--metrics"],
        ["192.0.2.7", "--offline", "list"],
        ["192.0.2.7", "--resolver", ""],
    ],
)
def test_a_plugin_s_wrong_use_is_one_line_and_unknown(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    try:
        code: object = main(["check", "--nagios", *words])
    except SystemExit as end:
        code = end.code
    out = capsys.readouterr().out
    assert code == 3
    assert out.startswith("UNLISTED UNKNOWN - ")
    assert out.count("\n") == 1


def test_addresses_from_files_ranges_and_commas(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("# ours\n192.0.2.7 # mail\nexample.org, 192.0.2.9\n")
    ours = ["192.0.2.7", "example.org", "192.0.2.9"]
    assert _words.spread([f"@{tmp_path / 'ours'}"]) == ours
    assert _words.spread([str(tmp_path / "ours")]) == ours
    assert _words.spread(["192.0.2.4-192.0.2.7"]) == ["192.0.2.4/30"]
    assert _words.spread(["192.0.2.4-6"]) == ["192.0.2.4/31", "192.0.2.6"]
    assert _words.spread(["192.0.2.4,192.0.2.6"]) == ["192.0.2.4", "192.0.2.6"]
    assert _words.spread(["192,0,2,7"]) == ["192,0,2,7"]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", "1e9"])
def test_wrong_times(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["check", "192.0.2.7", f"--timeout={text}"])
    assert "is no time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([("clear", 1.0)], 0),
        ([("clear", 1.0), ("unknown", 0.5)], 0),
        ([("clear", 0.2), ("unknown", 1.0)], 3),  # the list that matters said nothing
        ([("unknown", 1.0)], 3),
        ([("unknown", 1.0), ("listed", 0.1)], 1),
        ([("clear", 0.0)], 0),
        ([], 3),
    ],
)
def test_exit_codes(states: list[tuple[str, float]], code: int) -> None:
    assert (
        standing.verdict(
            [Tally(Listing("192.0.2.7", "x", "x", state, weight=weight), 1) for state, weight in states]
        )
        == code
    )


def test_a_resolver_that_invents_list_answers_is_believed_in_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every name, listed or not, and one that cannot exist: all get 127.0.0.2."""
    with serving(lambda query: answer(query, "A 127.0.0.2")) as port:
        code = main(["check", "203.0.113.5", "--resolver", f"127.0.0.1:{port}", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["state"] for row in rows} == {"unknown"}
    assert code == 3


@pytest.mark.parametrize(
    ("names", "above"),
    [
        (["mail.example.com"], ["example.com"]),
        (["a.b.example.co.uk"], ["b.example.co.uk", "example.co.uk"]),
        (["example.com"], []),
        (["www.example.de", "mail.example.de"], ["example.de"]),
    ],
)
def test_the_registered_name_is_asked_about_too(names: list[str], above: list[str]) -> None:
    assert _subjects.parents(names) == above


def test_an_ipv4_address_in_ipv6_clothes_is_asked_about_as_such() -> None:
    for text in ("64:ff9b::c000:207", "2002:c000:207::1"):
        assert net.embedded(ip_address(text)) == ip_address("192.0.2.7")
    assert net.embedded(ip_address("2001:db8::1")) is None


def test_of_a_name_it_is_said_that_its_address_was_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda query: answer(query, rcode=3)) as port:
        main(["check", "mail.example.com", "--resolver", f"127.0.0.1:{port}", "--timeout", "2", "--no-save"])
        assert "those of addresses are asked by: unlisted check ADDR" in capsys.readouterr().err
