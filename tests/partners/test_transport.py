"""What left us, what was answered, and what nobody can say is told apart."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from partners.ports import Incoming
from partners.signing import HEADER, HmacSigner
from partners.transport import (
    Limits,
    NoReply,
    NotGenuine,
    NotSent,
    Reply,
    Transport,
    Unreadable,
)
from tests.partners.benches import nowhere

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "a secret for tests of transport"
NOON = 1_197_259_200
QUICK = Limits(connect_seconds=1, read_seconds=0.2, total_seconds=0.5)


class Peer:
    """Somebody who answers with exactly these bytes, a connection at a time."""

    def __init__(
        self,
        listening: socket.socket,
        answers: list[bytes],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.asked: list[bytes] = []
        self.pause_seconds = 0.0  # between two bytes
        self._listening, self._answers, self._tls = listening, answers, tls

    def serve(self) -> None:
        for answer in self._answers:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            line.settimeout(5)
            if self._tls is not None:
                try:
                    line = self._tls.wrap_socket(line, server_side=True)
                except OSError:
                    line.close()
                    continue  # the asker does not believe us
            with line:
                self.asked.append(_request(line))
                self._say(line, answer)

    def _say(self, line: socket.socket, answer: bytes) -> None:
        try:
            if not self.pause_seconds:
                line.sendall(answer)
                return
            for byte in answer:
                line.sendall(bytes([byte]))
                time.sleep(self.pause_seconds)
        except OSError:
            pass  # the asker has gone


def _request(line: socket.socket) -> bytes:
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += line.recv(65_536)
    head, _, body = asked.partition(b"\r\n\r\n")
    for name in head.split(b"\r\n"):
        if name.lower().startswith(b"content-length:"):
            while len(body) < int(name.split(b":")[1]):
                body += line.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = Peer(listening, list(answers), tls)
        thread = Thread(target=peer.serve, daemon=True)
        thread.start()
        yield peer
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def to(address: str, **told: Any) -> Transport:
    facts: dict[str, Any] = {"allow_loopback": True, "limits": QUICK}
    return Transport(address, **(facts | told))


def order(transport: Transport) -> Reply:
    return transport.post("/orders", {"miles": 1}, idempotency_key="o-1")


def test_a_question_carries_its_names_and_no_more():
    with answering(OK) as peer:
        reply = to(f"{peer.address}/api/").post(
            "/orders", {"名": "梅"}, idempotency_key="兑换:1"
        )

    assert reply.json() == {}
    head, _, body = peer.asked[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /api/orders HTTP/1.1"
    assert b"Idempotency-Key: %E5%85%91%E6%8D%A2:1" in lines
    assert f"X-Request-Id: {reply.request_id}".encode() in lines
    assert body == '{"名":"梅"}'.encode()


def test_where_nobody_listens_nothing_was_sent():
    with pytest.raises(NotSent):
        order(to(nowhere()))


def test_a_host_that_does_not_exist_is_sent_nothing():
    with pytest.raises(NotSent):
        order(Transport("https://no..host", limits=QUICK))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_half_an_answer_is_none_and_an_order_is_not_repeated(answer):
    with answering(answer, OK) as peer, pytest.raises(NoReply):
        order(to(peer.address))

    assert len(peer.asked) == 1


def test_what_only_asks_is_asked_again():
    with answering(b"", OK) as peer:
        assert to(peer.address).get("/orders", {"reference": "a b"}).status == 200

    assert [asked.split(b"\r\n")[0] for asked in peer.asked] == [
        b"GET /orders?reference=a+b HTTP/1.1"
    ] * 2


def test_what_only_asks_is_asked_again_past_a_broken_gateway():
    broken = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with answering(broken, OK) as peer:
        assert to(peer.address).get("/orders").status == 200
    with answering(broken, broken) as peer:
        assert to(peer.address).get("/orders").status == 503


def test_an_answer_that_does_not_come_is_not_waited_for():
    with answering(OK) as peer:
        peer.pause_seconds = 0.4
        with pytest.raises(NoReply, match="TimeoutError"):
            order(to(peer.address))


def test_an_answer_that_trickles_in_ends_at_the_deadline():
    with answering(OK * 10) as peer:
        peer.pause_seconds = 0.05
        began = time.monotonic()
        with pytest.raises(NoReply):
            order(to(peer.address))

        assert time.monotonic() - began < 2


def test_an_answer_has_a_size():
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + b"x" * 300
    with answering(long) as peer, pytest.raises(NoReply, match="too long"):
        order(to(peer.address, limits=Limits(body_bytes_max=299)))


def test_a_redirection_is_an_answer_and_is_not_followed():
    with answering(OK) as stranger:
        location = f"Location: {stranger.address}/\r\n".encode()
        moved = b"HTTP/1.1 307 Go\r\nContent-Length: 0\r\n" + location + b"\r\n"
        with answering(moved) as peer:
            assert to(peer.address).get("/orders").status == 307

        assert stranger.asked == []


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with answering(OK) as proxy, answering(OK) as peer:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)

        assert to(peer.address).get("/orders").status == 200
        assert proxy.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"7", b"\xff", b"[" * 5000])
def test_what_is_no_object_cannot_be_read(body):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with answering(answer) as peer:
        reply = to(peer.address).get("/orders")

    with pytest.raises(Unreadable):
        reply.json()


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a.example",
        "https://",
        "a.example",
        "http://a.example",
        "https://me:word@a.example",
        "https://a.example/?x=1",
    ],
)
def test_addresses_that_nobody_should_be_asked_at_are_refused(address):
    with pytest.raises(ValueError, match=r"address|TLS"):
        Transport(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "[::]"]
)
def test_our_own_machine_is_no_partner(host):
    with pytest.raises(NotSent, match="no address may be asked"):
        order(Transport(f"https://{host}:1", limits=QUICK))


def test_without_tls_only_loopback_is_asked():
    with pytest.raises(NotSent, match="no address may be asked"):
        order(to("http://192.0.2.1"))


@pytest.mark.parametrize("limit", ["connect_seconds", "read_seconds", "total_seconds"])
def test_limits_are_above_zero(limit):
    with pytest.raises(ValueError, match="above zero"):
        Limits(**{limit: 0})


@pytest.fixture
def vouched(tmp_path):
    """A certificate for 127.0.0.1 that vouches for itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a partner")])
    now = datetime.now(UTC)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return files


