"""Mailboxes that fill: a real Dovecot on loopback, servers that lie, Maildirs. Nothing lost or told twice."""

import base64
import bz2
import grp
import gzip
import imaplib
import json
import lzma
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from unlisted import cli
from unlisted.edge import imap, imapurl, imapwire, mail, mailbox, marks
from unlisted.edge.marks import Mark
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.messages import Refusal
from unlisted.notice import bounce

BOUNCE = (
    b"From: MAILER-DAEMON@relay.example.net\r\nSubject: Undelivered Mail Returned to Sender\r\n"
    b"Date: Thu, 19 Nov 2026 10:00:00 +0000\r\n\r\nI'm sorry, your message could not be delivered.\r\n\r\n"
    b"<%s@example.org>: host mx.example.org[198.51.100.7] said: 554 5.7.1 Client host\r\n"
    b"    [203.0.113.5] blocked using bl.spamcop.net (in reply to RCPT TO command)\r\n"
)
SECRET = "pässword"  # letters beyond ASCII: LOGIN could not carry them

Explain = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Run the verb with the mailbox's password in the environment; code, recipients, stderr."""
    if "UNLISTED_IMAP_PASSWORD" not in os.environ:
        monkeypatch.setenv("UNLISTED_IMAP_PASSWORD", "secret")

    def run(*words: str) -> tuple[int, list[str], str]:
        code = cli.main(["explain", "--json", *words])
        out, err = capsys.readouterr()
        return code, [json.loads(line)["recipient"] for line in out.splitlines()], err

    return run


# ---- a real server --------------------------------------------------------------------------------


class Dovecot:
    """Debian's IMAP server with one folder for whoever logs in, unprivileged but for the user it runs as."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.cert = folder / "cert.pem"
        self.port, self.plain = _free(), _free()
        user = pwd.getpwuid(os.geteuid() or pwd.getpwnam("nobody").pw_uid)
        group = grp.getgrgid(user.pw_gid).gr_name
        make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem"
        make += f" -out {self.cert} -addext subjectAltName=DNS:localhost"
        subprocess.run(make.split(), cwd=folder, check=True, capture_output=True)
        for name in ("mail", "run", "state"):
            (folder / name).mkdir()
            if os.geteuid() == 0:
                os.chown(folder / name, user.pw_uid, user.pw_gid)
        (folder / "dovecot.conf").write_text(
            f"base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\n"
            f"protocols = imap\nlisten = 127.0.0.1\nssl = required\n"
            f"ssl_cert = <{self.cert}\nssl_key = <{folder}/key.pem\n"
            f"default_internal_user = {user.pw_name}\ndefault_internal_group = {group}\n"
            f"default_login_user = {user.pw_name}\nmail_location = maildir:{folder}/mail/%u\n"
            f"passdb {{\n driver = static\n args = password={SECRET}\n}}\n"
            f"userdb {{\n driver = static\n"
            f" args = uid={user.pw_uid} gid={user.pw_gid} home={folder}/mail/%u\n}}\n"
            "auth_failure_delay = 0\nservice anvil {\n chroot =\n}\n"
            "service imap-login {\n chroot =\n"
            f" inet_listener imap {{\n port = {self.plain}\n }}\n"
            f" inet_listener imaps {{\n port = {self.port}\n }}\n}}\n",
            encoding="utf-8",
        )
        self.process = subprocess.Popen([program, "-F", "-c", str(folder / "dovecot.conf")])
        self.user = ""

    @property
    def url(self) -> str:
        """The present user's INBOX."""
        return f"imaps://{self.user}@localhost:{self.port}/INBOX"

    def client(self) -> imaplib.IMAP4_SSL:
        """Another client of the same mailbox, as the person's own mail program is."""
        trusted = ssl.create_default_context(cafile=str(self.cert))
        client = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=trusted)
        client.authenticate("PLAIN", lambda _: f"\0{self.user}\0{SECRET}".encode())
        return client

    def put(self, *names: str, folder: str = "INBOX") -> None:
        """Deliver a bounce about each of these recipients."""
        with self.client() as client:
            client.create(folder)
            for name in names:
                client.append(folder, "", "", BOUNCE % name.encode())


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def _server(program: Callable[[str], str]) -> Iterator[Dovecot]:
    program("openssl")
    path = program("dovecot")
    # Not below pytest's folder, which every run that starts closes to others: the server is not root.
    with tempfile.TemporaryDirectory(prefix="unlisted-dovecot-") as folder:
        os.chmod(folder, 0o755)
        server = Dovecot(path, Path(folder))
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                    break
            time.sleep(0.1)
        yield server
        server.process.terminate()
        server.process.wait(20)


