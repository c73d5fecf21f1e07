"""The XARF report that we write: valid by the real schemas, read back as it was, always clean."""

import base64
import json
import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from unlisted import cli, codec
from unlisted.case import Case
from unlisted.edge.store import Store
from unlisted.messages import Decision, Device, Evidence, Listing, Refusal, Report, Suspect
from unlisted.net import ip
from unlisted.notice import parts, report, reports
from unlisted.recover import report as packing
from unlisted.recover import xarf

ME, PHONE = ip("203.0.113.5"), Device(ip("192.168.50.143"), "3c:5a:b4:12:34:56", "Acme", "phone")
BY = xarf.Contact("Office", "it@example.net")
AT = 1795082400.25
LINE = Evidence("gateway.log", 7, "IN=lan OUT=wan SRC=192.168.50.143 DST=198.51.100.7 DPT=25")
ROGUE = Suspect(PHONE, "rogue", 9.0, 12, 11, AT, 3, "", "new networks only", (LINE,))
COMPLAINT = Refusal(
    "a.eml",
    "b@example.org",
    reason="feedback",
    report=Report(
        "arf",
        "abuse",
        reporter="fbl@example.org",
        source=ME,
        source_port=41234,
        at=AT,
        accuracy=1.0,
        sender="x@example.net",
    ),
)
LISTED = Listing("203.0.113.5", "spamcop", "bl.spamcop.net", "listed", meaning="spam was seen", at=AT)
CASES = {
    "connection/infected_host": Case(suspects=(ROGUE,), refusals=(COMPLAINT,), listings=(LISTED,), own=(ME,)),  # type: ignore[arg-type]
    "messaging/spam": Case(refusals=(COMPLAINT,), listings=(LISTED,), own=(ME,)),  # type: ignore[arg-type]
    "reputation/blocklist": Case(listings=(LISTED,)),
}


def read(raw: bytes) -> Report:
    assert report.is_document(raw)
    ((found,), _) = reports.counted(*parts.split(report.as_mail(raw)))
    return found


def checker() -> FormatChecker:
    """The formats that jsonschema leaves to other packages, and stricter ones of what it checks itself."""
    made = FormatChecker()
    made.checks("date-time", raises=ValueError)(lambda text: datetime.fromisoformat(text).tzinfo is not None)
    label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    made.checks("hostname")(lambda text: bool(re.fullmatch(rf"{label}(?:\.{label})*", text)))
    made.checks("email")(lambda text: bool(re.fullmatch(rf"[!-?A-~]{{1,64}}@{label}(?:\.{label})+", text)))
    return made


@pytest.fixture(scope="session")
def schema(corpora: Path) -> Validator:
    """The master schema of the corpora; every $ref is resolved among its own files."""
    folder = corpora / "reports" / "xarf" / "schemas" / "v4"
    found = [json.loads(path.read_text()) for path in folder.rglob("*.json")]
    registry = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in found])
    master = next(one for one in found if one["$id"].endswith("xarf-v4-master.json"))
    return Draft202012Validator(master, registry=registry, format_checker=checker())


@pytest.mark.corpus
@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("by", [BY, xarf.Contact()])
def test_every_written_type_is_valid(kind: str, by: xarf.Contact, schema: Validator) -> None:
    document = json.loads(xarf.document(CASES[kind], by))
    assert f"{document['category']}/{document['type']}" == kind
    assert [error.message for error in schema.iter_errors(document)] == []


@pytest.mark.corpus
@pytest.mark.parametrize("kind", CASES)
def test_the_schema_does_refuse(kind: str, schema: Validator) -> None:
    document = json.loads(xarf.document(CASES[kind], BY))
    for name in ("report_id", "timestamp", "source_identifier", "reporter"):
        assert not schema.is_valid({key: value for key, value in document.items() if key != name})
    assert not schema.is_valid({**document, "report_id": "x"})
    assert not schema.is_valid({**document, "timestamp": "yesterday"})
    assert not schema.is_valid({**document, "reporter": {**document["reporter"], "domain": "-.-"}})


@pytest.mark.parametrize("kind", CASES)
def test_what_is_written_is_read_back(kind: str) -> None:
    made = xarf.of(CASES[kind], BY)
    assert made is not None
    assert made.report.category == kind
    assert read(xarf.write(made, BY)) == made.report
    assert xarf.document(CASES[kind], BY) == xarf.document(CASES[kind], BY)


@given(
    st.sampled_from(sorted(CASES)),
    st.integers(0, 4_000_000_000_000_000),
    st.ip_addresses(),
    st.integers(0, 65535),
)
def test_any_report_is_read_back(kind: str, at: int, address: object, port: int) -> None:
    made = xarf.of(CASES[kind], BY)
    assert made is not None
    source = ip(str(address))
    told = msgspec.structs.replace(made.report, at=at / 1e6, source=source, source_port=port)
    assert read(xarf.write(msgspec.structs.replace(made, report=told), BY)) == told


