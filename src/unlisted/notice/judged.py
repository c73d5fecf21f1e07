"""What was said of a recipient, judged: failures to refusals."""

import re
from functools import lru_cache

import msgspec

from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import cited, dialects, refusal
from unlisted.notice.dialects import Failure, plain

_OPENSMTPD = "This is the MAILER-DAEMON, please DO NOT REPLY"  # smtpd/bounce.c
_WEAK = ("undefined", "onhold", "systemerror", "networkerror", "securityerror", "expired")


@lru_cache(maxsize=8)  # a thousand recipients of one report are mostly told the same
def _judged(words: str, own: tuple[Address, ...], remote: str, status: str, command: str) -> refusal.Verdict:
    return refusal.judge(words, own, remote_mta=remote, status=status, command=command)


def told(failure: Failure, text: str, own: tuple[Address, ...], alone: bool) -> Refusal:
    """One recipient's refusal. Unless he is `alone`, what the notification says at large may be another's."""
    context, near = failure.context, failure.near or failure.context
    filled = ""
    if failure.structured:
        context = dialects.about(text)
        blank = not failure.text and failure.status.endswith(".0.0") and _OPENSMTPD in text[:2000]
        his = plain.beside(text).get(failure.recipient.lower(), "") if blank or not alone else ""
        near = context if alone else his
        if his and blank:
            # It fills in 5.0.0 or 4.0.0 for whatever happened: no more than the class is told.
            filled, failure = failure.status[:1], msgspec.structs.replace(failure, status="")
        failure = msgspec.structs.replace(failure, text=failure.text or ("" if alone else his))
    found = _told(msgspec.structs.replace(failure, recipient="", at=None, context=context, near=near), own)
    if filled and refusal.is_pseudo(found.status):
        found = msgspec.structs.replace(found, status=filled + found.status[1:])
    return msgspec.structs.replace(found, recipient=failure.recipient, at=failure.at)


def stated(found: Refusal) -> bool:
    """A reply code, a status or a known phrase; nobody is accused by a phrase alone."""
    status = bool(found.status) and not refusal.is_pseudo(found.status)
    phrase = bool(found.rule) and found.verdict in ("recipient", "other", "content")
    return bool(found.code) or status or phrase


@lru_cache(maxsize=8)  # a thousand recipients are mostly told the same
def _told(failure: Failure, own: tuple[Address, ...]) -> Refusal:
    near = failure.near
    words, command = _words(failure.text, failure.context, near)
    remote = failure.remote_mta or dialects.remote(failure.text) or dialects.remote(near)
    command = command or dialects.command(f"{near}\n{failure.status}")
    verdict = _judged(words, own, remote, failure.status, command)
    if near and near != words and (not verdict.rule or verdict.reason in _WEAK):
        verdict = _wider(verdict, near, own, remote, failure.status, command)
    if not verdict.code and (session := dialects.transcript(near)[0]):
        code = refusal.codes(refusal.fold(session))[0]
        if code[:1] == verdict.status[:1]:
            verdict = msgspec.structs.replace(verdict, code=code)
    if verdict.verdict == "our-address" and verdict.cited_ip is None:
        told = cited.told_of(near or failure.context)
        verdict = msgspec.structs.replace(verdict, cited_ip=told if not own or told in own else None)
    return made(_fate(verdict, failure, words), "", "", remote, None, words)


def _fate(verdict: refusal.Verdict, failure: Failure, words: str) -> refusal.Verdict:
    """What became of the mail, where the words alone do not say it."""
    reason, meant = verdict.reason, verdict.verdict
    arrived = failure.action in ("delivered", "relayed", "expanded", "deliverable")
    if arrived and not verdict.code.startswith(("4", "5")):
        reason, meant = "delivered", "other"
    elif reason == "undefined" and failure.action in ("delayed", "expired"):
        reason, meant = "expired", "other"
    elif reason == "undefined" and words.strip() and failure.named:
        reason = "onhold"  # Sisimai's word: one recipient was refused, in words that nobody knows
    status = verdict.status
    if refusal.is_pseudo(status) and reason != verdict.reason:
        status = refusal.pseudo(reason, verdict.code, words)
    # RFC 3464 §2.3.3: "failed" is the reporter's last word, whatever the code was that he gave up on.
    lasting = failure.action == "failed" or not transient(verdict)
    hard = verdict.hard and reason == verdict.reason and lasting and failure.action != "delayed"
    return msgspec.structs.replace(verdict, reason=reason, verdict=meant, hard=hard, status=status)


def transient(verdict: refusal.Verdict) -> bool:
    """True for what the receiver calls passing (RFC 5321 §4.2.1, RFC 3463 §2)."""
    return verdict.code.startswith("4") or verdict.status.startswith("4")


def made(
    verdict: refusal.Verdict, source: str, recipient: str, remote: str, at: float | None, words: str
) -> Refusal:
    return Refusal(
        source=source,
        recipient=recipient,
        remote_mta=remote,
        code=verdict.code,
        status=verdict.status,
        reason=verdict.reason,
        hard=verdict.hard,
        verdict=verdict.verdict,
        list=verdict.list,
        sublist=verdict.sublist,
        also=verdict.also,
        vendor=verdict.vendor,
        cited_ip=verdict.cited_ip,
        url=verdict.url,
        rule=verdict.rule,
        quote=verdict.quote,
        at=at,
        text=refusal.fold(words)[:2000],
    )


def _words(words: str, context: str, near: str) -> tuple[str, str]:
    """The reply's own words, and the command that it answered.

    Sendmail's Diagnostic-Code holds the first line of a reply only; the transcript has all of it.
    """
    whole, answered = dialects.answered(words, near)
    if words and not whole:
        whole, answered = dialects.answered(words, context)
    if whole and (len(words) < 8 or re.match(r"[245][0-9]{2}-", words)):
        words = whole
    return words or near, dialects.command(words) or answered


def _wider(
    verdict: refusal.Verdict, context: str, own: tuple[Address, ...], remote: str, status: str, command: str
) -> refusal.Verdict:
    """Judge the whole notification where the reply alone says too little, and keep the reply's codes."""
    stated = verdict.status if not refusal.is_pseudo(verdict.status) else ""
    whole = _judged(context, own, remote, stated or status, command)
    if not whole.rule or (verdict.rule and whole.reason in _WEAK):
        return verdict
    keep_code = verdict.code or (
        whole.code if not verdict.status or whole.code[:1] == verdict.status[:1] else ""
    )
    return msgspec.structs.replace(
        whole,
        code=keep_code,
        status=stated or whole.status,
        cited_ip=verdict.cited_ip or whole.cited_ip,
        url=verdict.url or whole.url,
    )
