"""Names the device that did it, from gateway logs, flow records and leases.

SOURCE is a file, a folder, or - for what comes through a pipe; files are recognized by their content. Give
the leases or the neighbor table too, and the device gets its MAC, vendor and name.

  unlisted find FOLDER                                           who did it
  unlisted find --seen 203.0.113.5:40122 --at TIME FOLDER        who had this translated port
  unlisted find --contacted 198.51.100.7 --at TIME FOLDER        who spoke to that address
  unlisted find --at TIME --at TIME LEASES                       no gateway log: who was here then
"""

import argparse
from typing import TYPE_CHECKING

from unlisted.cli import _device, _lacking, _seen
from unlisted.errors import UnlistedError

if TYPE_CHECKING:
    from unlisted.edge.reading import Reading
    from unlisted.find.columns import Flows
    from unlisted.find.rank import Findings
    from unlisted.messages import Suspect
    from unlisted.net import Address, Network

QUOTED = 3  # lines of evidence for each device without --all
NAMED = 8  # files not read that are named one by one

HELP = "name the device that sends, from gateway logs, flows and leases"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `find` understands."""
    parser.add_argument(
        "source", nargs="*", metavar="SOURCE", help="a file or a folder of evidence, or - for stdin"
    )
    _seen.arguments(parser)
    parser.add_argument(
        "--inside",
        action="append",
        default=[],
        metavar="NET",
        help="your own network, instead of the private ranges of its IP version (may be repeated)",
    )
    parser.add_argument("--leases", action="append", default=[], metavar="FILE", help="leases or neighbors")
    parser.add_argument(
        "--sender",
        action="append",
        default=[],
        metavar="ADDR|MAC",
        help="an honest mail sender (may be repeated)",
    )
    parser.add_argument(
        "--lookup",
        action="append",
        default=[],
        metavar="DOMAIN",
        help="ask DNS which of your addresses are mail hosts of this domain of yours (MX, reverse names)",
    )
    parser.add_argument(
        "--all", action="store_true", help="show the honest devices, or every attempt, as well"
    )
    parser.add_argument(
        "--explain",
        metavar="DEVICE",
        help="show the score of one device (address, MAC or host name) attempt by attempt",
    )
    parser.add_argument("--svg", metavar="FILE", help="with --explain: write the picture there")


def run(args: argparse.Namespace) -> int:
    """Read, judge, show. 0 nobody, 1 somebody, 3 could not tell."""
    from unlisted.cli import _explained
    from unlisted.edge import spooled

    if not args.source and not args.leases:
        raise UnlistedError("SOURCE is missing", remedy=_command(args), code=2)
    _explained.check(args)
    _lacking.check(args)
    with spooled.sources([*args.source, *args.leases]) as sources:
        return _run(args, sources)


def _run(args: argparse.Namespace, sources: list[str]) -> int:
    from unlisted import config, show
    from unlisted.cli import _explained, _given
    from unlisted.edge import folder
    from unlisted.edge.progress import bar
    from unlisted.find import rank

    settings = config.load(args.config)
    inside = _given.inside(args.inside, settings.inside)
    senders = (*settings.senders, *_given.senders("--sender", args.sender))
    named = _given.sources(sources)
    if args.seen is not None or args.contacted is not None:
        return _seen.run(args, named, inside)
    gathered = folder.gather(named, bar, zone=args.zone)
    say(gathered.readings)
    logged = gathered.has("gateway", "flows", "translations")
    if not gathered.flows.size and (args.at or (not logged and _seen.timed(gathered))):
        return _seen.presence(args, named, gathered, settings.own)
    if not logged:
        return _lacking.lacking(args, gathered, "no gateway log and no flow records among these")
    if not gathered.flows.size:
        return _lacking.lacking(args, gathered, "no line of these is about the mail ports (25, 465, 587)")
    if args.at:
        show.say(
            "--at is left aside, since there is a gateway's log: it is for --seen, --contacted, or leases"
        )
    hosts = _mail_hosts(args.lookup, gathered.flows, inside, settings.resolver)
    setting = rank.Setting(inside, settings.own, senders, settings.roles, hosts)
    if told := gathered.inward(inside):
        show.say(told)
    if args.explain is not None:
        return _explained.run(args, gathered, setting)
    found = rank.judge(gathered.flows, gathered.who, setting, gathered.sent())
    if args.zone is None and gathered.unzoned:
        for sentence in _lacking.handed_over(found.suspects, gathered.who):
            show.say(sentence)
    return _answer(found, as_json=args.json, everyone=args.all)


def _command(args: argparse.Namespace) -> str:
    """What was typed, with what is missing."""
    import shlex

    words = [
        f"--{name} {shlex.quote(text)}" for name in ("seen", "contacted") if (text := getattr(args, name))
    ]
    return " ".join(["unlisted find", *words, *(["--at TIME"] if words else []), "FOLDER"]) + (
        "   (the folder that holds the gateway's logs and the leases)"
    )


def _mail_hosts(
    domains: list[str], flows: "Flows", inside: "tuple[Network, ...]", named: str
) -> "tuple[Address, ...]":
    """The mail hosts of these domains by DNS; said on stderr."""
    from unlisted import net, show
    from unlisted.edge import mailhosts, resolver
    from unlisted.notice import dnsbl

    if not domains:
        return ()
    for domain in domains:
        if not dnsbl.hostname(domain):
            raise UnlistedError(
                f"--lookup {domain[:80]!r} is no domain", remedy="--lookup example.org", code=2
            )
    servers = (resolver.parse(named),) if named else resolver.system()
    found, why = mailhosts.published(domains, servers)
    busy = [one for one in flows.busiest() if net.inside(one, inside)][: mailhosts.BUSIEST]
    found |= mailhosts.named(busy, domains, servers)
    for address, host in found.items():
        show.say(f"{address} is {show.clean(host)}")
    for sentence in why:
        show.say(show.clean(sentence))
    return tuple(found)


def say(readings: "list[Reading]") -> None:
    """What was read and what was not, on stderr."""
    from unlisted import show

    if not readings:
        show.say("the folder is empty")
    for reading in readings:
        if reading.kind in ("", "mail", "listings"):
            continue
        show.say(reading.sentence())
        for sentence in reading.assumed:
            show.say(f"  {sentence}")
        for sample in reading.samples:
            show.say(f"  not understood: {sample}")
    if mails := sum(1 for reading in readings if reading.kind == "mail"):
        show.say(f"{show.count(mails, 'mail')} left aside (unlisted explain reads them)")
    left = _lacking.first_what_matters(reading for reading in readings if not reading.kind)
    for reading in left[:NAMED]:
        show.say(reading.sentence())
    if len(left) > NAMED:
        show.say(f"and {len(left) - NAMED:,} more files were not read")


def _answer(found: "Findings", *, as_json: bool, everyone: bool) -> int:
    from unlisted import show
    from unlisted.edge.quoted import quoted

    for note in found.notes:
        show.say(note)
    for one in quoted([one for one in found.suspects if everyone or one.verdict != "honest"]):
        if as_json:
            show.emit(one)
        else:
            _print(one, everything=everyone)
    if not found.told:
        return 3
    guilty = [one for one in found.suspects if one.verdict != "honest"]
    if not guilty:
        count = show.count(len(found.suspects), "device")
        show.say(f"nobody stands out: {count} made attempts on mail ports, all of them as honest ones do")
        return 0
    first = guilty[0]  # a suspect is not held: it may be our mail server, or an address that is nobody's
    rogue = first.verdict == "rogue"
    usual = f"{'sudo unlisted hold' if rogue else 'the same with --explain'} {first.device.key}"
    show.say(f"next: {show.clean(found.steps.get(first.device.key, usual), 300)}")
    return 1


def _print(one: "Suspect", *, everything: bool) -> None:
    """One device for a person: its first lines, so that it stands on one screen."""
    from unlisted import show

    device, console = one.device, show.console()

    def put(text: str) -> None:
        console.print(text, soft_wrap=True)  # a quoted line must stay one line

    role = f" ({one.role})" if one.role else ""
    put(f"{one.verdict}{role}: {_device.names(device)}")
    for row in show.wrap(f"because: {show.clean(one.because, 2000)}", show.width() - 2, hang=2):
        put(f"  {row}")
    if device.first_seen is not None:
        put(f"  first seen {show.when(device.first_seen)}")
    if one.flagged_at is not None:
        put(f"  flagged at {show.when(one.flagged_at)}, attempt {one.flagged_after}, score {one.score:.1f}")
    shown = one.evidence if everything else one.evidence[:QUOTED]
    for line in shown:
        put(f"  {show.clean(line.source, 100)}:{line.line}: {show.clean(line.text, 300)}")
    if len(shown) < len(one.evidence):
        put(f"  and {len(one.evidence) - len(shown)} more lines (--all)")
