"""What a refusal's words mean: every rule by its own samples, and the traps one by one."""

import json
import re
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge import mail
from unlisted.net import ip
from unlisted.notice import bounce, cited, phrases, refusal, rules
from unlisted.notice.refusal import judge

MACHINE = rules.matcher()
FLOOR = 0.97  # of the agreed rows, code, status, reason, hard and feedback type all right; reached: 0.983


def _reached(number: int, text: str) -> bool:
    return number in [n for n, _ in MACHINE.match(refusal.fold(text))]


@pytest.mark.parametrize(("number", "name"), list(enumerate(MACHINE.names)))
def test_rule_matches_its_texts_and_not_its_lookalikes(number: int, name: str) -> None:
    rule = MACHINE.rules[number]
    assert rule.texts, f"{name} has no text that proves it"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", rule.checked)
    assert rule.source
    for text in rule.texts:
        assert _reached(number, text), f"{name} does not match {text!r}"
    for text in rule.lookalikes:
        assert not _reached(number, text), f"{name} matches its look-alike {text!r}"


@pytest.mark.parametrize("name", MACHINE.names)
def test_each_pattern_is_reached_by_a_text_of_its_rule(name: str) -> None:
    """Pattern by pattern: another rule's texts, or another pattern of this one, prove nothing for it."""
    rule = rules.table().rule[name]
    flat = [refusal.fold(text) for text in rule.texts]
    unproven = [p for p in rule.any if not any(rules._single(p)(text) for text in flat)]
    assert not unproven, f"{name}: no text of the rule reaches {unproven}"


@pytest.mark.parametrize("name", [n for n, r in zip(MACHINE.names, MACHINE.rules, strict=True) if r.verdict])
def test_rule_decides_for_one_of_its_own_texts(name: str) -> None:
    texts = rules.table().rule[name].texts
    assert any(judge(t).rule == name for t in texts), f"{name} never decides: another rule stands before it"


def test_tables_speak_of_known_words() -> None:
    table = rules.table()
    words = set(table.reason)
    verdicts = {
        "our-address", "our-domain", "our-setup", "their-resolver", "private-list",
        "content", "rate", "recipient", "other", "undecided", "",
    }  # fmt: skip
    assert {r.reason for r in table.rule.values()} <= words | {""}
    assert {*table.status.values(), *table.code.values(), *table.command.values()} <= words
    assert {r.verdict for r in table.rule.values()} <= verdicts
    assert {r.verdict for r in table.reason.values()} <= verdicts


# how a source begins where nothing of the vendor's own was opened
UNSEEN = ("from memory, not verified", "a phrase seen in public bounces of ")


def test_what_is_from_memory_says_so() -> None:
    table = rules.table()
    entries: dict[str, rules.Rule | rules.Zone | rules.Reason] = {}
    entries.update({f"rule.{name}": entry for name, entry in table.rule.items()})
    entries.update({f"zone.{name}": entry for name, entry in table.zone.items()})
    entries.update({f"reason.{name}": entry for name, entry in table.reason.items()})
    unverified = [name for name, entry in entries.items() if not entry.verified]
    print(f"\n{len(unverified)} of {len(entries)} entries are not verified:", *unverified)
    for name, entry in entries.items():
        assert entry.source.startswith(UNSEEN) is not entry.verified, name
    assert len(unverified) <= 10  # a new one from memory is a decision, not an accident


def test_same_answers_without_re2() -> None:
    slow = phrases._One(MACHINE.patterns)
    for rule in MACHINE.rules:
        for text in (*rule.texts, *rule.lookalikes):
            flat = refusal.fold(text)
            assert sorted(MACHINE.set.Match(flat) or ()) == sorted(slow.Match(flat))


# ---- the nine traps -------------------------------------------------------------------------------


def test_receivers_address_is_never_ours() -> None:
    text = (
        "host mx.example.org[198.51.100.7] said: 554 5.7.1 Client host [192.0.2.9] blocked using spamcop.net"
    )
    assert judge(text).cited_ip == ip("192.0.2.9")
    assert judge("host mx.example.org[198.51.100.7] said: 550 5.7.1 poor reputation").cited_ip is None
    relay = (
        "550 5.7.1 Relaying denied ([198.51.100.7]). Please turn on SMTP Authentication in your mail client"
    )
    assert judge(relay).cited_ip is None
    assert judge("554 5.7.1 rejected, [192.0.2.9] is blocked", remote_mta="mx [192.0.2.9]").cited_ip is None


