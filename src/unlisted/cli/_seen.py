"""`find --seen` and `--contacted`: the question that a list's own evidence raises; and who was here then."""

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unlisted.cli import _device, _lacking, _when

if TYPE_CHECKING:
    from unlisted.edge.folder import Gathered
    from unlisted.find.presence import Odds, Seen
    from unlisted.find.seen import Answer, Candidate, Question
    from unlisted.net import Address, Network

SKEW = 30.0  # seconds; two clocks that are set by NTP now and then
SHOWN = 10  # candidates shown to a person without --all


def arguments(parser: argparse.ArgumentParser) -> None:
    """What these questions understand."""
    parser.add_argument("--seen", metavar="ADDR[:PORT]", help="who had this public address and port then?")
    parser.add_argument("--contacted", metavar="ADDR[:PORT]", help="who spoke to this address then?")
    parser.add_argument(
        "--at",
        action="append",
        type=_when.moment,
        default=[],
        metavar="TIME",
        help='when, as "2026-11-20 19:04:11Z"; UTC where it says no zone',
    )
    parser.add_argument(
        "--zone",
        type=_when.zone,
        help="the time zone of logs that say none, as Europe/Vienna or +01:00 (default UTC)",
    )
    parser.add_argument(
        "--skew", type=_when.span, metavar="TIME", help="by how much the clocks may differ (default 30s)"
    )


def run(args: argparse.Namespace, sources: Sequence[str], inside: "tuple[Network, ...]") -> int:
    """Read what concerns the question, answer it. 1 with candidates, 3 without."""
    import msgspec

    from unlisted import show
    from unlisted.cli.find import say
    from unlisted.edge import folder
    from unlisted.edge.progress import bar
    from unlisted.edge.quoted import quoted
    from unlisted.edge.reading import About
    from unlisted.errors import UnlistedError
    from unlisted.find import seen

    if args.seen is not None and args.contacted is not None:
        raise UnlistedError("--seen and --contacted are two questions", remedy="ask one at a time", code=2)
    if len(args.at) != 1:
        what = "which moment?" if not args.at else "one moment at a time"
        raise UnlistedError(what, remedy='--at "2026-11-20 19:04:11Z"', code=2)
    address, port = _socket(
        *(("--contacted", args.contacted) if args.seen is None else ("--seen", args.seen))
    )
    when = args.at[0]
    skew = args.skew if args.skew is not None else SKEW
    # Written without seconds it is any moment of that minute.
    at, off = (when.at + when.exact / 2, when.exact / 2 + skew) if when.exact > 1 else (when.at, max(skew, 1))
    asked = seen.Question(address, port, at, off, contacted=args.contacted is not None, inside=inside)
    about = About(
        asked.concerns, asked.about, asked.at, asked.needle,
        frozenset({address}), 0 if asked.contacted else port,
    )  # fmt: skip
    gathered = folder.gather(sources, bar, about=about, zone=args.zone)
    say(gathered.readings)
    if not when.zone:
        show.say(f"--at says no zone: taken as UTC, {show.when(when.at)}")
    found = seen.answer(asked, gathered.contacts, gathered.translations, gathered.who)
    found = msgspec.structs.replace(found, candidates=tuple(quoted(found.candidates)))
    if left := gathered.translations.forgotten + gathered.contacts.left:
        show.say(f"{left:,} connections and translations were too many to keep: the answer is not complete")
        found = msgspec.structs.replace(found, unique=False)
    for sentence in found.because:
        show.say(sentence)
    if args.json:
        show.emit(found)
    else:
        _print(found.candidates, everyone=args.all)
    _last(asked, found, gathered, sources)
    return 1 if found.candidates else 3


def _socket(option: str, text: str) -> "tuple[Address, int]":
    from unlisted import net, show
    from unlisted.errors import UnlistedError
    from unlisted.evidence.contact import port

    plain = text.strip()
    open_, shut = plain.startswith("["), "]" in plain
    host, _, number = plain.rpartition(":")
    if open_ == shut and (alone := net.ip(plain)) is not None:
        maybe = net.ip(host) if not open_ and plain.count(":") < 7 else None
        if maybe is not None and maybe.version == 6 and number.isdigit() and int(number) > 999:
            show.say(f"{option} {plain} is taken as an address without a port; with one: '[{host}]:{number}'")
        return alone, 0
    address = net.ip(host)
    if address is None or not port(number) or open_ != shut or (open_ and not host.endswith("]")):
        raise UnlistedError(
            f"{option} {text[:80]!r} is no address",
            remedy=f"{option} 203.0.113.5:40122 or '[2001:db8::5]:25'",
            code=2,
        )
    return address, port(number)


def _print(candidates: "Sequence[Candidate]", *, everyone: bool) -> None:
    from unlisted import show

    console = show.console()
    shown = candidates if everyone else candidates[:SHOWN]
    for one in shown:
        console.print(_device.names(one.device, one.account), soft_wrap=True)
        span = (
            " to ".join(show.when(at) or "?" for at in (one.start, one.end)) if one.start or one.end else ""
        )
        console.print(f"  {span + ': ' if span else ''}{one.via}", soft_wrap=True)
        for line in one.evidence[:3]:
            text = f"  {show.clean(line.source, 100)}:{line.line}: {show.clean(line.text, 300)}"
            console.print(text, soft_wrap=True)
    if len(shown) < len(candidates):
        show.say(f"and {len(candidates) - len(shown):,} more (--all shows them)")


TRANSLATED = "the log of translations (conntrack -E -o timestamp) of that time"


