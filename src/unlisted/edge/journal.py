"""`journalctl -o json`: each line an object, given on as the syslog line that it stands for.

Source: systemd, "Journal JSON Format" and systemd.journal-fields(7): `__REALTIME_TIMESTAMP` is microseconds
as text, a field that is no UTF-8 is an array of octets.
"""

import msgspec

MARK = b'"__REALTIME_TIMESTAMP"'
_MARK = MARK.decode()


def plain(line: str) -> str:
    """The line, or what it stands for."""
    if not line.startswith("{") or _MARK not in line:
        return line
    try:
        told = msgspec.json.decode(line)
        micros = int(told["__REALTIME_TIMESTAMP"])
    except (
        msgspec.MsgspecError,
        UnicodeError,
        RecursionError,
        KeyError,
        ValueError,
        TypeError,
        OverflowError,
    ):
        return line
    message = told.get("MESSAGE")
    if isinstance(message, list):
        message = bytes(one for one in message if isinstance(one, int) and 0 <= one < 256).decode(
            "utf-8", "replace"
        )
    if not isinstance(message, str) or not 0 <= micros < 1e17:
        return line
    host, program, process = (
        _word(told.get(name)) for name in ("_HOSTNAME", "SYSLOG_IDENTIFIER", "SYSLOG_PID")
    )
    process = process or _word(told.get("_PID"))
    tag = f"{program or 'unknown'}[{process}]" if process else program or "unknown"
    whole, part = divmod(micros, 1_000_000)
    return f"{whole}.{part:06} {host or 'localhost'} {tag}: {' '.join(message.splitlines())}"


def _word(value: object) -> str:
    return value if isinstance(value, str) and value and not set(value) & set(" \t\r\n[]:") else ""
