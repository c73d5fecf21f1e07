"""How the tables of flow recorders call what an attempt is made of; only letters and digits count in a name.

Argus `ra(1)`, nfdump(1) CSV and JSON, SiLK `rwcut(1)`, Zeek conn.log, IPFIX (RFC 7012 and IANA's registry),
NetFlow v9 (RFC 3954 §8, as nProbe and ntopng spell them), goflow2, pmacct, AWS VPC flow logs, Elastic's
Common Schema, and plain words.
"""

NAMES: dict[str, tuple[str, ...]] = {
    "at": (
        "starttime", "stime", "ts", "datefirstseen", "firstseen", "first", "flowstartmilliseconds",
        "flowstartseconds", "flowstartmicroseconds", "flowstartnanoseconds", "flowstart", "flowstarttime",
        "timestampstart", "starttimestamp", "timeflowstartns", "timeflowstartms", "timeflowstart",
        "firstswitched", "stampinserted", "eventstart", "start", "time", "timestamp", "at", "datetime",
        "timereceivedns", "timereceived", "timegenerated", "date",
    ),
    "end": (
        "endtime", "ltime", "lasttime", "te", "lastseen", "datelastseen", "last", "flowendmilliseconds",
        "flowendseconds", "flowendmicroseconds", "flowendnanoseconds", "flowend", "timestampend",
        "endtimestamp", "timeflowendns", "timeflowendms", "timeflowend", "lastswitched", "eventend", "end",
        "etime",
    ),
    "src": (
        "srcaddr", "saddr", "sa", "srcip", "srcipaddr", "src", "source", "sourceip", "idorigh", "ipsrc",
        "sourceipv4address", "ipv4srcaddr", "src4addr", "ip4src", "sourceaddress", "sourceipaddress",
        "clientip", "srchost", "cliip", "ipsource", "sip", "srcendpointip", "sourceipaddr", "srcipaddress",
    ),
    "src6": ("sourceipv6address", "ipv6srcaddr", "src6addr", "ip6src"),
    "dst": (
        "dstaddr", "daddr", "da", "dstip", "dstipaddr", "dst", "destination", "destinationip", "destip",
        "idresph", "ipdst", "destinationipv4address", "ipv4dstaddr", "dst4addr", "ip4dst",
        "destinationaddress", "destinationipaddress", "serverip", "dsthost", "srvip", "ipdestination",
        "dip", "dstendpointip", "destaddr", "destinationipaddr", "dstipaddress",
    ),
    "dst6": ("destinationipv6address", "ipv6dstaddr", "dst6addr", "ip6dst"),
    "sport": (
        "sport", "sp", "srcport", "srcpt", "spt", "sourceport", "idorigp", "sourcetransportport",
        "l4srcport", "portsrc", "srcendpointport", "srcportnumber", "clientport", "cliport", "tcpsrcport",
        "tcpsrc",
    ),
    "dport": (
        "dport", "dp", "dstport", "dstpt", "dpt", "destinationport", "destport", "idrespp",
        "destinationtransportport", "l4dstport", "portdst", "dstendpointport", "dstportnumber",
        "serverport", "srvport", "tcpdstport", "tcpdst",
    ),
    "proto": (
        "proto", "pr", "protocol", "protocolidentifier", "ipproto", "networktransport", "transport",
        "networkiananumber", "ipprotocol", "protocolnum", "protocolname", "networkprotocol", "protocolmap",
        "pro", "l4proto",
    ),
    "direction": ("dir",),
    "state": ("state", "connstate"),
    "mac": (
        "smac", "srcmac", "sourcemac", "mac", "sourcemacaddress", "macsrc", "insrcmac", "origl2addr",
        "ismc", "srcmacaddr", "insrcmacaddr",
    ),
    "action": ("action", "disposition", "fwaction"),
    "flags": (
        "flg", "tcpflags", "flags", "tcpcontrolbits", "cumulativetcpflags", "src2dsttcpflags",
        "clienttcpflags",
    ),
    "packets": (
        "ipkt", "inpkts", "inpackets", "packets", "packetdeltacount", "pkts", "packetcount", "origpkts",
        "sourcepackets",
    ),
    "back": ("opkt", "outpkts", "outpackets", "reversepacketdeltacount", "resppkts", "destinationpackets"),
    "nat": (
        "postnatsourceipv4address", "postnatsourceipv6address", "natsrcaddr", "xsrcaddr", "sourcenatip",
        "src4xltip", "src6xltip", "postnatsrcipv4addr", "translatedsrcip", "nsa", "postnatipsrc",
    ),
    "nat_port": (
        "postnaptsourcetransportport", "sourcenatport", "srcxltport", "postnaptsrctransportport",
        "xsrcport", "nsp", "translatedsrcport", "postnatportsrc",
    ),
}  # fmt: skip
