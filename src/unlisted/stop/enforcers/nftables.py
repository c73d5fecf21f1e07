"""nftables: holds and the standing rule, rendered as libnftables JSON and as text for a person.

Source: libnftables-json(5), nft(8), of nftables 1.0.6. Everything lives in the one table `inet unlisted`
and at the forward hook only: the router's own services (DNS, DHCP, SSH, its mail relay) are never touched,
so nobody is locked out of it, and deleting the table leaves no trace.

Priority -10 is before the usual filter chains (0): a drop there ends established flows too, whatever they
accept. Offloaded flows bypass the hook: their conntrack entries are deleted (`Document.extra`).
Set timeouts live in the kernel: a hold ends by itself even when nobody is left to end it.

Log statements ask for a queue threshold of 16: the kernel takes the smaller of the rule's and the
listener's, so the listener decides (1 when quiet, 16 under flood).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import TypeAlias

import msgspec
from msgspec import Struct

from unlisted import net
from unlisted.errors import ConfigError
from unlisted.messages import Decision, Device
from unlisted.net import Address

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

ABOUT = "the Linux kernel's packet filter: own table, timeouts, MAC and address"
TABLE = "unlisted"
GROUP = 25  # NFLOG group, as the port
SNAPLEN = 128  # bytes: IPv6 and TCP headers with room for extension headers
THRESHOLD = 16
ADDRESS_FOR = 600  # seconds; no usual DHCP lease is shorter, so nobody else has the address yet
BLOCK, PASS, HELD = "unlisted-block ", "unlisted-pass ", "unlisted-held "  # log prefixes, one word each
ACTIONS = {BLOCK.strip(): "block", PASS.strip(): "pass", HELD.strip(): "held"}


class Standing(Struct, frozen=True, kw_only=True):
    """The standing rule: outgoing mail ports, for everyone but the declared senders."""

    lan: tuple[str, ...] = ()  # interfaces; empty: any
    wan: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()  # addresses and MACs
    block_submission: bool = False  # 465 and 587 too
    group: int = GROUP


class Document(Struct, frozen=True):
    """What is to be done: one atomic transaction, the same for a person, and commands that go with it."""

    json: bytes
    text: str
    extra: tuple[tuple[str, ...], ...] = ()


class _Line(Struct, frozen=True):
    """One command or one part of a rule, in both spellings."""

    text: str
    json: Json


def document(lines: list[_Line], extra: tuple[tuple[str, ...], ...] = ()) -> Document:
    commands: list[Json] = [line.json for line in lines]
    return Document(
        msgspec.json.encode({"nftables": commands}), "\n".join(line.text for line in lines) + "\n", extra
    )


# ---- parts of rules -------------------------------------------------------------------------------


def _field(protocol: str, field: str, right: str | int) -> _Line:
    return _Line(
        f"{protocol} {field} {right}",
        {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}},
    )


def _interface(key: str, names: tuple[str, ...]) -> list[_Line]:
    """A match on interface names, or nothing when none are named."""
    if not names:
        return []
    # The kernel's limit (IFNAMSIZ) and ours: the name also stands in text that is pasted into a file.
    if bad := [n for n in names if not 0 < len(n) < 16 or not all(c.isalnum() or c in "._-" for c in n)]:
        raise ConfigError(f"{bad[0][:40]!r} is no interface name", remedy="see `ip -br link`")
    right: Json = names[0] if len(names) == 1 else {"set": list(names)}
    quoted = ", ".join(f'"{name}"' for name in names)
    return [
        _Line(
            f"{key} {quoted}" if len(names) == 1 else f"{key} {{ {quoted} }}",
            {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": right}},
        )
    ]


_SYN = _Line(
    "tcp flags syn / fin,syn,rst,ack",
    {
        "match": {
            "op": "==",
            "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn", "rst", "ack"]]},
            "right": "syn",
        }
    },
)
_DROP = _Line("drop", {"drop": None})


def _counter(name: str) -> _Line:
    return _Line(f'counter name "{name}"', {"counter": name})


def _log(prefix: str, group: int) -> _Line:
    return _Line(
        f'log prefix "{prefix}" group {group} snaplen {SNAPLEN} queue-threshold {THRESHOLD}',
        {"log": {"prefix": prefix, "group": group, "snaplen": SNAPLEN, "queue-threshold": THRESHOLD}},
    )


def _go(how: str, chain: str) -> _Line:
    return _Line(f"{how} {chain}", {how: {"target": chain}})


# ---- commands -------------------------------------------------------------------------------------


def _table(verb: str) -> _Line:
    return _Line(f"{verb} table inet {TABLE}", {verb: {"table": {"family": "inet", "name": TABLE}}})


def _named_counter(name: str) -> _Line:
    return _Line(
        f"add counter inet {TABLE} {name}",
        {"add": {"counter": {"family": "inet", "table": TABLE, "name": name}}},
    )


def _set(name: str, kind: str, *, ends: bool = False, counts: bool = False) -> _Line:
    """A set; its elements may end by themselves, and count the packets that were looked up in it."""
    body: dict[str, Json] = {"family": "inet", "table": TABLE, "name": name, "type": kind}
    text = f"type {kind};"
    if ends:
        body["flags"] = ["timeout"]
        text += " flags timeout;"
    if counts:
        body["stmt"] = [{"counter": None}]
        text += " counter;"
    return _Line(f"add set inet {TABLE} {name} {{ {text} }}", {"add": {"set": body}})


def _elements(verb: str, name: str, values: list[str | int], *, seconds: int = 0, comment: str = "") -> _Line:
    note = f' timeout {seconds}s comment "{comment}"' if seconds else ""
    body: list[Json] = [
        {"elem": {"val": value, "timeout": seconds, "comment": comment}} if seconds else value
        for value in values
    ]
    return _Line(
        f"{verb} element inet {TABLE} {name} {{ {', '.join(f'{value}{note}' for value in values)} }}",
        {verb: {"element": {"family": "inet", "table": TABLE, "name": name, "elem": body}}},
    )


def _chain(verb: str, name: str, priority: int | None = None) -> _Line:
    body: dict[str, Json] = {"family": "inet", "table": TABLE, "name": name}
    if priority is None:
        return _Line(f"{verb} chain inet {TABLE} {name}", {verb: {"chain": body}})
    body |= {"type": "filter", "hook": "forward", "prio": priority, "policy": "accept"}
    return _Line(
        f"{verb} chain inet {TABLE} {name} "
        f"{{ type filter hook forward priority {priority}; policy accept; }}",
        {verb: {"chain": body}},
    )


def _rule(chain: str, *parts: _Line) -> _Line:
    return _Line(
        f"add rule inet {TABLE} {chain} {' '.join(part.text for part in parts)}",
        {
            "add": {
                "rule": {
                    "family": "inet",
                    "table": TABLE,
                    "chain": chain,
                    "expr": [part.json for part in parts],
                }
            }
        },
    )


# ---- the base: what every hold needs --------------------------------------------------------------


def _base(group: int) -> list[_Line]:
    """Table, sets and the hold chain. Applying it again changes nothing and keeps the held."""
    mail = _field("tcp", "dport", "@mail_ports")
    return [
        _table("add"),
        _named_counter("held"),
        _set("held_mac", "ether_addr", ends=True, counts=True),
        _set("held4", "ipv4_addr", ends=True, counts=True),
        _set("held6", "ipv6_addr", ends=True, counts=True),
        # Every lookup counts, so replies have sets of their own: what strangers send to the device
        # would else count as traffic of the device.
        _set("replies4", "ipv4_addr", ends=True),
        _set("replies6", "ipv6_addr", ends=True),
        _set("mail_ports", "inet_service"),
        _elements("add", "mail_ports", list(net.MAIL_PORTS)),
        _chain("add", "hold", -10),
        _chain("add", "held"),
        _chain("flush", "hold"),
        _chain("flush", "held"),
        _rule("hold", _field("ether", "saddr", "@held_mac"), _go("goto", "held")),
        _rule("hold", _field("ip", "saddr", "@held4"), _go("goto", "held")),
        _rule("hold", _field("ip6", "saddr", "@held6"), _go("goto", "held")),
        # Replies to the held device: what it opened before the hold ends at once, from both sides.
        _rule("hold", _field("ip", "daddr", "@replies4"), _counter("held"), _DROP),
        _rule("hold", _field("ip6", "daddr", "@replies6"), _counter("held"), _DROP),
        _rule("held", mail, _SYN, _log(HELD, group)),
        _rule("held", _counter("held"), _DROP),
    ]


def base(group: int = GROUP) -> Document:
    """The table and the hold chain, holding nobody yet."""
    return document(_base(group))


# ---- the standing rule ----------------------------------------------------------------------------


def _senders(rule: Standing) -> dict[str, list[str | int]]:
    """The declared senders by set; ConfigError for what is neither an address nor a MAC."""
    sorted_out: dict[str, list[str | int]] = {"senders4": [], "senders6": [], "sender_macs": []}
    for text in rule.senders:
        if address := net.ip(text):
            sorted_out["senders4" if isinstance(address, IPv4Address) else "senders6"].append(str(address))
        elif mac := net.mac(text):
            sorted_out["sender_macs"].append(mac)
        else:
            raise ConfigError(
                f"{text[:60]!r} is neither an address nor a MAC",
                remedy="write 192.0.2.10 or 3c:5a:b4:12:34:56",
            )
    return sorted_out


def _standing(rule: Standing) -> list[_Line]:
    mail = _field("tcp", "dport", "@mail_ports")
    blocked = mail if rule.block_submission else _field("tcp", "dport", 25)
    lines = [
        _named_counter("blocked"),
        _set("senders4", "ipv4_addr"),
        _set("senders6", "ipv6_addr"),
        _set("sender_macs", "ether_addr"),
        *(_chain("add", name) for name in ("outgoing", "sender")),
        _chain("add", "mail", -9),
        *(_chain("flush", name) for name in ("mail", "outgoing", "sender")),
    ]
    for name, values in _senders(rule).items():
        body: Json = {"family": "inet", "table": TABLE, "name": name}
        lines.append(_Line(f"flush set inet {TABLE} {name}", {"flush": {"set": body}}))
        if values:
            lines.append(_elements("add", name, values))
    return [
        *lines,
        _rule(
            "mail",
            *_interface("iifname", rule.lan),
            *_interface("oifname", rule.wan),
            mail,
            _go("jump", "outgoing"),
        ),
        _rule("outgoing", _field("ether", "saddr", "@sender_macs"), _go("goto", "sender")),
        _rule("outgoing", _field("ip", "saddr", "@senders4"), _go("goto", "sender")),
        _rule("outgoing", _field("ip6", "saddr", "@senders6"), _go("goto", "sender")),
        _rule("outgoing", blocked, _SYN, _log(BLOCK, rule.group)),
        _rule("outgoing", blocked, _counter("blocked"), _DROP),
        _rule("outgoing", _SYN, _log(PASS, rule.group)),
        _rule("sender", _SYN, _log(PASS, rule.group)),
    ]


def install(rule: Standing) -> Document:
    """The standing rule, with the base. Applying it again replaces the rule and keeps the held."""
    return document(_base(rule.group) + _standing(rule))


def remove_standing() -> Document:
    """Take the standing rule away and leave the holds."""
    names = ("mail", "outgoing", "sender")
    return document(
        [
            *(_chain("add", name, -9 if name == "mail" else None) for name in names),
            *(_chain("flush", name) for name in names),
            *(_chain("delete", name) for name in names),
        ]
    )


def remove() -> Document:
    """Take everything away, holds too; right also when nothing is there."""
    return document([_table("add"), _table("delete")])


# ---- holds ----------------------------------------------------------------------------------------


def places(device: Device) -> list[tuple[str, str]]:
    """The sets in which the device stands while held, and its name in each."""
    found = [("held_mac", device.mac)] if device.mac else []
    if device.address is not None:
        family = "4" if isinstance(device.address, IPv4Address) else "6"
        found += [(f"held{family}", str(device.address)), (f"replies{family}", str(device.address))]
    return found


def end_flows(address: Address) -> tuple[tuple[str, ...], ...]:
    """Commands that end all that the address has open, offloaded too: as opener, and as server behind NAT."""
    family = "ipv4" if isinstance(address, IPv4Address) else "ipv6"
    return tuple(("conntrack", "-D", "-f", family, side, str(address)) for side in ("-s", "-r"))


def unhold(there: Iterable[tuple[str, str]]) -> list[_Line]:
    """Take these elements out of their sets."""
    # Deleting what is not there is an error: so it is added first, in the same transaction.
    return [
        line
        for name, value in there
        for line in (
            _elements("add", name, [value], seconds=60, comment="leaving"),
            _elements("delete", name, [value]),
        )
    ]


def hold(decision: Decision, now: float) -> Document:
    """Hold the device until the decision expires. Holding it again sets the new end.

    Never longer than was decided: a router without a battery starts in 1970, and its clock then says
    that the end is half a century away. Where the MAC is known it is held to the end, and the address for
    ADDRESS_FOR: what is open ends, a new MAC does not help at once, and who gets the address next is not cut
    off in the device's place.
    """
    device = decision.device
    lines = unhold(places(device)) + [
        _elements("add", name, [value], seconds=seconds, comment=decision.id)
        for name, value in places(device)
        if (seconds := _seconds(name, decision, now)) > 0
    ]
    return document(lines, end_flows(device.address) if device.address is not None else ())


def _seconds(name: str, decision: Decision, now: float) -> int:
    """How long from now on; 0 for an address whose time was over before, as when a hold is laid again."""
    now = max(now, decision.made_at)
    left = max(1, round(decision.expires_at - now))
    if not decision.device.mac or name == "held_mac":
        return left
    return min(left, max(0, round(decision.made_at + ADDRESS_FOR - now)))


def wanted(decision: Decision, now: float) -> list[tuple[str, str]]:
    """The places in which the hold stands at this moment."""
    return [one for one in places(decision.device) if _seconds(one[0], decision, now) > 0]


def release(decision: Decision) -> Document:
    """Let the device go; right also when its time has already run out."""
    return document(unhold(places(decision.device)))


def undo(rule: Standing | Decision) -> Document:
    """What takes back the install or the hold."""
    return remove() if isinstance(rule, Standing) else release(rule)
