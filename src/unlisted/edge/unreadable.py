"""Files that hold no text: what they are, by their first bytes, and what a person can do about it.

Sources: file(1)'s magic numbers; [MS-CFB] §2.2 (Outlook's .msg and old Office files), [MS-OXTNEF] §2.1.3.1,
[MS-PST] §2.2.2.6, POSIX.1-2017 pax (tar's "ustar" at 257), RFC 8878 §3.1.1, ISO 32000-1 §7.5.2; RFC 1761
(snoop); what argus 3.0.8 writes.
"""

_PACKED = "unpack it"
_ZSTD = "zstd -d FILE unpacks it; it is read as it is where Python's zstandard is installed"
_AS_PCAP = "editcap -F pcap FILE OUT writes it as one that is read"
_PICTURE = "type its text, or ask for the text itself"
_KINDS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a zip archive", _PACKED),
    (0, b"PK\x05\x06", "an empty zip archive", "nothing is in it"),
    (257, b"ustar", "a tar archive", _PACKED),
    (0, b"BZh", "packed with bzip2", _PACKED),
    (0, b"\xfd7zXZ\x00", "packed with xz", _PACKED),
    (
        0,
        b"\x28\xb5\x2f\xfd",
        "packed with zstd",
        _ZSTD,
    ),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _PACKED),
    (0, b"Rar!\x1a\x07", "a RAR archive", _PACKED),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Outlook's .msg", "save it as .eml or text"),
    (0, b"\x78\x9f\x3e\x22", "Outlook's winmail.dat", "ask for the mail as .eml or text"),
    (0, b"!BDN", "Outlook's .pst", "move the bounces into a folder and save them as .eml or text"),
    (0, b"\x83\x10\x00", "a file of Argus", "ra -u -n -c , -r FILE writes it as text"),
    (0, b"snoop\0\0\0", "a packet capture of Solaris (snoop)", _AS_PCAP),
    (0, b"GMBU", "a packet capture of Microsoft's Network Monitor", _AS_PCAP),
    (0, b"%PDF", "a PDF", "copy its text into a file"),
    (0, b"{\\rtf", "rich text", "save it as plain text"),
    (0, b"\x89PNG", "a picture", _PICTURE),
    (0, b"\xff\xd8\xff", "a picture", _PICTURE),
    (0, b"GIF8", "a picture", _PICTURE),
    (8, b"WEBP", "a picture", _PICTURE),
    (4, b"ftyphei", "a picture", _PICTURE),
    (0, b"II*\x00", "a picture", _PICTURE),
    (0, b"MM\x00*", "a picture", _PICTURE),
)


def why(head: bytes) -> str:
    """What a file is and how to get at its text, by its first bytes; "" when they are not known."""
    for place, magic, name, mend in _KINDS:
        if head.startswith(magic, place):
            return f"{name}: {mend}"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return f"a picture: {_PICTURE}"
    return ""
