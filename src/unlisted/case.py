"""The case: one incident from the first sign to clean, as a value that can be saved and shown.

`of` builds it from what the rooms found; `with_decision` and `with_listing` carry it on. The fields
that `investigate --json` promises are the fields of `Case`.
"""

from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct, structs

from unlisted import codec
from unlisted.diagnose import causes, gates, next_step, signs
from unlisted.diagnose.gates import Gate
from unlisted.diagnose.signs import Findings
from unlisted.messages import Cause, Decision, Listing, Refusal, Step, Suspect
from unlisted.net import Address


class Unread(Struct, frozen=True):
    """What could not be read, or not wholly: never passed over in silence."""

    source: str
    why: str
    lines: int = 0  # lines that were not understood


class Source(Struct, frozen=True):
    """One thing that was read: what it was and what came out of it."""

    source: str
    what: str
    lines: int = 0
    not_understood: int = 0
    assumed: tuple[str, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """One incident. The first seven fields are the contract of `investigate --json`."""

    causes: tuple[Cause, ...] = ()
    gates: tuple[Gate, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    listings: tuple[Listing, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    next: tuple[Step, ...] = ()
    unread: tuple[Unread, ...] = ()
    id: str = ""
    own: tuple[Address, ...] = ()
    in_common: str = ""  # what the refusals share, as a sentence
    mail_log: str = ""  # what the mail server's log says, as a sentence
    advice: tuple[str, ...] = ()  # what to do about the refusals, the gravest first
    weighed: int = 0  # signs that were looked for and weighed; 0: the causes stand as they do for anybody
    decisions: tuple[Decision, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()  # what must be said beside the suspects

    @property
    def state(self) -> str:
        """open, held, or clean (nothing listed any more and the culprit held or gone)."""
        held = any(decision.state in ("applied", "verified") for decision in self.decisions)
        if self.listings and all(listing.state == "clear" for listing in self.listings):
            return "clean"
        return "held" if held else "open"


def of(
    findings: Findings,
    words: Mapping[str, str],
    *,
    in_common: str = "",
    unread: tuple[Unread, ...] = (),
    done: frozenset[str] = frozenset(),
    advice: tuple[str, ...] = (),
) -> Case:
    """The case that the findings make. `words` fill the next steps' commands, `done` are not advised."""
    table = causes.load()
    seen = signs.read(findings)
    about = tuple(r for r in findings.refusals if r.verdict not in ("recipient", "other"))
    ours = signs.about(findings.listings, findings.own)
    return Case(
        causes=tuple(causes.rank(seen, table)),
        gates=tuple(gates.judge(list(findings.refusals), ours, findings.own)),
        suspects=findings.suspects,
        listings=findings.listings,
        refusals=findings.refusals,
        next=tuple(next_step.plan(seen, list(findings.suspects), table, words, done)),
        unread=unread,
        id=_name(findings, about),
        own=findings.own,
        in_common=in_common,
        advice=advice,
        weighed=len(seen),
        mail_log=next((sign.because for sign in seen if sign.sign == "mail-server-fan-out"), ""),
    )


def with_decision(case: Case, decision: Decision) -> Case:
    """The case with a decision's newest state."""
    others = tuple(one for one in case.decisions if one.id != decision.id)
    return structs.replace(case, decisions=(*others, decision))


def with_listing(case: Case, listing: Listing) -> Case:
    """The case with a list's newest answer; `unknown` does not overwrite what was known."""
    if listing.state == "unknown":
        return case
    key = (listing.address, listing.list or listing.zone)
    others = tuple(one for one in case.listings if (one.address, one.list or one.zone) != key)
    return structs.replace(case, listings=(*others, listing))


def _name(findings: Findings, about: tuple[Refusal, ...]) -> str:
    """The same evidence always makes the same case."""
    digest = blake2b(digest_size=4)
    for part in (findings.own, about, findings.suspects, findings.listings):
        digest.update(codec.encode(part))
    return digest.hexdigest()