def test_own_address_goes_before_every_other() -> None:
    text = "550 blocked: mail from 203.0.113.77 relayed by 192.0.2.9 refused"
    assert judge(text, (ip("192.0.2.9"),)).cited_ip == ip("192.0.2.9")  # type: ignore[arg-type]
    assert judge(text).cited_ip == ip("203.0.113.77")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("550 5.7.1 Your message fails SPF checks, ip: [192.0.2.9]", "our-setup"),
        ("550-5.7.25 The IP address sending this message does not have a PTR record", "our-setup"),
        ("450-4.2.1 The user you are trying to contact is receiving mail too quickly", "recipient"),
        ("554 5.7.1 Sender address [x@example.net] blocked using dbl.spamhaus.org", "our-domain"),
        ("554 5.7.1 [192.0.2.9] blocked using zen.spamhaus.org; Error: open resolver", "their-resolver"),
        ("554 5.7.1 listed: zen.spamhaus.org=127.255.255.254", "their-resolver"),
        ("554 client 192.0.2.9 blocked https://check.spamhaus.org/returnc/vol/192.0.2.1/", "their-resolver"),
        (
            "550 5.7.513 Client host [192.0.2.9] blocked by example.org using Customer Block list",
            "private-list",
        ),
        ("550 5.7.1 IP address blacklisted by recipient", "private-list"),
        ("450 4.7.1 <a@example.org>: Recipient address rejected: ERS-QIL", "our-address"),
        ("550 5.1.0 192.0.2.9 blocked AUP#CXBL", "our-address"),
        ("550 5.4.1 Recipient address rejected: Access denied", "recipient"),
        ("554 rejected due to poor reputation of a domain used in message transfer", "our-domain"),
        ("550 5.7.1 Message content rejected, UBE, id=12-3", "content"),
        ("501 Connection rejected by policy [7.7] 12345", "our-address"),
        ("550 5.1.1 <a@example.org>: Recipient address rejected: User unknown", "recipient"),
    ],
)
def test_trap(text: str, verdict: str) -> None:
    assert judge(text).verdict == verdict


def test_neighbor_lists_name_their_scope() -> None:
    found = judge("550 5.7.1 Blacklisted in dnsbl-3.uceprotect.net. Your ISP is UCEPROTECT-Level3 listed")
    assert (found.list, found.sublist) == ("uceprotect-3", "L3")


# ---- codes, lists, addresses, pages ---------------------------------------------------------------


def test_multi_line_reply_is_one_text() -> None:
    found = judge(
        "550-5.7.1 [192.0.2.9  18] very low reputation\r\n550-5.7.1 of the sending IP\n550 5.7.1 address."
    )
    assert (found.code, found.status, found.reason) == ("550", "5.7.1", "badreputation")
    assert found.vendor == "google"
    assert found.cited_ip == ip("192.0.2.9")


def test_bit_mask_names_a_list() -> None:
    assert judge("554 comcast 192.0.2.9 blocked BL000010").list == "cloudmark-csi"
    assert judge("554 cox 192.0.2.9 blocked IPBL0001").list == "spamhaus-zen"


def test_list_is_named_by_its_host_alone() -> None:
    found = judge("553 http://www.spamhaus.org/query/bl?ip=192.0.2.9", remote_mta="smtp.secureserver.net")
    assert (found.list, found.verdict, found.vendor) == ("spamhaus-zen", "our-address", "godaddy")
    assert found.url == "http://www.spamhaus.org/query/bl?ip=192.0.2.9"
    assert judge("554 blocked using rbl.example.org").list == "rbl.example.org"


def test_ipv6_client_is_cited() -> None:
    assert judge("554 5.7.1 Client host [2001:db8::25] blocked using bl.spamcop.net").cited_ip == ip(
        "2001:db8::25"
    )


def test_every_verdict_quotes_what_it_read() -> None:
    found = judge("554 5.7.1 Service unavailable; client [192.0.2.9] blocked using bl.spamcop.net")
    assert found.rule
    assert "blocked using bl.spamcop.net" in found.quote


