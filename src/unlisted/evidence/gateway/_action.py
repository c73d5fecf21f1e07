"""What was done with a packet, from the words by which a rule's author or a device tells it."""

import re
from functools import lru_cache

# LOGDROP of DD-WRT, TCPDROP and the like: the word may stand behind where it was seen or what it was.
_WORD = re.compile(
    r"(?<![a-z])(?:log|tcp|udp|in|out|fw|nf)?"
    r"(?:(held?|hold)|(drop(?:ped|ping)?|block(?:ed|ing)?|blk|reject(?:ed|ing)?|den(?:y|ied)"
    r"|discard(?:ed)?|ban(?:ned)?)|(acc(?:ept(?:ed)?)?|allow(?:ed)?|pass(?:ed)?|permit(?:ted)?))(?![a-z])"
)
# [RULES-10-D] and [RULES-default-D] of EdgeOS and VyOS, [RULES-D-10] of UniFi: accept, drop, reject. UniFi
# also has B for block and RET, "back to the caller", for what it lets through.
_CODE = re.compile(r"\[[^\]\s]{1,90}-(?:(?:\d{1,10}|default|INV|EST|REL)-([ADR])|(A|D|R|B|RET)-\d{1,10})\]")
# Firewalla's audit: what has no action was blocked, A was let through, I is its isolation of devices.
_AUDIT = re.compile(r"\[FW_ADT\](?:A=(\w{1,8}) )?")
_AUDITED = {None: "block", "A": "pass", "I": "block"}
_CODES = {"A": "pass", "RET": "pass", "D": "block", "R": "block", "B": "block"}


@lru_cache(maxsize=1024)
def told(prefix: str) -> str:
    """pass, block, held, or "" where the prefix of a rule does not tell. The last telling word counts."""
    if m := _CODE.search(prefix):
        return _CODES[m[1] or m[2]]
    if m := _AUDIT.search(prefix):
        return _AUDITED.get(m[1], "")
    action = ""
    for word in _WORD.finditer(prefix.lower()):
        action = "held" if word[1] else "block" if word[2] else "pass"
    return action
