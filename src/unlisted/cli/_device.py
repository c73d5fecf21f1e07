"""A device on one line, as every verb that names one shows it."""

from unlisted import net, show
from unlisted.messages import Device

RANDOM = "random MAC: a phone's or a laptop's, it may come back with another"


def names(device: Device, *more: str) -> str:
    """Address, MAC, maker, name, and what else is known; what hides in them is made visible."""
    made_up = RANDOM if not device.vendor and net.random_mac(device.mac) else ""
    told = [str(device.address or ""), device.mac, device.vendor, device.hostname, *more, made_up]
    return "  ".join(show.clean(name, 80) for name in told if name)