def test_codes_alone_accuse_nobody() -> None:
    assert judge("550 Rejected", command="EHLO").verdict == "undecided"
    assert judge("").verdict == "undecided"


@given(st.text(max_size=400), st.text(max_size=40))
def test_no_text_raises(text: str, remote: str) -> None:
    found = judge(text, remote_mta=remote)
    assert found.verdict


@given(
    st.lists(
        st.sampled_from(["550-", "5.7.1 ", "[", "1.2.3.4", "::", "blocked using ", "a" * 50, "\n", "\x00"]),
        max_size=60,
    )
)
def test_no_mixture_raises(pieces: list[str]) -> None:
    judge("".join(pieces), (ip("1.2.3.4"),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "sender " * 10**5, "1." * 10**5, "550-" * 10**5, ":" * 10**5, "host " * 10**5]
)
def test_a_hostile_text_is_cut(text: str) -> None:
    assert len(refusal.fold(text)) <= refusal.LIMIT
    judge(text)


# ---- against the corpus ---------------------------------------------------------------------------


@pytest.mark.corpus
def test_agreed_rows_of_the_corpus(corpora: Path) -> None:
    folder = corpora / "bounces"
    rows = [json.loads(row) for row in (folder / "expected.jsonl").read_text().splitlines()]
    misses: list[str] = []
    wrong: Counter[str] = Counter()
    told: dict[str, list[tuple[object, ...]]] = {}
    keys = ("reply_code", "status", "reason", "hard_bounce", "feedback_type")
    agreed = [row for row in rows if row["sources_agree"]]
    failed = 0
    for row in agreed:
        name = row["file"]
        if name not in told:
            read = mail.messages(str(folder / name))
            made = [r for m in read if isinstance(m, mail.Message) for r in bounce.refusals(m.raw, name)]
            told[name] = [(m.code, m.status, m.reason, m.hard, m.feedback_type) for m in made]
        nothing = ("no such recipient",) * len(keys)
        have = told[name][row["index"] - 1] if row["index"] <= len(told[name]) else nothing
        fields = [(k, row[k], had) for k, had in zip(keys, have, strict=True) if row[k] != had]
        failed += bool(fields)
        wrong.update(field for field, _, _ in fields)
        misses += [f"{name:30} {row['index']} {k:13} wanted {a!r:12} got {b!r}" for k, a, b in fields]
    right = len(agreed) - failed
    print(f"\n{right} of {len(agreed)} right; wrong by field: {dict(wrong)}", *misses, sep="\n")
    assert right / len(agreed) >= FLOOR


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("connect to mx.example[198.51.100.5]:25: Connection refused", None),
        ("lost connection with mx.example[198.51.100.5] while receiving the initial server greeting", None),
        ("conversation with mx.example[198.51.100.5] timed out while sending RCPT TO", None),
        ("554 mx.example ESMTP Symantec Brightmail 10.6.3.2 blocked by policy", None),
        ("550 5.7.1 Syntax error per RFC 2821 4.1.1.1; client host blocked using zen.spamhaus.org", None),
        ("550 5.7.1 Your IP is blacklisted (see section 4.1.1.1)", None),
        ("550 5.7.1 blocked, poor reputation (engine=8.12.0.2, definitions=2.65.1.1)", None),
        ("550 [2O3.0.113.5] is blacklisted", None),
        ("550 [203.0.113.5O] is blacklisted", None),
        ("550 5.7.1 blocked due to poor reputation. Message-ID <10.20.30.40@mail.example.com>", None),
        ("550 5.7.1 client dsl-203.0.113.5.isp.example refused", None),
        ("550 5.7.1 5.113.0.203.zen.spamhaus.org answered 127.0.0.4", "203.0.113.5"),
        ("550 5.7.1 Mail from 203.0.113.5 refused. See http://x.example/", "203.0.113.5"),
        ("550 5.7.1 Your IP is blacklisted (see RFC 5321 section 4.1.1.1)", None),
        ("550 5.7.1 Your IP (RFC 5321, section 3.6.2.1, 203.0.113.5) is blocked", "203.0.113.5"),
        ("550 5.7.1 clause 1.2.3.4 of the AUP: your IP is blacklisted", None),
        ("550 5.7.1 poor reputation (Sophos PureMessage 5.6.1.2)", None),
        ("550 5.7.1 poor reputation (engine=8.12.0.2, definitions=2.65.1.1)", None),
        ("550 5.7.1 poor reputation, policy v4.3.2.1", None),
        ("550 IP203.0.113.5 is blacklisted", "203.0.113.5"),
        ("550 poor reputation, see http://x.example/?ip=%5B203.0.113.5%5D", "203.0.113.5"),
    ],
)
def test_what_only_looks_like_our_address(text: str, cites: str | None) -> None:
    found = refusal.judge(text).cited_ip
    assert (str(found) if found else None) == cites


