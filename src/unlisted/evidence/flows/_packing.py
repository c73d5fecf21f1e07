"""Blocks packed with LZO1X and LZ4, unpacked without a library: nfdump writes its files so.

Sources: the Linux kernel's Documentation/staging/lzo.rst, lz4_Block_format.md of lz4 1.9. Either gives None
for what is damaged, or longer than `limit`.
"""


def lz4(data: bytes, limit: int) -> bytes | None:
    """One block of LZ4."""
    out, place, end = bytearray(), 0, len(data)
    while place < end:
        token = data[place]
        place += 1
        count, place = _more(data, place, token >> 4)
        out += data[place : place + count]
        place += count
        if place >= end:
            return bytes(out) if place == end and len(out) <= limit else None
        if place + 2 > end:
            return None
        back = data[place] | data[place + 1] << 8
        count, place = _more(data, place + 2, token & 15)
        if not _repeat(out, back, count + 4, limit):
            return None
    return bytes(out)


def _more(data: bytes, place: int, count: int) -> tuple[int, int]:
    """A length of fifteen goes on in the next octets."""
    if count == 15:
        while place < len(data):
            count += data[place]
            place += 1
            if data[place - 1] != 255:
                break
    return count, place


def _repeat(out: bytearray, back: int, count: int, limit: int) -> bool:
    """Append `count` octets from `back` ago, which may reach into what is being appended."""
    start = len(out) - back
    if back < 1 or start < 0 or len(out) + count > limit:
        return False
    if back >= count:
        out += out[start : start + count]
    else:
        out += (out[start:] * (count // back + 1))[:count]
    return True


def lzo(data: bytes, limit: int) -> bytes | None:
    """One block of LZO1X."""
    try:
        return _lzo(data, limit)
    except IndexError:
        return None


def _lzo(data: bytes, limit: int) -> bytes | None:
    out, place, state = bytearray(), 0, 0
    if data[0] > 17:
        state = min(data[0] - 17, 4)
        out += data[1 : data[0] - 16]
        place = data[0] - 16
    while True:
        code = data[place]
        place += 1
        if code < 16 and state == 0:  # a run of literals
            count, place = _run(data, place, code, 15)
            out += data[place : place + count + 3]
            place += count + 3
            state = 4
            continue
        if code >= 64:
            back, count = (data[place] << 3) + (code >> 2 & 7) + 1, (code >> 5) + 1
            place += 1
            literals = code & 3
        elif code >= 16:
            far = code < 32
            count, place = _run(data, place, code & (7 if far else 31), 7 if far else 31)
            count += 2
            pair = data[place] | data[place + 1] << 8
            place += 2
            literals, back = pair & 3, (pair >> 2) + 1
            if far:
                back += 16383 + ((code & 8) << 11)
                if back == 16384:  # the end of the block
                    return bytes(out) if place == len(data) else None
        else:
            back, count = (
                (data[place] << 2) + (code >> 2) + (2049 if state == 4 else 1),
                3 if state == 4 else 2,
            )
            place += 1
            literals = code & 3
        if not _repeat(out, back, count, limit):
            return None
        out += data[place : place + literals]
        place += literals
        state = literals


def _run(data: bytes, place: int, count: int, full: int) -> tuple[int, int]:
    """A length of zero goes on: 255 for each octet of zero, and the next octet."""
    if count:
        return count, place
    count = full
    while not data[place]:
        count += 255
        place += 1
    return count + data[place], place + 1