@pytest.fixture
def dovecot(_server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The server with a new user's empty INBOX, its certificate trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(_server.cert))
    monkeypatch.setenv("UNLISTED_IMAP_PASSWORD", SECRET)
    _server.user = f"u{time.monotonic_ns()}@example.org"
    return _server


def test_only_what_is_new_is_read(dovecot: Dovecot, explain: Explain) -> None:
    dovecot.put("a", "b")
    assert explain(dovecot.url)[:2] == (1, ["a@example.org", "b@example.org"])
    dovecot.put("c")
    assert explain(dovecot.url)[:2] == (1, ["c@example.org"])
    code, names, err = explain(dovecot.url, "--unread")
    assert (code, names) == (0, [])  # nothing new is an answer
    assert "nothing new (--again" in err
    assert explain(dovecot.url, "--again")[1] == ["a@example.org", "b@example.org", "c@example.org"]
    with Store() as store:
        assert store.count(Refusal) == 3


def test_the_mailbox_stays_as_it_was(dovecot: Dovecot, explain: Explain) -> None:
    dovecot.put("a")
    assert explain(dovecot.url)[1] == ["a@example.org"]
    with dovecot.client() as client:
        client.select(readonly=True)
        (line,) = client.fetch("1", "(FLAGS)")[1]
    assert isinstance(line, bytes)
    assert b"\\Seen" not in line


def test_after_starttls(dovecot: Dovecot, explain: Explain) -> None:
    dovecot.put("a")
    assert explain(f"imap://{dovecot.user}@localhost:{dovecot.plain}/INBOX")[1] == ["a@example.org"]


def test_many_messages_and_one_that_others_delete(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "WINDOW", 4)
    dovecot.put(*(f"n{number}" for number in range(11)))
    with imap.Session(imapurl.place(dovecot.url), SECRET) as session:
        reading = session.after(0)
        first = [next(reading)[0]]
        with dovecot.client() as client:
            client.select()
            client.store("1:2,6", "+FLAGS", "\\Deleted")
            client.expunge()
        rest = [uid for uid, found in reading if isinstance(found, mail.Message)]
    uids = first + rest
    assert uids == sorted(set(uids))
    assert set(uids) >= {first[0], *range(first[0] + 2, first[0] + 5), *range(first[0] + 6, first[0] + 11)}


def test_a_large_message_is_fetched_in_part(dovecot: Dovecot) -> None:
    body = BOUNCE % b"a" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 160_000
    with dovecot.client() as client:
        client.append("INBOX", "", "", body)
    with imap.Session(imapurl.place(dovecot.url), SECRET) as session:
        ((_, found),) = session.after(0)
    assert isinstance(found, mail.Message)
    assert found.raw == body[: mail.LIMIT]
    assert found.cut == len(body) - mail.LIMIT


def test_a_folder_with_letters_of_the_world(dovecot: Dovecot, explain: Explain) -> None:
    with dovecot.client() as client:
        client.create(imapurl.quoted("R&D Zurückgewiesen"))
        client.append(imapurl.quoted("R&D Zurückgewiesen"), "", "", BOUNCE % b"a")
    url = dovecot.url.replace("INBOX", "R&D%20Zur%C3%BCckgewiesen")
    assert explain(url)[1] == ["a@example.org"]
    code, _, err = explain(dovecot.url.replace("INBOX", "absent"))
    assert code == 3
    assert "no such folder" in err


def test_a_wrong_password_and_a_certificate_that_nobody_vouches_for(
    dovecot: Dovecot, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNLISTED_IMAP_PASSWORD", "wrong")
    code, _, err = explain(dovecot.url)
    assert code == 4
    assert "does not take this user and password" in err
    assert "wrong" not in err
    monkeypatch.delenv("SSL_CERT_FILE")
    code, _, err = explain(dovecot.url)
    assert code == 3
    assert "certificate" in err
    assert "SSL_CERT_FILE" in err


KILLED = """
import os, signal, sys
from unlisted import cli
from unlisted.edge import store
later = store.Store.add_later
def killed(self, events, mark=None):
    if mark is not None and mark.uid % 3 == {when}:
        {first}
        os.kill(os.getpid(), signal.SIGKILL)
    return later(self, events, mark)
store.Store.add_later = killed
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("first", ["pass", "later(self, events, mark).result()"], ids=["unsaved", "saved"])
def test_killed_between_fetch_and_save_nothing_is_lost_or_counted_twice(
    dovecot: Dovecot, explain: Explain, first: str
) -> None:
    names = [f"n{number}" for number in range(7)]
    dovecot.put(*names)
    told: list[str] = []
    for when in (0, 1, 2):
        done = subprocess.run(
            [sys.executable, "-c", KILLED.format(when=when, first=first), "explain", "--json", dovecot.url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        told += [json.loads(line)["recipient"] for line in done.stdout.splitlines()]
    told += explain(dovecot.url)[1]
    assert set(told) == {f"{name}@example.org" for name in names}  # none was passed over
    with Store() as store:
        kept = [refusal.recipient for refusal in store.events(Refusal)]
    assert sorted(kept) == sorted(f"{name}@example.org" for name in names)  # each once


# ---- servers that lie -----------------------------------------------------------------------------


class Liar(threading.Thread):
    """Answers each line that it is sent with what the script says for its command."""

    clients = 1

    def __init__(self, script: dict[str, bytes], greeting: bytes = b"* OK hello\r\n") -> None:
        super().__init__(daemon=True)
        self.script = script
        self.greeting = greeting
        self.heard: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"imap://u@127.0.0.1:{self.listener.getsockname()[1]}/INBOX"
        self.start()

    def run(self) -> None:
        """One client after the other."""
        with self.listener:
            for _ in range(self.clients):
                peer, _ = self.listener.accept()
                with suppress(OSError), peer, peer.makefile("rwb") as stream:
                    self.serve(stream)

    def serve(self, stream: Any) -> None:
        """Until it hangs up, or we do: at an empty answer."""
        stream.write(self.greeting)
        stream.flush()
        while line := stream.readline():
            tag, _, rest = line.strip().partition(b" ")
            word = rest.split(b" ")[0].decode("utf-8", "replace").upper()
            self.heard.append(word)
            answer = self.answer(word, rest).replace(b"TAG", tag)
            if not answer:
                return
            for _ in range(400 if answer.startswith(b"* FLOOD") else 1):
                stream.write(answer)
            stream.flush()

    def answer(self, word: str, _: bytes) -> bytes:
        """To one command; TAG is replaced."""
        return self.script.get(word, b"TAG OK done\r\n")


HONEST = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n",
    "EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-ONLY] done\r\n",
    "FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\nTAG OK done\r\n",
}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("CAPABILITY", b"TAG OK nothing\r\n"),
        ("CAPABILITY", b"* CAPABILITY \xff\xfe IMAP4rev1\r\nTAG OK done\r\n"),
        ("LOGIN", b"other OK done\r\n"),
        ("EXAMINE", b"* OK none\r\nTAG OK done\r\n"),
        ("EXAMINE", b"* x EXISTS\r\nTAG OK done\r\n"),
        ("FETCH", b"* 1 FETCH (BODY[] {99999999999}\r\n"),
        ("FETCH", b"* 1 FETCH (BODY[] {" + b"9" * 5000 + b"}\r\n"),
        ("FETCH", b"* FLOOD " + b"x" * 99_000 + b"\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 RFC822.SIZE 10)" + b"x" * 2_000_000),
        ("FETCH", b"\r\n\xff\x00\r\n"),
        ("UID", b"* 1 FETCH (UID 1 BODY[]<0> {9000000}\r\n"),
        ("UID", b"+ go on\r\n+ go on\r\nTAG BAD x\r\n* BYE\r\n"),
    ],
)
def test_no_answer_raises_or_fills_the_memory(explain: Explain, command: str, answer: bytes) -> None:
    liar = Liar({**HONEST, command: answer})
    tracemalloc.start()
    try:
        code, names, err = explain(liar.url)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert command in liar.heard  # the lie was told
    assert code == 3
    assert names == []
    assert "Traceback" not in err
    assert "imap://u@127.0.0.1" in err
    assert most < 3 * imapwire.ANSWER


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("LOGIN", b"TAG NO [UNAVAILABLE] Internal error occurred\r\n", "the server cannot serve now: [UNAV"),
        ("EXAMINE", b"TAG NO Internal error occurred\r\n", "cannot be opened now: Internal error"),
        ("LOGIN", b"* BYE Internal error occurred\r\nTAG OK done\r\n", "ends the session: Internal error"),
        ("LOGIN", b"", "the server broke off"),
    ],
)
def test_what_went_wrong_on_the_server_is_said_as_such(
    explain: Explain, command: str, answer: bytes, said: str
) -> None:
    code, _, err = explain(Liar({**HONEST, command: answer}).url)
    assert code == 3
    assert said in err
    assert "try again later" in err
    assert "so far" not in err  # nothing was read
    assert "IMAP:" not in err


def test_tls_at_a_port_without_it_names_the_other_way(explain: Explain) -> None:
    url = Liar({}).url.replace("imap:", "imaps:")
    code, _, err = explain(url)
    assert code == 3
    assert "it speaks no TLS" in err
    assert url.replace("imaps:", "imap:") in err
    assert "_ssl.c" not in err


def test_a_password_that_login_cannot_carry(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLISTED_IMAP_PASSWORD", SECRET)
    code, _, err = explain(Liar(HONEST).url)
    assert code == 4
    assert "ASCII letters only" in err


@pytest.mark.parametrize("greeting", [b"", b"220 x ESMTP\r\n", b"* BYE busy\r\n", b"\xff" * 3_000_000])
def test_what_is_no_imap_server(explain: Explain, greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imapwire, "SILENCE", 0.5)
    code, _, err = explain(Liar({}, greeting).url)
    assert code == 3
    assert "imap://u@127.0.0.1" in err


def test_a_drip_of_octets_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imapwire, "PATIENCE", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with listener:
            peer, _ = listener.accept()
        with peer:
            try:
                while True:
                    peer.sendall(b"*")
                    time.sleep(0.05)
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(UnlistedError):
        imap.Session(imapurl.place(f"imap://u@127.0.0.1:{listener.getsockname()[1]}/INBOX"), "x")
    assert time.monotonic() - started < 10


def test_nobody_listens_and_no_host(explain: Explain) -> None:
    code, _, err = explain(f"imaps://u@127.0.0.1:{_free()}/INBOX")
    assert code == 3
    assert "refused" in err
    assert explain("imaps://u@host.invalid/INBOX")[0] == 3


def test_no_password_over_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    liar = Liar(HONEST)
    monkeypatch.setattr(imap, "_here", lambda _: False)
    with pytest.raises(UnlistedError, match="plain text") as raised:
        imap.Session(imapurl.place(liar.url), "x")
    assert raised.value.code == 4
    assert liar.heard[0] == "CAPABILITY"
    assert not {"LOGIN", "AUTHENTICATE"} & set(liar.heard)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("imaps://u:secret@host/INBOX", "argument"),
        ("imaps://host/INBOX", "no user"),
        ("imaps:///INBOX", "no user"),
        ("imaps://u:s3/secret@host/INBOX", "argument"),
        ("imaps://u:s3#secret@host/INBOX", "argument"),
        ("imaps://u:12?secret@host/INBOX", "argument"),
        ("imaps://u:[secret@host/INBOX", "argument"),
        ("imaps://u:" + "x" * 300 + "secret@host/INBOX", "argument"),
        ("imaps://u:secret", "names no port"),
        ("imaps://u:[secret", "names no host"),
        ("imaps://u@host:99999/INBOX", "u@host:99999/INBOX' names no port"),
        ("imaps://u@host:abc/INBOX", "a number from 1 to 65535"),
        ("imaps://u@[host/INBOX", "names no host"),
        ("imaps://u@host/a%0d%0aLOGOUT", "control"),
    ],
)
def test_a_place_that_is_none(explain: Explain, url: str, what: str) -> None:
    code, _, err = explain(url)
    assert code == 2
    assert what in err
    assert "secret" not in err


@pytest.mark.parametrize("kind", [b"TAG NO", b"TAG BAD", b"* BYE"])
@pytest.mark.parametrize("login", [b"", b" AUTH=PLAIN"])
def test_no_server_has_the_password_printed(
    explain: Explain, monkeypatch: pytest.MonkeyPatch, kind: bytes, login: bytes
) -> None:
    secret = 's3"cret\\' if not login else 's3"crét\\'
    monkeypatch.setenv("UNLISTED_IMAP_PASSWORD", secret)
    plain = base64.b64encode(f"\0u\0{secret}".encode())
    escaped = secret.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    echo = (
        kind
        + b" bad: "
        + b"x" * 170
        + b'LOGIN u "'
        + escaped
        + b'" '
        + secret.encode()
        + b" "
        + plain
        + b"\r\n"
    )
    echo += b"TAG OK done\r\n" if kind == b"* BYE" else b""
    script = {"CAPABILITY": b"* CAPABILITY IMAP4rev1%s\r\nTAG OK done\r\n" % login}
    _, _, err = explain(Liar({**HONEST, **script, "LOGIN": echo, "AUTHENTICATE": echo}).url)
    assert "bad: x" in err
    assert "s3" not in err
    assert plain.decode()[:8] not in err


def test_where_the_password_comes_from(
    tmp_path: Path, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unlisted.cli import _mailbox

    where = imapurl.place("imaps://u@host/INBOX")
    assert _mailbox.password(None, where) == "secret"
    (tmp_path / "secret").write_text("of the file\nmore\n")
    assert _mailbox.password(str(tmp_path / "secret"), where) == "of the file"
    assert explain("imaps://u@host/INBOX", "--password-file", str(tmp_path / "absent"))[0] == 2
    monkeypatch.delenv("UNLISTED_IMAP_PASSWORD")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert explain("imaps://u@host/INBOX")[0] == 2


def test_names_on_the_wire() -> None:
    assert imapurl.quoted("INBOX") == '"INBOX"'
    assert imapurl.quoted('a "b" \\ &') == '"a \\"b\\" \\\\ &-"'
    assert imapurl.quoted("台北") == '"&U,BTFw-"'  # RFC 3501 §5.1.3
    assert (
        imapurl.place("imaps://u%40x@[2001:db8::1]:1993/A%2FB").name == "imaps://u@x@[2001:db8::1]:1993/A/B"
    )


# ---- servers that are odd, and lose nothing ------------------------------------------------------


class Odd(Liar):
    """A folder of four bounces, n1 to n4; what is odd about it is a function from a command to an answer."""

    clients = 9

    def __init__(self) -> None:
        self.mails = {uid: BOUNCE % b"n%d" % uid for uid in range(1, 5)}
        self.validity = 7
        self.slices = False  # True: gives the octets that are asked for
        self.odd: Callable[[bytes, bytes], bytes] = lambda _, answer: answer
        self.give: Callable[[int, bytes], bytes] = lambda _, body: b"{%d}\r\n%s" % (len(body), body)
        super().__init__({**HONEST, "LOGIN": b"TAG OK done\r\n"})

    def answer(self, word: str, rest: bytes) -> bytes:
        """As an honest server does; then oddly."""
        given = self.script.get(word, b"TAG OK done\r\n")
        if word == "EXAMINE":
            given = b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n" % (len(self.mails), self.validity)
            given += b"TAG OK done\r\n"
        if word in ("FETCH", "UID"):
            if word == "UID":
                wanted = [int(uid) for uid in rest.split(b" ")[2].split(b",")]
            else:
                first, last = map(int, rest.split(b" ")[1].split(b":"))
                wanted = list(self.mails)[first - 1 : last]
            given = b""
            for place, (uid, body) in enumerate(self.mails.items(), 1):
                if uid in wanted:
                    given += b"* %d FETCH (UID %d RFC822.SIZE %d" % (place, uid, len(body))
                    if asked := re.search(rb"<([0-9]+)\.([0-9]+)>", rest):
                        first, most = map(int, asked.groups())
                        body = body[first:][:most] if self.slices else body
                        given += b" BODY[]<%d> " % first + self.give(uid, body)
                    given += b")\r\n"
            given += b"TAG OK done\r\n"
        return self.odd(rest, given)


def _behind(name: bytes, size: int) -> bytes:
    """A bounce whose report stands behind a picture."""
    picture = base64.encodebytes(bytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    return (
        b"From: MAILER-DAEMON@relay.example.net\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + picture + b"--b\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.example\r\n\r\n"
        b"Final-Recipient: rfc822; " + name + b"@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
    )


ALL = [f"n{number}@example.org" for number in range(1, 5)]


@pytest.fixture
def odd() -> Odd:
    """Such a server."""
    return Odd()


@pytest.mark.parametrize("refused", [b"TAG NO [UNAVAILABLE] not now\r\n", b"TAG OK done\r\n"])
def test_what_is_refused_once_is_read_the_next_time(odd: Odd, explain: Explain, refused: bytes) -> None:
    def no(rest: bytes, answer: bytes) -> bytes:
        return refused if b"BODY" in rest and b"2" in rest.split(b" ")[2].split(b",") else answer

    odd.odd = no
    if refused.startswith(b"TAG OK"):
        odd.give = lambda uid, body: b"NIL" if uid == 2 else b"{%d}\r\n%s" % (len(body), body)
        odd.odd = lambda _, answer: answer
    code, names, err = explain(odd.url)
    assert (code, names) == (1, [ALL[0], *ALL[2:]])
    assert ";UID=2: the server" in err
    assert "asked for again the next time" in err
    odd.odd = lambda _, answer: answer
    odd.give = lambda _, body: b"{%d}\r\n%s" % (len(body), body)
    assert explain(odd.url)[1] == [ALL[1]]
    assert explain(odd.url)[:2] == (0, [])
    with Store() as store:
        assert store.count(Refusal) == 4


def test_what_is_always_refused_is_passed_over_after_three_runs(odd: Odd, explain: Explain) -> None:
    odd.give = lambda uid, body: b"NIL" if uid == 2 else b"{%d}\r\n%s" % (len(body), body)
    assert "again the next time" in explain(odd.url)[2]
    odd.mails[5] = BOUNCE % b"n5"
    code, names, err = explain(odd.url)
    assert (code, names) == (1, ["n5@example.org"])  # it blocks nothing
    assert "again the next time" in err
    code, names, err = explain(odd.url)
    assert (code, names) == (3, [])
    assert "3 times, and now passed over" in err
    assert explain(odd.url)[:2] == (0, [])


def test_what_is_refused_and_then_deleted_is_asked_for_no_more(odd: Odd, explain: Explain) -> None:
    odd.give = lambda uid, body: b"NIL" if uid == 2 else b"{%d}\r\n%s" % (len(body), body)
    explain(odd.url)
    del odd.mails[2]
    assert explain(odd.url)[:2] == (0, [])
    with Store() as store:
        assert marks.tries(store, imapurl.place(odd.url).name, 7) == {}


def test_a_body_in_quotes(odd: Odd, explain: Explain) -> None:
    text = b'x <"b"\\@y.example> UID 3: 550 5.1.1 no such user'
    odd.mails[2] = text
    odd.give = lambda uid, body: (
        b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        if uid == 2
        else b"{%d}\r\n%s" % (len(body), body)
    )
    odd.odd = lambda _, answer: answer.replace(b"* 2 FETCH (UID 2 ", b"* 2 FETCH (").replace(
        b'user")', b'user" UID 2)'
    )
    with imap.Session(imapurl.place(odd.url), "secret") as session:
        bodies = session._bodies([1, 2, 3])
    assert bodies == {1: odd.mails[1], 2: text, 3: odd.mails[3]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"* 2 FETCH (UID 2 RFC822.SIZE", b"* 2 FETCH (UID 2 X-SIZE"),
        (b"* 1 FETCH (UID 1", b"* 9 FETCH (UID 4294967295 RFC822.SIZE 5)\r\n* 1 FETCH (UID 1"),
        (b"* 1 FETCH (UID 1", b"* 1 FETCH (UID 4294967295 RFC822.SIZE 5)\r\n* 1 FETCH (UID 1"),
    ],
)
def test_answers_that_nobody_asked_for_or_without_a_size(
    odd: Odd, explain: Explain, before: bytes, after: bytes
) -> None:
    odd.odd = lambda rest, answer: (
        b"* 9 FETCH (UID 4294967295 BODY[]<0> {1}\r\nx)\r\n" + answer
        if b"BODY" in rest
        else answer.replace(before, after)
    )
    assert explain(odd.url)[1] == ALL
    odd.mails[5] = BOUNCE % b"n5"
    assert explain(odd.url)[1] == ["n5@example.org"]


def test_a_size_that_is_refused_and_a_message_without_a_name(odd: Odd, explain: Explain) -> None:
    odd.odd = lambda rest, answer: b"TAG NO broken\r\n" if b"SIZE" in rest else answer
    assert explain(odd.url)[1] == ALL
    odd.mails |= {5: BOUNCE % b"n5", 6: BOUNCE % b"n6"}
    odd.odd = lambda rest, answer: (
        answer.replace(b"* 5 FETCH (UID 5 ", b"* 5 FETCH (") if b"BODY" not in rest else answer
    )
    _, names, err = explain(odd.url)
    assert names == ["n6@example.org"]
    assert "1 of its messages: the server does not name them" in err


def test_numbered_anew_the_same_mails_count_once(odd: Odd, explain: Explain) -> None:
    assert explain(odd.url)[1] == ALL
    odd.validity = 8
    odd.mails = {uid + 100: body for uid, body in odd.mails.items()}
    _, names, err = explain(odd.url)
    assert names == ALL
    assert "numbered it anew" in err
    with Store() as store:
        assert sorted(one.recipient for one in store.events(Refusal)) == ALL


@pytest.mark.parametrize(
    ("told", "lie"),
    [(b"", 4294967295), (b"* OK [UIDNEXT 5] x\r\n", 4294967295), (b"* OK [UIDNEXT 5] x\r\n", 4294967294)],
)
def test_a_uid_that_cannot_be_hides_nothing_that_comes(
    odd: Odd, explain: Explain, told: bytes, lie: int
) -> None:
    """The mark stood at 4294967295, and every mail that came afterwards lay below it."""
    odd.odd = lambda rest, answer: answer.replace(b"TAG", told + b"TAG") if b"EXAMINE" in rest else answer
    odd.mails[lie] = odd.mails.pop(4)
    assert explain(odd.url)[1] == ALL
    odd.mails = dict(sorted((odd.mails | {3: BOUNCE % b"n3", 4: BOUNCE % b"n5"}).items()))
    told = told and b"* OK [UIDNEXT 6] x\r\n"
    assert set(explain(odd.url)[1]) == {ALL[3], "n5@example.org"}  # told again, for no mark can say it
    with Store() as store:
        assert marks.folder(store, imapurl.place(odd.url).name) == (7, 4)
        assert store.count(Refusal) == 5  # and counted once


def test_a_mark_that_cannot_be_is_left_behind(odd: Odd, explain: Explain) -> None:
    with Store() as store:  # as the version before wrote it
        store.add_later([], Mark(imapurl.place(odd.url).name, validity=7, uid=4294967295)).result()
    _, names, err = explain(odd.url)
    assert names == ALL
    assert "numbered it anew" in err
    assert explain(odd.url)[:2] == (0, [])


def test_a_message_that_ends_the_reader_ends_nothing_else(
    odd: Odd, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that raised stopped every run at the same place, and nothing behind it was ever read."""
    honest = bounce.counted

    def fails(raw: bytes, *rest: object) -> object:
        if b"<n2@" in raw:
            raise RecursionError("maximum depth")
        return honest(raw, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(bounce, "counted", fails)
    code, names, err = explain(odd.url)
    assert (code, names) == (1, [ALL[0], *ALL[2:]])
    assert ";UID=2: reading it failed (RecursionError: maximum depth) (asked for again the next time)" in err
    assert explain(odd.url)[:2] == (3, [])
    monkeypatch.setattr(bounce, "counted", honest)
    assert explain(odd.url)[:2] == (1, [ALL[1]])
    assert explain(odd.url)[:2] == (0, [])


def test_a_report_behind_a_large_picture_is_read(odd: Odd, explain: Explain) -> None:
    odd.mails[2] = _behind(b"n2", 3_000_000)
    odd.slices = True
    assert explain(odd.url)[1] == ALL
    with imap.Session(imapurl.place(odd.url), "secret") as session:
        found = dict(session.after(0))[2]
    assert isinstance(found, mail.Message)
    assert (found.raw, found.cut) == (odd.mails[2], 0)


# ---- TLS or not -----------------------------------------------------------------------------------


def test_plain_text_to_the_port_of_tls_is_said(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who speaks TLS waits for us to begin: half a minute of silence, and no word of why."""
    quiet = Liar({}, b"")
    monkeypatch.setattr(imapwire, "SECURE", quiet.listener.getsockname()[1])
    monkeypatch.setattr(imapwire, "SILENT", 0.2)
    started = time.monotonic()
    code, _, err = explain(quiet.url)
    assert time.monotonic() - started < 5
    assert code == 3
    assert "speaks TLS from the first octet" in err
    assert quiet.url.replace("imap:", "imaps:") in err


# ---- Maildirs -------------------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def _names(reading: Iterator[mailbox.Found]) -> list[str]:
    return [mark.name for _, mark in reading if mark]


def test_each_message_once_wherever_it_moves(box: Path) -> None:
    (box / "new" / "1.host").write_bytes(BOUNCE % b"a")
    (box / "tmp" / "2.host").write_bytes(BOUNCE % b"b")
    maildir = mailbox.Maildir(str(box))
    assert _names(maildir.poll()) == ["1.host"]
    (box / "new" / "1.host").rename(box / "cur" / "1.host:2,S")
    (box / "tmp" / "2.host").rename(box / "new" / "2.host")
    assert _names(maildir.poll()) == ["2.host"]
    (box / "cur" / "1.host:2,S").rename(box / "cur" / "1.host:2,RS")
    assert _names(maildir.poll()) == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_maildir_that_dovecot_packs(box: Path, pack: Callable[[bytes], bytes], explain: Explain) -> None:
    (box / "new" / "1.host").write_bytes(pack(BOUNCE % b"a"))
    (box / "new" / "2.host").write_bytes(pack(BOUNCE % b"b")[:-9])
    code, names, err = explain("--follow", "--for", "0", str(box))
    assert (code, names) == (1, ["a@example.org"])
    assert "2.host: damaged" in err


def test_a_name_is_forgotten_at_the_second_look(box: Path) -> None:
    (box / "new" / "1.host").write_bytes(BOUNCE % b"a")
    maildir = mailbox.Maildir(str(box))
    assert _names(maildir.poll()) == ["1.host"]
    (box / "new" / "1.host").rename(box / "away")
    assert maildir.forgotten() == []
    assert [mark.name for mark in maildir.forgotten()] == ["1.host"]
    assert maildir.seen == set()


def test_what_cannot_be_read_is_told_once_and_read_when_it_can_be(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (box / "new" / "1.host").write_bytes(BOUNCE % b"a")
    maildir = mailbox.Maildir(str(box))
    with monkeypatch.context() as patch:  # by its mode, root could read it
        patch.setattr(mail, "single", lambda path: mail.Unread(path, "Permission denied"))
        ((told, mark),) = maildir.poll()
        assert isinstance(told, mail.Unread)
        assert mark is None
        assert list(maildir.poll()) == []  # once
    assert maildir.seen == set()
    assert _names(maildir.poll()) == ["1.host"]
    assert _names(maildir.poll()) == []


def test_a_name_in_no_known_letters_is_read_once(box: Path, explain: Explain) -> None:
    """The store took only names in UTF-8, and the run ended there with a traceback."""
    place = os.fsencode(box).replace(b"box", b"b\xfcx")
    box.rename(os.fsdecode(place))
    for number in (1, 2):
        with open(place + b"/new/%d.\xff" % number, "wb") as file:
            file.write(BOUNCE % b"a")
        assert explain("--follow", "--for", "0", os.fsdecode(place))[:2] == (1, ["a@example.org"])
    assert explain("--follow", "--for", "0", os.fsdecode(place))[:2] == (0, [])
    os.remove(place + b"/new/1.\xff")
    explain("--follow", "--for", "1.2", os.fsdecode(place))
    with Store() as store:
        assert marks.seen(store, os.path.realpath(os.fsdecode(place))) == {"2.\udcff"}


def test_a_mail_that_ends_the_reader_waits_for_the_next_run(
    box: Path, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate((b"a", b"b", b"c")):
        (box / "new" / f"{number}.host").write_bytes(BOUNCE % name)
    with monkeypatch.context() as patch:
        honest = bounce.counted
        patch.setattr(
            bounce, "counted", lambda raw, *rest: honest(raw, *rest) if b"<b@" not in raw else 1 / 0
        )
        code, names, err = explain("--follow", "--for", "1.2", str(box))
    assert (code, names) == (1, ["a@example.org", "c@example.org"])
    assert err.count("1.host: reading it failed (ZeroDivisionError") == 1
    assert explain("--follow", "--for", "0", str(box))[:2] == (1, ["b@example.org"])


def test_follow_tells_what_arrives_and_remembers(box: Path, explain: Explain) -> None:
    (box / "cur" / "1.host:2,").write_bytes(BOUNCE % b"a")
    assert explain("--follow", "--for", "0", str(box))[:2] == (1, ["a@example.org"])
    (box / "new" / "2.host").write_bytes(BOUNCE % b"b")
    arriving = threading.Timer(0.3, lambda: (box / "new" / "3.host").write_bytes(BOUNCE % b"c"))
    arriving.start()
    assert explain("--follow", "--for", "1.6", str(box))[1] == ["b@example.org", "c@example.org"]
    assert explain("--follow", "--for", "0", str(box))[:2] == (0, [])
    assert len(explain("--follow", "--for", "0", "--again", str(box))[1]) == 3
    with Store() as store:
        assert store.count(Refusal) == 3
        assert marks.seen(store, os.path.realpath(box)) == {"1.host", "2.host", "3.host"}


def test_a_folder_on_a_server_is_not_followed(explain: Explain) -> None:
    code, _, err = explain("--follow", "imaps://u@host.invalid/INBOX")
    assert code == 2
    assert "on a server cannot be followed" in err
    assert "unlisted explain imaps://u@host.invalid/INBOX" in err
    code, _, err = explain("--follow", "imaps://u:secret@host.invalid/INBOX")
    assert code == 2
    assert "secret" not in err


def test_a_time_without_follow_is_no_silent_wish(box: Path, explain: Explain) -> None:
    code, _, err = explain("--for", "5", str(box))
    assert code == 2
    assert "--follow" in err


def test_what_is_no_maildir(tmp_path: Path, explain: Explain) -> None:
    code, _, err = explain("--follow", str(tmp_path))
    assert code == 2
    assert "no Maildir" in err


def test_the_mark_and_what_it_stands_for_are_one_transaction(tmp_path: Path) -> None:
    with Store(str(tmp_path / "db")) as store:
        store.add_later([Refusal("imap;UID=4")], Mark("imap", validity=7, uid=4)).result()
        store.add_later([], Mark("imap", validity=7, uid=2)).result()  # never backwards
        assert marks.folder(store, "imap") == (7, 4)
        store.add_later([], Mark("imap", validity=8, uid=1)).result()  # but anew
        assert marks.folder(store, "imap") == (8, 1)
        store.add_later([], Mark("/box", name="a")).result()
        store.add_later([], Mark("/box", name="a", gone=True)).result()
        assert marks.seen(store, "/box") == set()
        assert store.count(Refusal) == 1