def test_who_rejects_is_no_list() -> None:
    said = refusal.judge("550 5.7.1 Your message was rejected by mx1.example (198.51.100.5)")
    assert (said.list, said.verdict) == ("", "undecided")
    assert refusal.judge("550 5.7.1 203.0.113.5 blocked by dnsbl.lists.example").list == "dnsbl.lists.example"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("bob wasn't found at kunde.example. Reported error: 550 5.7.1 Client blocked", ""),
        ("550 5.7.1 Blocked by kunde.example mail policy, contact postmaster@kunde.example", ""),
        ("550 5.7.1 203.0.113.5 blocked by mail.kunde.example", ""),
        ("550 5.7.1 203.0.113.5 blacklisted by mail.kunde.example", ""),
        ("550 5.7.1 listed in filter.kunde.example, ask postmaster@kunde.example", ""),
        ("550 5.7.1 203.0.113.5 blocked using rbl.kunde.example server rules", ""),
        ("550 5.7.1 203.0.113.5 blocked using dyna.lists.example", "dyna.lists.example"),
        (
            "550 5.7.1 203.0.113.5 blocked by rbl.lists.example, see postmaster@kunde.example",
            "rbl.lists.example",
        ),
        ("550 5.7.1 203.0.113.5 found in ip4.lists.example", "ip4.lists.example"),
        ("550 5.7.25 no PTR record for 203.0.113.5, listed at rbl.lists.example", ""),
    ],
)
def test_a_name_near_blocked_is_a_list_only_when_it_is_said_to_be_one(text: str, zone: str) -> None:
    assert judge(text).list == zone


def test_the_receivers_own_domain_is_no_list() -> None:
    text = "550 5.7.1 203.0.113.5 blocked using inbound.kunde.example"
    assert judge(text).list == "inbound.kunde.example"
    assert judge(text, remote_mta="inbound.kunde.example").list == ""


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("554 5.7.1 Client host blocked using bl.spamcop.net; [203.0.113.4", None),
        ("554 5.7.1 blocked using bl.spamcop.net; [203.0.113.4 (in reply to RCPT TO command)", None),
        ("554 5.7.1 Client blocked (203.0.113.4", None),
        ("554 5.7.1 Client host 203.0.113.4...", None),
        ("554 5.7.1 Client host [2001:db8:12::2", None),
        ("554 5.7.1 Client host [203.0.113.4]... Access denied", "203.0.113.4"),
        (
            "554 5.7.1 blocked using bl.spamcop.net; see https://www.spamcop.net/bl.shtml?203.0.113.4",
            "203.0.113.4",
        ),
    ],
)
def test_an_address_that_the_text_breaks_off_is_not_believed(text: str, cites: str | None) -> None:
    found = judge(text, tuple(a for a in [ip("203.0.113.4")] if a and cites)).cited_ip
    assert (str(found) if found else None) == cites
    assert judge(text).cited_ip == found


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("550-5.7.1 [192.0.2.9      19] very low reputation of the sending IP address. - gsmtp", "other"),
        ("421-4.7.28 [192.0.2.9      15] unusual rate of unsolicited mail originating from your IP", "other"),
        ("550-5.7.1 [192.0.2.9      12] this message is likely unsolicited mail. - gsmtp", "content"),
        ("550-5.7.25 [192.0.2.9] does not have a PTR record setup - gsmtp", "our-setup"),
        (
            "554 [x.google.com] blocked using bl.spamcop.net; see https://spamcop.net/bl.shtml?192.0.2.9",
            "other",
        ),
    ],
)
def test_a_client_that_is_none_of_ours_is_cited_all_the_same(text: str, verdict: str) -> None:
    ours = ip("203.0.113.5")
    assert ours
    found = judge(text, (ours,))
    assert (found.cited_ip, found.verdict) == (ip("192.0.2.9"), verdict)


