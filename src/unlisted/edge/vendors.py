"""The table of makers of network cards, mapped into memory: nothing is read until a MAC is looked up."""

import mmap
from functools import lru_cache
from importlib.resources import as_file, files

from unlisted.find.vendor import Table, vendor


@lru_cache(maxsize=1)
def table() -> Table:
    """data/vendors.txt."""
    with as_file(files("unlisted").joinpath("data", "vendors.txt")) as path, path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=4096)
def name(mac: str) -> str:
    """Who made this card; "" when unknown or made up by software."""
    return vendor(mac, table())