def _last(asked: "Question", found: "Answer", gathered: "Gathered", sources: Sequence[str]) -> None:
    """The last line: what it means, and what to do next."""
    from unlisted import show

    what = "spoke to it" if asked.contacted else "had it"
    portless = not asked.port and not asked.contacted
    if found.unique:
        show.say(f"one candidate. next: {_next(found.candidates[0], gathered, sources)}")
    elif found.candidates:
        count = show.count(len(found.candidates), "candidate")
        sure = "none of them alone" if len(found.candidates) > 1 else "and not for certain"
        why = ": without the source port that is everybody (RFC 6302)" if portless else ""
        show.say(f"{count}, {sure}{why}")
        step = "ask with the source port" if portless else f"a smaller --skew, or {TRANSLATED}"
        show.say(f"next: {step}")
    elif not gathered.has("gateway", "flows", "translations"):
        show.say("could not tell: no gateway log, flow records or translations among these")
        show.say(f"next: the gateway's log, or {TRANSLATED}")
    else:
        when = show.when(asked.at)
        show.say(f"could not tell: no line of these shows who {what} within {asked.skew:.0f} s of {when}")
        show.say(f"next: a wider --skew, or {TRANSLATED}")


def _next(one: "Candidate", gathered: "Gathered", sources: Sequence[str]) -> str:
    """What to do about it: its attempts where it made some, else what stops it."""
    flows, key = gathered.flows, one.device.key
    made = {str(flows.addresses[number]) for number in set(flows.src.tolist())}
    made |= {flows.macs[number] for number in set(flows.mac.tolist())}
    if key in made or str(one.device.address) in made:
        return f"unlisted find {shlex.join(sources)} --explain {key}"
    return f"sudo unlisted hold {key}"


# ---- without a gateway's log: who was here --------------------------------------------------------


def timed(gathered: "Gathered") -> bool:
    """True when there are leases, and mails that may say when the spam was seen."""
    return bool(gathered.leases or gathered.presences) and gathered.has("mail")


def presence(
    args: argparse.Namespace, sources: Sequence[str], gathered: "Gathered", own: "tuple[Address, ...]"
) -> int:
    """Whom the times of the spam and the leases speak against. 1 where somebody stands out, else 3."""
    from unlisted import show
    from unlisted.edge import folder
    from unlisted.edge.progress import bar
    from unlisted.find import presence as here

    skew = SKEW if args.skew is None else args.skew
    moments = [here.Seen(one.at, one.exact + skew, "you") for one in args.at]
    if gathered.has("mail"):
        gathered = folder.gather(sources, bar, own=own, mails=True, zone=args.zone)
        moments += list(here.told(gathered.refusals, own))
    episodes = here.episodes(moments)
    devices = {}
    leases = gathered.leases
    known = here.stays(gathered.who, {lease.address for lease in leases}, gathered.presences, leases)
    if spans := sorted(here.lasting(leases).values()):
        hours = " to ".join(f"{span / 3600:.3g}" for span in dict.fromkeys((spans[0], spans[-1])))
        show.say(f"leases that tell no end are taken to last {hours} h from when they were last renewed")
    for lease in gathered.leases:
        devices[lease.mac] = gathered.who.device(lease.address, 0.0, lease.mac)
    for one in gathered.presences:
        devices.setdefault(one.mac, gathered.who.known(one.mac))
    if not known:
        return _lacking.lacking(
            args, gathered, "no lease of these says from when to when, and no gateway log"
        )
    if not episodes:
        show.say("could not tell who was here: no time at which the spam was seen")
        show.say(f"next: unlisted find --at TIME {shlex.join(sources)}   (several times tell more)")
        return 3
    covered = here.coverage(gathered.leases, gathered.presences)
    within = here.within(episodes, covered)
    if within and len(within) < len(episodes):
        beyond = show.count(len(episodes) - len(within), "time")
        known_from = " to ".join(show.when(at) for at in covered)
        show.say(f"{beyond} left out: who was here is known {known_from}")
    odds, nobody = here.rank(known, within, devices, covered)
    lack = "" if gathered.has("gateway", "flows", "translations") else "no gateway log: "
    if odds:
        show.say(f"{lack}this says who was here when the spam was seen, which proves nothing by itself")
        show.say("it rests on leases (24 h where no end is told), and on one device having sent it all")
    return _odds(odds, nobody, within, as_json=args.json, everyone=args.all)


def _odds(
    odds: "Sequence[Odds]", nobody: float, episodes: "Sequence[Seen]", *, as_json: bool, everyone: bool
) -> int:
    import msgspec

    from unlisted import codec, show
    from unlisted.find import presence as here

    if not odds:
        show.say("could not tell: the leases do not reach to when the spam was seen")
        show.say("next: leases of that time, or block and log outgoing port 25 at the router")
        return 3
    stands_out = here.stands_out(odds)
    for one in odds if everyone or as_json else odds[:SHOWN]:
        suspect = here.suspect(one, len(episodes), named=stands_out and one is odds[0])
        if as_json:
            show.emit(msgspec.json.decode(codec.encode(suspect)) | {"likelihood": round(one.share, 4)})
            continue
        show.console().print(f"{here.percent(one.share):>4}  {_device.names(suspect.device)}", soft_wrap=True)
        show.console().print(f"      {suspect.because}", soft_wrap=True)
    show.say(
        f"{here.percent(nobody):>4}  nobody of these: an account, the mail server itself, a machine without"
        " a lease"
    )
    show.say("next: block and log outgoing port 25 at the router: that names it within seconds")
    return 1 if stands_out else 3