def test_of_several_numbers_that_nothing_ties_to_the_client_none_is_taken() -> None:
    ours = ip("203.0.113.5")
    assert ours
    assert judge("554 poor reputation (192.0.2.9, 192.0.2.10)", (ours,)).cited_ip is None


def test_the_receivers_greeting_is_no_client() -> None:
    ours = ip("203.0.113.5")
    assert ours
    found = judge("554 mx.example.org ESMTP [198.51.100.7] your host is blacklisted", (ours,))
    assert (found.verdict, found.cited_ip) == ("our-address", None)


def test_the_list_is_of_the_rule_that_decided() -> None:
    found = judge("554 5.7.1 Sender address blocked using dbl.spamhaus.org; not the Spamhaus XBL, not SORBS")
    assert (found.verdict, found.list, found.sublist) == ("our-domain", "spamhaus-dbl", "")
    found = judge("550 5.7.1 MailFrom domain is listed in Spamhaus (S8002), 192.0.2.9 is in the SORBS list")
    assert (found.verdict, found.list) == ("our-domain", "spamhaus-dbl")


def test_what_somebody_is_called_decides_nothing() -> None:
    """Any word that a rule looks for may be a person's mailbox."""
    words = [
        "dmarc",
        "dynamic-ip-address",
        "s3150",
        "bl000001",
        "invaluement",
        "ers-rbl",
        "abuse_rbl",
        "tosa",
    ]
    words += ["delist", "helo-invalid", "spf-fail", "blacklist", "reputation", "greylist", "ptr", "spamhaus"]
    for word in [*words, "postmaster", "bounce", "blocked", "o'brien.rbl"]:
        for text in (
            f"550 5.1.1 <{word}@example.org>: Recipient address rejected: User unknown in virtual table",
            f"550 5.1.1 {word}@example.org... User unknown",
            f"452 4.2.2 mailbox {word}@example.org is full",
            f"550 5.1.1 RESOLVER.ADR.RecipientNotFound; Recipient {word}@example.org not found by lookup",
        ):
            verdict = refusal.judge(text, command="RCPT")
            assert (verdict.verdict, verdict.list) == ("recipient", ""), text
    known = refusal.judge("550 5.1.1 <info@spamhaus.org>: Recipient address rejected: User unknown")
    assert (known.verdict, known.list) == ("recipient", "")


@pytest.mark.parametrize(
    "text",
    [
        "host mx1.spamcop.net[192.0.2.1] said: 550 Rejected (in reply to end of DATA command)",
        "550 rejected. Sender <bob@manitu.net>",
        "550 rejected: your message to abuse@spamcop.net not taken",
    ],
)
def test_a_host_or_mailbox_at_a_list_is_no_listing(text: str) -> None:
    verdict = refusal.judge(text)
    assert (verdict.list, verdict.verdict == "our-address") == ("", False)


def test_ipv6_as_sendmail_and_exim_spell_it() -> None:
    text = "554 5.7.1 Client host [IPv6:2001:db8::25] blocked using zen.spamhaus.org"
    assert str(refusal.judge(text).cited_ip) == "2001:db8::25"


RECEIVER4, RECEIVER6 = "mx.example.org [198.51.100.7]", "mx.example.org [IPv6:2001:db8::25], mx2 [192.0.2.1]"


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ("554 5.7.1 198.51.100.7: your mail server has a poor reputation", RECEIVER4),
        ("550 5.7.1 [2001:db8::25] refused, your server is blacklisted by zen.spamhaus.org", RECEIVER6),
        ("550 5.7.1 [2001:0db8:0:0:0:0:0:0025] refused, your server is blacklisted", RECEIVER6),
        ("550 5.7.1 [2001:DB8:0::0:25] refused, your server is blacklisted", "[2001:db8::25]"),
        ("550 5.7.1 192.0.2.1: your server is blacklisted", RECEIVER6),
        ("550 5.7.1 198.51.100.7 refuses: sending server is blacklisted at zen.spamhaus.org", ""),
        ("550 5.7.1 [198.51.100.7] rejected your message, your server is on a blacklist", ""),
        ("554-mx1.example.org [198.51.100.7] 554 Your access was rejected: the MTA's poor reputation.", ""),
        ("550 5.7.1 server 198.51.100.7 says: your IP is blacklisted", ""),
        ("550 5.7.1 Your IP is blacklisted. Contact us via http://198.51.100.7/unblock", ""),
        ("550 5.7.1 Your IP is blacklisted. See http://[2001:db8::25]/unblock", ""),
    ],
)
def test_the_receivers_address_hides_no_accusation_and_is_not_ours(text: str, remote: str) -> None:
    for own in ((), (ip_address("203.0.113.5"),)):
        found = judge(text, own, remote_mta=remote)
        assert (found.verdict, found.cited_ip) == ("our-address", None), own


