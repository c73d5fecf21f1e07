"""Stand at the gateway and watch: who tries to send mail past the mail server, as it happens.

Observes unless told to hold. Works in the network namespace where it is started; the standing rule
(`unlisted rule install`) feeds it.
"""

import argparse
import sys

from unlisted.cli import _given

NFLOG = 25  # the group that the standing rule logs to

HELP = "the standing tripwire: names the device as it happens, holds it if told to"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument(
        "--nflog",
        type=_given.group,
        metavar="GROUP",
        help="kernel log group (default: 25, unless --log says where to look)",
    )
    parser.add_argument("--leases", action="append", default=[], metavar="FILE", help="DHCP leases")
    parser.add_argument("--log", action="append", default=[], metavar="FILE", help="a gateway log that grows")
    parser.add_argument(
        "--hold",
        action="store_true",
        help="hold what is found (default: only name it), once it has watched for `warm_up` (15 minutes)",
    )
    parser.add_argument(
        "--for", dest="seconds", type=_given.seconds, metavar="SECONDS", help="end after this time"
    )


def run(args: argparse.Namespace) -> int:
    """Wire the sources, the engine, the enforcer and the store together."""
    from contextlib import ExitStack

    from msgspec import structs

    from unlisted import config, show
    from unlisted.edge import apply, surroundings, vendors, watch
    from unlisted.edge.store import Store
    from unlisted.engine import Engine
    from unlisted.messages import Name

    settings = config.load(args.config)
    if args.hold:
        settings = structs.replace(settings, policy="hold")
    named: list[Name] = []

    def told(happening: watch.Happening) -> None:
        if isinstance(happening, Name):
            named.append(happening)
        if args.json:
            show.emit(happening)
            sys.stdout.flush()  # whoever reads this through a pipe wants it now
        elif text := watch.sentence(happening):
            show.console().print(text, soft_wrap=True)

    with ExitStack() as stack:
        store = stack.enter_context(Store(settings.store))
        enforcer = stack.enter_context(apply.Nft()) if settings.policy == "hold" else None
        engine = Engine(settings, surroundings.look(settings), vendor=vendors.name)
        group = NFLOG if args.nflog is None and not args.log else args.nflog
        sources = watch.Sources(nflog=group, leases=tuple(args.leases), logs=tuple(args.log))
        live = watch.Watch(
            engine, sources, told, enforcer=enforcer, store=store, look=lambda: surroundings.look(settings)
        )
        show.say(f"watching ({settings.policy}); Ctrl-C ends it")
        watch.stand(live, args.seconds)
        show.say(live.account())
    return 1 if named else 0
