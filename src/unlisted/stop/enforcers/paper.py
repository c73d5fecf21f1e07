"""Instructions to a person: the enforcer that works everywhere and needs no rights.

For the router that nothing can speak to. A paper hold is never `verified` by itself: the next
attempts in the log say whether somebody did it.
"""

from datetime import UTC, datetime

from unlisted.messages import Decision

ABOUT = "writes down what a person has to do"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _line(text: str) -> str:
    """One printable line: a host name is written by its owner and must not add an instruction."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _who(decision: Decision) -> str:
    device = decision.device
    parts = [device.hostname, str(device.address or ""), device.mac, device.vendor]
    return ", ".join(_line(part) for part in parts if part)


def hold(decision: Decision, now: float) -> str:
    """What to do, for how long, and how to undo it."""
    hours = max(0.0, decision.expires_at - now) / 3600
    key = decision.device.mac or str(decision.device.address)
    return "\n".join(
        (
            f"Take this device off the network for {hours:.1f} hours (until {_moment(decision.expires_at)}):",
            f"  {_who(decision)}",
            f"  because: {_line(decision.reason)}",
            "1. In the router or access point, block this device (often: Clients, the device, Block):",
            f"     {key}",
            "2. End its open connections: restart its port or its radio link, or the router.",
            "3. Or unplug its cable. Do not wipe it: what it holds is the proof of what happened.",
            f"To undo: unblock {key} in the same place, then note it here: {decision.undo}",
        )
    )


def release(decision: Decision) -> str:
    """How a person takes the hold back."""
    key = decision.device.mac or str(decision.device.address)
    return f"Unblock this device again in the router or access point: {key} ({_who(decision)})"
