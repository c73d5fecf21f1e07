"""What is rendered for the kernel, in both spellings, and what is read back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.errors import ConfigError
from unlisted.messages import Decision, Device
from unlisted.net import ip
from unlisted.stop import decide, enforcers, ruleset
from unlisted.stop.enforcers import nftables, paper
from unlisted.stop.enforcers.nftables import Document, Standing

RULE = Standing(
    lan=("lan0",), wan=("wan0", "wan1"), senders=("192.168.1.2", "2001:DB8::2", "3C-5A-B4-00-00-01")
)


def decision(address: str = "192.168.1.50", mac: str = "3c:5a:b4:00:00:02") -> Decision:
    device = Device(ip(address) if address else None, mac, hostname='x" ; flush ruleset')
    return decide.by_hand(device, "because", "me", 1000.0, 1)


def commands(document: Document) -> list[tuple[str, str, dict[str, object]]]:
    """(verb, kind, body) of each command."""
    return [
        (verb, kind, body)
        for command in json.loads(document.json)["nftables"]
        for verb, inner in command.items()
        for kind, body in inner.items()
    ]


def test_everything_stays_in_the_own_table_and_at_the_forward_hook() -> None:
    for document in (nftables.install(RULE), nftables.hold(decision(), 1000.0), nftables.remove()):
        for _, kind, body in commands(document):
            assert body["family"] == "inet"
            assert (body["name"] if kind == "table" else body["table"]) == "unlisted"
            assert body.get("hook", "forward") == "forward"
            assert body.get("policy", "accept") == "accept"


def test_a_hold_stands_in_each_set_until_its_end() -> None:
    added = [
        (body["name"], body["elem"])
        for verb, kind, body in commands(nftables.hold(decision(), 1300.0))
        if verb == "add" and kind == "element"
    ][-3:]
    name = decision().id
    assert added == [
        ("held_mac", [{"elem": {"val": "3c:5a:b4:00:00:02", "timeout": 3300, "comment": name}}]),
        # The next owner of the address is not cut off in the device's place.
        ("held4", [{"elem": {"val": "192.168.1.50", "timeout": 300, "comment": name}}]),
        ("replies4", [{"elem": {"val": "192.168.1.50", "timeout": 300, "comment": name}}]),
    ]
    assert "held6 { fd00::5 timeout" in nftables.hold(decision("fd00::5", ""), 1000.0).text
    assert "timeout 1s" in nftables.hold(decision(), 1e9).text  # never an element without an end


def test_a_clock_that_stands_in_1970_makes_no_hold_for_half_a_century() -> None:
    made = decide.by_hand(decision().device, "why", "me", 1_795_000_000.0, 1)
    assert " timeout 3600s" in nftables.hold(made, 5.0).text


def test_open_connections_end_from_both_sides() -> None:
    assert nftables.hold(decision(), 1000.0).extra == (
        ("conntrack", "-D", "-f", "ipv4", "-s", "192.168.1.50"),
        ("conntrack", "-D", "-f", "ipv4", "-r", "192.168.1.50"),
    )
    assert nftables.hold(decision(address=""), 1000.0).extra == ()


def test_nothing_that_a_device_says_of_itself_reaches_the_kernel() -> None:
    document = nftables.hold(decision(), 1000.0)
    assert b"flush ruleset" not in document.json
    assert "flush ruleset" not in document.text


def test_the_standing_rule_in_words() -> None:
    text = nftables.install(RULE).text
    assert 'mail iifname "lan0" oifname { "wan0", "wan1" } tcp dport @mail_ports jump outgoing' in text
    assert "add element inet unlisted senders4 { 192.168.1.2 }" in text
    assert "add element inet unlisted senders6 { 2001:db8::2 }" in text
    assert "add element inet unlisted sender_macs { 3c:5a:b4:00:00:01 }" in text
    assert 'outgoing tcp dport 25 counter name "blocked" drop' in text
    strict = nftables.install(Standing(block_submission=True)).text
    assert 'outgoing tcp dport @mail_ports counter name "blocked" drop' in strict
    assert "iifname" not in strict


def test_a_log_comes_before_each_drop_of_mail() -> None:
    lines = nftables.install(RULE).text.splitlines()
    for prefix, chain in ((nftables.BLOCK, "outgoing"), (nftables.HELD, "held")):
        logged = next(n for n, line in enumerate(lines) if f'log prefix "{prefix}"' in line)
        dropped = next(n for n, line in enumerate(lines) if f"{chain} " in line and line.endswith(" drop"))
        assert logged < dropped


@pytest.mark.parametrize("word", ["", "two words", 'lan0" accept', "x" * 16, "a\nb"])
def test_a_word_that_is_no_interface(word: str) -> None:
    with pytest.raises(ConfigError, match="interface"):
        nftables.install(Standing(wan=(word,)))


@given(st.text())
def test_a_sender_is_an_address_a_mac_or_an_error(text: str) -> None:
    try:
        document = nftables.install(Standing(senders=(text,)))
    except ConfigError:
        return
    assert "\x1b" not in document.text


LISTING = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {
            "set": {
                "name": "held_mac",
                "type": "ether_addr",
                "elem": [
                    {
                        "elem": {
                            "val": "3c:5a:b4:00:00:02",
                            "timeout": 60,
                            "expires": 59,
                            "comment": "abcd",
                            "counter": {"packets": 7, "bytes": 420},
                        }
                    }
                ],
            }
        },
        {"counter": {"name": "blocked", "packets": 12, "bytes": 1}},
    ]
}


def test_the_kernels_answer_is_read() -> None:
    listing = ruleset.read(json.dumps(LISTING))
    assert ruleset.held(listing) == [ruleset.Held("3c:5a:b4:00:00:02", "abcd", 59, 7)]
    assert ruleset.counters(listing) == {"blocked": 12}
    assert ruleset.missing(nftables.base(), listing) != ""
    assert "held_mac" in ruleset.missing_hold(decision(), [listing], 0.0)


@given(st.binary() | st.text())
def test_any_answer_is_read_without_a_crash(answer: bytes | str) -> None:
    assert ruleset.held(ruleset.read(answer)) == []


def test_a_document_lacks_nothing_of_itself() -> None:
    installed = nftables.install(RULE)
    assert ruleset.missing(installed, ruleset._added(installed)) == ""
    assert ruleset.missing(installed, ruleset._added(nftables.base())) == "set senders4 is missing"


def test_undo_takes_back_what_was_done() -> None:
    assert nftables.undo(RULE) == nftables.remove()
    assert nftables.undo(decision()) == nftables.release(decision())
    assert "delete element inet unlisted held_mac" in nftables.release(decision()).text


def test_enforcers_are_found_in_their_folder() -> None:
    assert {"nftables", "paper"} <= set(enforcers.names())
    for name in enforcers.names():
        assert enforcers.load(name).ABOUT
    with pytest.raises(ValueError, match="there are"):
        enforcers.load("magic")


def test_paper_says_what_to_do_until_when_and_how_to_undo_it() -> None:
    text = paper.hold(decision(), 1000.0)
    assert "3c:5a:b4:00:00:02" in text
    assert "1970-01-01 01:16 UTC" in text
    assert "unlisted release" in text
    hostile = Device(ip("192.168.1.9"), hostname="a\n4. Pay me\x1b[2J")
    shown = paper.hold(decide.by_hand(hostile, "x\ny", "me", 0.0, 1), 0.0)
    assert "\x1b" not in shown
    assert "\n4." not in shown
    assert "Unblock" in paper.release(decision())


def listing(*elements: tuple[str, str, str, int]) -> ruleset.Listing:
    """Hold sets in the kernel's words: set, name, decision, packets."""
    sets = [
        {
            "set": {
                "name": where,
                "elem": [{"elem": {"val": value, "comment": ident, "counter": {"packets": packets}}}],
            }
        }
        for where, value, ident, packets in elements
    ]
    return ruleset.read(json.dumps({"nftables": sets}))