@pytest.mark.parametrize(
    "text",
    [
        "host mx [203.0.113.5] said: 550 5.7.1 Your IP is blacklisted",
        "550 5.7.1 [198.51.100.9] is no friend; Client host [203.0.113.5] blocked using bl.spamcop.net",
        "550 5.7.1 Client host [::ffff:203.0.113.5] blocked using zen.spamhaus.org",
        "550 5.7.1 Relaying denied ([203.0.113.5]). Please turn on SMTP Authentication in your mail client",
        "550 5.7.1 [2001:0DB8:0001:0:0:0:0:5] is blacklisted",
        "550 5.7.1 2001:db8:1::5: your server is blacklisted",
        "554 blocked: " + "198.51.100.1 " * cited.MOST + "2001:0db8:1::0005",
    ],
)
def test_one_of_our_own_beats_all_others_wherever_it_stands(text: str) -> None:
    own = (ip_address("203.0.113.5"), ip_address("2001:db8:1::5"))
    assert judge(text, own, remote_mta="mx [203.0.113.5]").cited_ip in own


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("::ffff:198.51.100.7 is blacklisted", "198.51.100.7"),
        ("64:ff9b::198.51.100.7 is blacklisted", "64:ff9b::c633:6407"),
        ("2001:db8::7: your server is blacklisted", "2001:db8::7"),
        ("[2001:db8:1:2:3:4:5:6] is blacklisted", "2001:db8:1:2:3:4:5:6"),
        ("2001:db8::12345 is blacklisted", "None"),
        ("[IPv6:2001:0db8:0000:0000:0000:0000:0000:0007] is blacklisted", "2001:db8::7"),
    ],
)
def test_an_ipv6_address_however_it_is_spelled(text: str, cites: str) -> None:
    assert str(judge(f"550 5.7.1 {text}").cited_ip) == cites


def test_an_address_of_the_inside_is_nobody_else_s() -> None:
    text = "550 5.7.1 Your mail server 10.0.0.5 is blacklisted at zen.spamhaus.org"
    assert judge(text, (ip_address("203.0.113.5"),)).verdict == "our-address"


def test_of_many_addresses_the_first_are_weighed_and_our_own_is_found_among_all() -> None:
    strangers = " ".join(f"198.51.100.{n}" for n in range(cited.MOST))
    text = f"554 5.7.1 blocked: {strangers} 203.0.113.5"
    own = ip_address("203.0.113.5")
    assert judge(text, (own,)).cited_ip == own
    assert judge(text, (ip_address("203.0.113.6"),)).cited_ip is None
    assert judge(f"554 5.7.1 blocked: {strangers} client 192.0.2.9").cited_ip == ip_address("198.51.100.0")


def test_a_network_is_nobody_s_address() -> None:
    told = refusal.judge("550 your network 203.0.113.0/24 is blocked for abuse")
    assert (told.verdict, told.cited_ip) == ("our-address", None)
    both = refusal.judge("550 203.0.113.5 is refused: your network 203.0.113.0/24 is blocked for abuse")
    assert str(both.cited_ip) == "203.0.113.5"
    assert (
        str(refusal.judge("554 blocked, see https://list.example/ip/203.0.113.5/24h").cited_ip)
        == "203.0.113.5"
    )