def test_the_device_is_named_with_its_proof() -> None:
    decision = Decision("d1", PHONE, "rogue", "policy", AT, AT + 9, "verified", "unlisted release")
    case = msgspec.structs.replace(CASES["connection/infected_host"], decisions=(decision,))
    document = json.loads(xarf.document(case, BY))
    (item,) = document["evidence"]
    content = base64.b64decode(item["payload"])
    assert content.decode() == f"gateway.log:7: {LINE.text}"
    assert item["hash"] == f"sha256:{sha256(content).hexdigest()}"
    assert item["size"] == len(content)
    assert "192.168.50.143, 3c:5a:b4:12:34:56, Acme, phone" in document["description"]
    assert "Held since" in document["description"]
    assert (document["bot_type"], document["protocol"]) == ("malicious", "tcp")


def test_nothing_is_written_of_what_is_not_known() -> None:
    assert xarf.document(Case(), BY) == b""
    assert xarf.document(Case(suspects=(ROGUE,)), BY) == b""  # no address
    late = msgspec.structs.replace(ROGUE, flagged_at=None)
    assert xarf.document(Case(suspects=(late,), own=(ME,)), BY) == b""  # type: ignore[arg-type]
    assert "xarf.json" not in packing.pack(Case())


def test_a_stranger_accuses_nobody() -> None:
    """What a report or a bounce says of an address that is not ours never becomes our report."""
    assert xarf.document(Case(refusals=(COMPLAINT,)), BY) == b""
    cited = Refusal("b.eml", verdict="our-address", cited_ip=ip("192.0.2.66"))
    assert xarf.document(Case(suspects=(ROGUE,), refusals=(cited,)), BY) == b""
    no_port = msgspec.structs.replace(COMPLAINT.report, source_port=0) if COMPLAINT.report else None
    vague = msgspec.structs.replace(COMPLAINT, report=no_port)
    assert xarf.document(Case(refusals=(vague,), own=(ME,)), BY) == b""  # type: ignore[arg-type]


HOSTILE = (
    st.text(st.characters(), max_size=40)
    | st.text(st.characters(categories=["Cs", "Cc", "Cf"]), max_size=9)
    | st.just("\x1b[2J\u202e\x00")
    | st.just("é" * 5000)
)


@pytest.mark.corpus
@given(
    words=st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    at=st.floats() | st.just(AT),
    kind=st.sampled_from(sorted(CASES)),
)
def test_strangers_words_are_bounded_and_clean(
    words: tuple[str, str, str, str], at: float, kind: str, schema: Validator
) -> None:
    name, because, text, sender = words
    replace = msgspec.structs.replace
    device = Device(PHONE.address, PHONE.mac, name, name)
    suspect = replace(
        ROGUE, device=device, because=because, flagged_at=at, evidence=(Evidence(text, 1, text),) * 90
    )
    told = replace(COMPLAINT.report, sender=sender, at=at, reporter=name) if COMPLAINT.report else None
    case = replace(
        CASES[kind],
        suspects=(suspect,) if kind == "connection/infected_host" else (),
        refusals=(replace(COMPLAINT, recipient=sender, report=told),),
        listings=(replace(LISTED, meaning=because, list=name, at=at),),
    )
    raw = xarf.document(case, BY)
    if raw:
        document = json.loads(raw)
        assert [error.message for error in schema.iter_errors(document)] == []
        assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e]", document["description"])
        assert len(raw) < 200_000
        assert read(raw).source == ME


def test_contacts() -> None:
    assert xarf.contact("it@example.net", "Office") == BY
    assert BY.domain == "example.net"
    for wrong in (
        "",
        "it",
        "it@",
        "it@localhost",
        "it@-x.example",
        "a b@example.net",
        "it@example.net\n",
        "@x.y",
    ):
        assert xarf.contact(wrong, "") is None


def test_the_pack_holds_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from unlisted import config

    case = msgspec.structs.replace(CASES["connection/infected_host"], id="c0ffee00")
    with Store(config.load(None).store) as store:
        store.save_case(case.id, codec.encode(case))
    out = tmp_path / "pack"
    assert cli.main(["report", "c0ffee00", "--out", str(out)]) == 0
    assert "xarf.json names nobody to answer" in capsys.readouterr().err
    assert json.loads((out / "xarf.json").read_text())["reporter"]["contact"].endswith(".invalid")
    assert (
        cli.main(["report", "c0ffee00", "--out", str(out), "--contact", "it@example.net", "--org", "Office"])
        == 0
    )
    document = (out / "xarf.json").read_bytes()
    assert json.loads(document)["reporter"] == {
        "org": "Office",
        "contact": "it@example.net",
        "domain": "example.net",
    }
    assert f"{sha256(document).hexdigest()}  xarf.json" in (out / "SHA256SUMS").read_text()
    assert cli.main(["report", "c0ffee00", "--out", str(out), "--contact", "nobody"]) == 2
    assert cli.main(["explain", "--json", "--own", "203.0.113.5", str(out / "xarf.json")]) == 1
