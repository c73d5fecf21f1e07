"""Who made a network card: the IEEE's registries, looked up in a sorted text without reading all of it.

data/vendors.txt holds lines `prefix TAB name`, sorted; prefixes have 6, 7 or 9 hex digits (MA-L, MA-M,
MA-S: IEEE 802-2014 §8.2). Lines with # in front say where it is from and of what date; `tools/vendors.py`
makes it.
"""

import mmap
from typing import TypeAlias

Table: TypeAlias = bytes | mmap.mmap

_SIZES = (9, 7, 6)  # the longest registry first: the short prefix then belongs to the IEEE itself
RESERVED = "IEEE Registration Authority"


# Prefixes that software makes up in the locally administered space, and so always the same software: QEMU's
# and libvirt's default, Docker's before version 28, VirtualBox's host-only networks, Lima's.
# Sources: QEMU "Network emulation" (-device mac=), docs.docker.com "networking", VirtualBox manual 6.7.
_VIRTUAL = {
    "525400": "QEMU/KVM (virtual machine)",
    "525555": "Lima (virtual machine)",
    "0A0027": "VirtualBox (virtual machine)",
    "0242": "Docker (container)",
}


def vendor(mac: str, table: Table) -> str:
    """The maker's name; "" for a MAC made up at random (no maker has it) and for one not in the table."""
    digits = mac.replace(":", "").upper()
    if len(digits) != 12:
        return ""
    if int(digits[:2], 16) & 0x02:
        return _VIRTUAL.get(digits[:6]) or _VIRTUAL.get(digits[:4], "")
    for size in _SIZES:
        if name := _find(digits[:size].encode(), table):
            return "" if name == RESERVED else name
    return ""


def _find(prefix: bytes, table: Table) -> str:
    """Binary search for the line that starts with `prefix TAB`."""
    wanted = prefix + b"\t"
    low, high = 0, len(table)
    while low < high:
        middle = (low + high) // 2
        start = table.rfind(b"\n", low, middle) + 1 or low
        end = table.find(b"\n", middle, high)
        end = high if end < 0 else end
        line = table[start:end]
        if line.startswith(wanted):
            return line[len(wanted) :].decode("utf-8", "replace")
        if line < wanted:  # '#' sorts before every digit
            low = end + 1
        else:
            high = start
    return ""
