"""What a refusal quotes of the mail accuses nobody; no phrase runs on from an introduction into a reply."""

import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.notice import bounce, ownwords
from unlisted.notice.ownwords import masked
from unlisted.notice.refusal import judge

ZEN = "Client host [203.0.113.9] blocked using zen.spamhaus.org"
OWN = ip_address("203.0.113.5")


@pytest.mark.parametrize(
    "text",
    [
        f"554 5.7.1 Message rejected: subject of ({ZEN}) matches a profile",
        f"554 5.7.1 the message with the subject of (see (1) {ZEN}) is refused",
        f'550 5.7.1 [The message with subject "{ZEN}" was rejected]',
        f'550 5.7.1 subject line "He said "{ZEN}" here" refused',
        f"550 5.7.1 refused, subject: {ZEN}",
        f"550 5.7.1 Subject={ZEN}; refused",
        f'550 5.7.1 "{ZEN}" <bob@example.com> may not send here',
        f"550 5.7.1 From: {ZEN} <bob@example.com>",
        f"552 5.7.0 attachment '{ZEN}.zip' refused",
        "552 5.7.0 attachment your.ip.is.listed.in.zen.spamhaus.org.zip refused",
        f"552 5.7.0 file name = <{ZEN}.doc>",
        f'554 5.7.1 body text that was found: "{ZEN}"',
        f"554 5.7.1 it has the phrase \u201e{ZEN}\u201c",
        f"554 5.7.1 the words \u00ab{ZEN}\u00bb are not taken",
        "554 5.7.1 message contains the URL http://www.spamhaus.org/query/bl?ip=203.0.113.9",
        '554 5.7.1 message contains a link "http://www.spamhaus.org/query/bl?ip=203.0.113.9"',
        "554 5.7.1 refused due to URL: http://www.spamhaus.org/query/bl?ip=203.0.113.9 in its body",
        f"554 5.7.1 Betreff ist \u201e{ZEN}\u201c, abgelehnt",
        f"554 5.7.1 Asunto: {ZEN}",
        f"554 5.7.1 \u4ef6\u540d\u300c{ZEN}\u300d",
        f"554 5.7.1 \u0442\u0435\u043c\u0430: \u00ab{ZEN}\u00bb",
        f'554 5.7.1 refused, subject "{ZEN} (the relay cut this off',
    ],
)
def test_the_mail_s_own_words_accuse_nobody_and_cite_nobody(text: str) -> None:
    for own in ((), (OWN, ip_address("203.0.113.9"))):
        found = judge(text, own, command="DATA")
        assert found.verdict != "our-address", text
        assert (found.list, found.cited_ip, found.url) == ("", None, "")
    assert len(masked(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "554 5.7.1 subject 'hello', Client host [203.0.113.5] blocked using zen.spamhaus.org",
        '554 5.7.1 subject "hello"; Client host [203.0.113.5] blocked using zen.spamhaus.org',
        "554 5.7.1 subject (x). Client host [203.0.113.5] blocked using zen.spamhaus.org (see (2) there)",
        "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org; the subject's words",
        "554 5.7.1 Subject: hello; Client host [203.0.113.5] blocked using zen.spamhaus.org",
        "554 5.7.1 Subject: hello Reply: Client host [203.0.113.5] blocked using zen.spamhaus.org",
        '554 5.7.1 Client host [203.0.113.5] blocked; see the URL "http://www.spamhaus.org/query/bl"',
        '550 5.7.1 Error text: "Client host [203.0.113.5] blocked using zen.spamhaus.org"',
        "450 4.7.1 they replied with the text 'Client host [203.0.113.5] blocked using zen.spamhaus.org'",
        "554 5.7.1 mail is subject to policy: Client host [203.0.113.5] blocked using zen.spamhaus.org",
        "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org; file a ticket: http://x.example/",
    ],
)
def test_what_the_receiver_says_beside_them_is_his(text: str) -> None:
    found = judge(text, (OWN,))
    assert (found.verdict, found.list, found.cited_ip) == ("our-address", "spamhaus-zen", OWN)


def test_a_quotation_is_shown_as_it_stood() -> None:
    found = judge("550 5.7.1 From: Anna <anna@example.com> rejected")
    assert "Anna" in found.quote


@pytest.mark.parametrize(
    "text",
    [
        "This is about a message from your server\n\n<a@x.example>: rejected",
        "This is about a message from your server\n<a@x.example>: rejected",
        "We write to you of mail from your host:\nrejected",
        "550 5.4.1 message from your server: host mx.example.org said: rejected",
        "The mail server and its IP\n\n<a@x.example>: was blacklisted there",
    ],
)
def test_no_phrase_begins_in_an_introduction_and_ends_in_the_reply(text: str) -> None:
    assert judge(text).verdict != "our-address"
    assert not any(one.verdict == "our-address" for one in bounce.pasted(text, "x"))


def test_a_reply_that_is_wrapped_is_still_one() -> None:
    text = "<a@x.example>: host mx said:\n    554 5.7.1 <x[203.0.113.5]>:\n    Client host\n    rejected: no"
    assert (judge(text).code, judge(text).verdict) == ("554", "our-address")
    said = "The remote host said:\n550 5.1.1 user unknown"
    assert (judge(said).code, judge(said).reason) == ("550", "userunknown")
    lines = "550-5.7.1 Your server\n\n550-5.7.1 is no friend\n\n550 5.7.1 of ours"
    assert "550-" not in judge(lines).quote


@given(st.text(alphabet="subject file\"'`(<[{)>]}\u201e\u201c\u00ab\u00bb:=;a.\n", max_size=300))
def test_masking_keeps_the_length_and_never_raises(text: str) -> None:
    assert len(masked(text)) == len(text)


@pytest.mark.parametrize(
    "unit",
    [
        "subject (",
        "subject '",
        'file "a',
        "word \u201e",
        "subject: ",
        "from: a ",
        "(",
        "contains a url ",
        '"a" <',
    ],
)
def test_hostile_quotations_are_masked_in_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        masked(text)
        return time.process_time() - started

    masked("subject (x)")
    small, large = (min(seconds(size) for _ in range(3)) for size in (20_000, 160_000))
    assert large < 8 * 3 * small + 0.02


def test_a_text_without_such_a_noun_is_the_same_object() -> None:
    text = "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown"
    assert ownwords.masked(text) is text