@contextmanager
def behind_tls(files, *answers: bytes) -> Iterator[Peer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    with answering(*answers, tls=context) as peer:
        peer.address = peer.address.replace("http:", "https:")
        yield peer


def test_whom_somebody_vouches_for_is_asked(vouched):
    ours = ssl.create_default_context(cafile=vouched[0])
    with behind_tls(vouched, OK) as peer:
        assert order(to(peer.address, tls=ours)).status == 200


def test_an_answer_over_tls_is_not_waited_for_either(vouched):
    ours = ssl.create_default_context(cafile=vouched[0])
    with behind_tls(vouched, OK * 10) as peer:
        peer.pause_seconds = 0.05
        with pytest.raises(NoReply):
            order(to(peer.address, tls=ours))


def test_whom_nobody_vouches_for_is_told_nothing(vouched):
    with (
        behind_tls(vouched, OK, OK) as peer,
        pytest.raises(NotSent, match="SSLCertVerificationError"),
    ):
        order(to(peer.address))

    assert peer.asked == []


@pytest.fixture
def us():
    return HmacSigner(SECRET, ours="jifen", theirs="MU")


@pytest.fixture
def them():
    return HmacSigner(SECRET, ours="MU", theirs="jifen")


@pytest.fixture
def asked(us):
    question = Incoming("POST", "/orders?a=1", {}, b'{"miles":1}')
    headers = us.sign(question, nonce="n1", at=NOON)
    return Incoming("POST", "/orders?a=1", headers, question.body)


def test_a_signature_holds_for_half_a_minute(them, asked):
    moments = (NOON - 31, NOON - 30, NOON, NOON + 30, NOON + 31)

    assert [them.is_genuine(asked, at=at) for at in moments] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_signature_holds_for_what_was_signed_alone(us, them, asked):
    changed = [
        Incoming("PUT", asked.target, asked.headers, asked.body),
        Incoming("POST", "/orders?a=2", asked.headers, asked.body),
        Incoming("POST", asked.target, asked.headers, asked.body + b" "),
        Incoming("POST", asked.target, {}, asked.body),
        *(
            Incoming("POST", asked.target, {HEADER: signature}, asked.body)
            for signature in (
                "",
                "t=,n=,v1=",
                "t=²,n=n1,v1=00",
                f"t={'9' * 5000},n=n1,v1=00",
                asked.headers[HEADER].replace("n=n1", "n=n2"),
                asked.headers[HEADER].replace("v1=", "v1=é"),
            )
        ),
    ]

    assert not any(them.is_genuine(one, at=NOON) for one in changed)
    assert not us.is_genuine(asked, at=NOON)  # our own words, sent back to us


def test_an_answer_is_good_for_its_own_question(us, them, asked):
    signature = them.sign_answer(asked, status=201, body=b"{}", at=NOON)

    def holds(status=201, body=b"{}", nonce="n1", at=NOON):
        return us.is_answer(status, signature, body, nonce=nonce, at=at)

    assert holds()
    assert not holds(status=200)
    assert not holds(body=b"{} ")
    assert not holds(nonce="n2")
    assert not holds(at=NOON + 31)


def test_an_answer_that_nobody_signed_is_no_answer(us):
    with answering(OK) as peer, pytest.raises(NotGenuine):
        to(peer.address, signer=us).get("/orders")


def test_a_secret_that_can_be_guessed_is_refused():
    with pytest.raises(ValueError, match="16 characters"):
        HmacSigner("short", ours="jifen", theirs="MU")