def test_the_filter_is_known_with_its_address_beside_it() -> None:
    for remote in ("mx1.pphosted.com", "mx1.pphosted.com [198.51.100.7]", "MX1.PPHOSTED.COM. [198.51.100.7]"):
        assert rules.vendor_of(remote) == "proofpoint"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("550 5.7.1 the link http://x.example resolves to an IP listed in zen.spamhaus.org", "our-domain"),
        ("554 5.7.1 Rejected: URL host 198.51.100.77 is listed in zen.spamhaus.org", "our-domain"),
        ("554 5.7.1 Message contains a URI whose nameserver is listed in sbl.spamhaus.org", "our-domain"),
        ("550 5.7.1 Received header contains 198.51.100.77, blacklisted in zen.spamhaus.org", "content"),
        ("554 5.7.1 Message body contains an IP address listed on a blacklist", "content"),
        ("550 5.7.1 The text of your mail mentions zen.spamhaus.org", "content"),
        ("552 5.7.0 the SHA256 hash of an attachment is listed at zen.spamhaus.org", "content"),
        ("550 5.7.1 The DKIM signing domain example.com has a bad reputation", "our-domain"),
        ("550 5.7.1 recipient bob@example.org is blacklisted", "recipient"),
        ("550 5.7.1 Recipient domain example.org is blacklisted", "recipient"),
        ("550 5.1.1 Recipient address has been blacklisted", "recipient"),
        ("554 5.7.1 You are not allowed to send mail to this blacklisted recipient", "recipient"),
        ("554 5.7.1 Client host [203.0.113.5] blocked using bl.spamcop.net; see the link", "our-address"),
    ],
)  # fmt: skip
def test_what_else_may_be_on_a_list_is_not_our_address(text: str, verdict: str) -> None:
    for own in ((), (ip_address("203.0.113.5"),)):
        found = judge(text, own, command="DATA")
        assert (found.verdict, found.cited_ip is not None) == (verdict, verdict == "our-address"), text


def test_who_asks_barracuda_s_list_need_not_have_their_filter() -> None:
    asked = (
        "554 5.7.1 Client host [203.0.113.5] blocked using b.barracudacentral.org; "
        "http://www.barracudanetworks.com/reputation/?pr=1&ip=203.0.113.5"
    )
    assert (judge(asked).list, judge(asked).vendor) == ("barracuda", "")
    theirs = "550 5.7.1 Client host [203.0.113.5] blocked using Barracuda Reputation"
    assert (judge(theirs).list, judge(theirs).vendor) == ("barracuda", "barracuda")
    assert judge(asked, remote_mta="d1.ess.barracudanetworks.com").vendor == "barracuda"


def test_a_limit_that_follows_reputation_is_no_block() -> None:
    told = judge("421 RP-001 (SNT004-MC1F1) the server has exceeded the rate limit allowed")
    assert (told.verdict, told.reason, told.vendor) == ("rate", "speeding", "microsoft-consumer")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("451 4.3.0 DNS lookup for zen.spamhaus.org timed out", "their-resolver"),
        ("451 4.7.1 temporary failure: zen.spamhaus.org lookup error for 203.0.113.5", "their-resolver"),
        ("550 5.7.1 no answer from bl.spamcop.net, try again", "their-resolver"),
        ("550 5.7.0 203.0.113.5 zen.spamhaus.org", "our-address"),
        ("554 5.7.1 Client host blocked using zen.spamhaus.org; DNS lookup timed out", "our-address"),
    ],
)
def test_a_list_that_could_not_be_asked_accuses_nobody(text: str, verdict: str) -> None:
    assert judge(text).verdict == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("550 5.1.1 user unknown. Not listed in zen.spamhaus.org", "recipient"),
        ("550 5.7.1 rejected. Your IP is not listed at zen.spamhaus.org", "undecided"),
        ("550 5.7.1 Your IP 203.0.113.5 is not blacklisted; message content refused", "undecided"),
        ("550 5.7.1 rejected as spam. 203.0.113.5 is no longer listed on bl.spamcop.net", "content"),
        ("550 5.7.1 203.0.113.5 is not listed in bl.spamcop.net but in zen.spamhaus.org", "our-address"),
        ("550 5.7.1 Check that your IP 203.0.113.5 is not blacklisted", "our-address"),
        ("550 blocked using zen.spamhaus.org. Please make sure it is not listed at x.example", "our-address"),
    ],
)
def test_not_listed_is_no_accusation_where_a_sentence_says_just_that(text: str, verdict: str) -> None:
    assert judge(text).verdict == verdict