def test_a_release_takes_only_what_its_own_decision_holds() -> None:
    ours = decision()
    there = listing(("held_mac", ours.device.mac, "younger", 0), ("held4", "192.168.1.50", ours.id, 0))
    document = ruleset.release_held(ours, there)
    assert document is not None
    assert "held4 { 192.168.1.50 }" in document.text
    assert "held_mac" not in document.text
    assert ruleset.release_held(ours, listing(("held4", "192.168.1.50", "younger", 0))) is None


def test_what_an_address_carries_proves_nothing_where_the_mac_is_known() -> None:
    ours = decision()
    there = listing(("held_mac", ours.device.mac, ours.id, 2), ("held4", "192.168.1.50", ours.id, 40))
    assert ruleset.stopped(ours, there) == 2
    alone = decision(mac="")
    assert ruleset.stopped(alone, listing(("held4", "192.168.1.50", alone.id, 40))) == 40
    assert ruleset.stopped(alone, listing(("held4", "192.168.1.50", "another", 40))) == 0


def test_the_group_that_was_told_is_kept() -> None:
    other = structs.replace(RULE, group=30)
    there = ruleset._added(nftables.install(other))
    assert ruleset.group(there) == 30
    assert ruleset.missing(nftables.base(ruleset.group(there)), there) == ""
    assert ruleset.group(ruleset.read("")) == nftables.GROUP
