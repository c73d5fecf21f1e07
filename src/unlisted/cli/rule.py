"""The standing rule: outgoing port 25 is blocked and logged for all but the declared senders.

Ports 465 and 587 are logged and pass. It lives in the kernel's own table `inet unlisted`, touches nothing
but mail ports of forwarded traffic, and `unlisted rule remove` leaves no trace.
"""

import argparse

from unlisted.cli import _given

HELP = "the standing rule: print, install or remove it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("what", choices=("print", "install", "remove"))
    parser.add_argument("--lan", action="append", default=[], metavar="IF", help="inside interface")
    parser.add_argument(
        "--wan",
        action="append",
        default=[],
        metavar="IF",
        help="outside interface (default: default route's)",
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="ADDR|MAC", help="a mail sender of your own"
    )
    parser.add_argument("--block-submission", action="store_true", help="block 465 and 587 too")
    parser.add_argument(
        "--nflog", type=_given.group, default=25, metavar="GROUP", help="log group (default: 25)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Render, show, ask, apply, read back, keep."""
    from unlisted import config, show
    from unlisted.cli.hold import agreed
    from unlisted.edge import byhand
    from unlisted.edge.store import Store
    from unlisted.errors import UnlistedError
    from unlisted.stop.enforcers import nftables

    settings = config.load(args.config)
    if args.what == "remove":
        if not args.yes and not agreed("Remove the standing rule?"):
            show.say("nothing was done")
            return 0
        with Store(settings.store) as store:
            show.console().print(byhand.remove(store))
        return 0
    wan = args.wan or ([settings.wan] if settings.wan else []) or byhand.outside()
    if not wan:
        raise UnlistedError(
            "there is no default route to tell the outside interface", remedy="--wan IF", code=2
        )
    lan = args.lan or ([settings.lan] if settings.lan else [])
    rule = nftables.Standing(
        lan=tuple(lan),
        wan=tuple(wan),
        senders=tuple(dict.fromkeys((*settings.senders, *args.allow))),
        block_submission=args.block_submission,
        group=args.nflog,
    )
    document = nftables.install(rule)
    if args.what == "print":
        show.console().print(document.json.decode() if args.json else document.text, soft_wrap=True, end="")
        return 0
    ports = "25, 465 and 587" if rule.block_submission else "25"
    for name in (*lan, *wan):
        if name not in byhand.interfaces():
            raise UnlistedError(
                f"there is no interface {show.clean(name, 40)!r} here", remedy="see `ip -br link`", code=2
            )
    show.say(f"block and log outgoing port {ports} towards {', '.join(wan)}, in this packet filter")
    show.say(f"  except for: {', '.join(rule.senders) or 'nobody'}")
    if not rule.senders:
        show.say("  careful: a mail server of your own is blocked too unless you name it with --allow ADDR")
    show.say("  until it is removed; undo: unlisted rule remove")
    if not args.yes and not agreed("Install it?"):
        show.say("nothing was done")
        return 0
    with Store(settings.store) as store:
        show.console().print(byhand.install(rule, store))
    return 0
