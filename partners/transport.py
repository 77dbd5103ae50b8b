"""Speaking HTTP with strangers: bounded in time and size, signed, and never fooled.

The standard library's client is enough, and shows what none of the friendlier ones
tells apart: whether a question left us. No proxy of the environment is used and no
redirection followed; each question has a connection of its own, for one that was
kept open may die under a question without saying whether it was heard.
"""

import http.client
import ipaddress
import json
import logging
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from partners.deadline import Deadline, TimedSocket
from partners.ports import Incoming
from partners.signing import Signer, new_nonce

log = logging.getLogger(__name__)

TRIES = 2
# A gateway says these for a partner who was not asked, or who can be asked again.
_TRY_AGAIN = {502, 503, 504}
_JSON = "application/json"
_HOPELESS = (http.client.HTTPException, OSError, ValueError)


class NotSent(Exception):
    """The question never left us: nothing has happened over there."""


class NoReply(Exception):
    """The question may have been heard; what came back says nothing."""


class NotGenuine(NoReply):
    """What came back was not signed by the partner."""


class Unreadable(Exception):
    """A genuine answer that is not what was agreed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large an answer may be."""

    connect_seconds: float = 3.05
    read_seconds: float = 10.0  # between two bytes
    total_seconds: float = 20.0  # for all tries together
    body_bytes_max: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can be asked."""
        if min(self.connect_seconds, self.read_seconds, self.total_seconds) <= 0:
            raise ValueError("time limits are above zero")
        if self.body_bytes_max <= 0:
            raise ValueError("an answer may have at least one byte")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, genuine as far as its signer can tell."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    request_id: str

    def json(self) -> dict[str, Any]:
        """Return the object that the body is.

        Raises `Unreadable`.
        """
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreadable("the answer is no JSON") from error
        if not isinstance(found, dict):
            raise Unreadable("the answer is no object")
        return found


class Transport:
    """Asks one partner at one address.

    Only what is safe to repeat is repeated: what never left us, and what only asks.
    """

    def __init__(
        self,
        address: str,
        *,
        signer: Signer | None = None,
        limits: Limits = Limits(),
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raise `ValueError` if nobody can, or may, be asked there."""
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("an address begins with https:// and names a host")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("an address has no user, query or fragment")
        if parts.scheme == "http" and not allow_loopback:
            raise ValueError("only a partner on loopback is asked without TLS")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._netloc, self._prefix = parts.netloc, parts.path.rstrip("/")
        self._tls = None
        if parts.scheme == "https":
            self._tls = tls or ssl.create_default_context()
        self._signer = signer
        self._limits = limits
        self._allow_loopback = allow_loopback
        self._clock = clock

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """Ask a question that changes nothing; it is asked again if need be.

        Raises `NotSent` or `NoReply`.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        return self._ask("GET", target, b"", {}, repeat=True)

    def post(
        self,
        path: str,
        told: Mapping[str, object] | Sequence[object],
        *,
        idempotency_key: str,
    ) -> Reply:
        """Ask for something to be done; asked again only if it never left us.

        Raises `NotSent` or `NoReply`.
        """
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": _JSON,
            "Idempotency-Key": quote(idempotency_key, safe=":/@+"),
        }
        return self._ask("POST", path, body, headers, repeat=False)

    def is_genuine(self, incoming: Incoming) -> bool:
        """Whether the partner itself has just asked or told us this."""
        if self._signer is None:
            return False
        return self._signer.is_genuine(incoming, at=int(self._clock()))

    def sign_answer(
        self, incoming: Incoming, *, status: int, body: bytes
    ) -> dict[str, str]:
        """Return the headers that prove to the partner that we answer so."""
        if self._signer is None:
            return {}
        return self._signer.sign_answer(
            incoming, status=status, body=body, at=int(self._clock())
        )

    def _ask(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str],
        *,
        repeat: bool,
    ) -> Reply:
        deadline = Deadline.after(self._limits.total_seconds)
        question = Incoming(method, self._prefix + target, headers, body)
        for left in reversed(range(TRIES)):
            try:
                reply = self._once(question, deadline)
            except NotSent:
                if not left or deadline.is_over:
                    raise
            except NotGenuine:
                raise
            except NoReply:
                if not (repeat and left) or deadline.is_over:
                    raise
            else:
                if not (repeat and left and reply.status in _TRY_AGAIN):
                    return reply
        raise AssertionError("the last try returns or raises")

    def _once(self, question: Incoming, deadline: Deadline) -> Reply:
        request_id = uuid.uuid4().hex
        nonce, at = new_nonce(), int(self._clock())
        headers = {
            **question.headers,
            "Host": self._netloc,
            "Accept": _JSON,
            "User-Agent": "Jifen",
            "X-Request-Id": request_id,
        }
        if self._signer is not None:
            headers |= self._signer.sign(question, nonce=nonce, at=at)
        line = self._connect(deadline)
        try:
            reply = self._exchange(line, question, headers, deadline, request_id)
        except _HOPELESS as error:
            raise NoReply(f"no answer: {type(error).__name__}") from error
        finally:
            line.close()
        log.debug(
            "%s %s: %d, request %s",
            question.method,
            self._host,
            reply.status,
            request_id,
        )
        if self._signer is not None and not self._signer.is_answer(
            reply.status,
            reply.headers,
            reply.body,
            nonce=nonce,
            at=int(self._clock()),
        ):
            raise NotGenuine(f"answer {reply.status} is not signed by the partner")
        return reply

    def _exchange(
        self,
        line: socket.socket,
        question: Incoming,
        headers: Mapping[str, str],
        deadline: Deadline,
        request_id: str,
    ) -> Reply:
        connection = http.client.HTTPConnection(self._host, self._port)
        # Of a socket, http.client uses no more than this.
        connection.sock = TimedSocket(
            line, deadline=deadline, seconds=self._limits.read_seconds
        )
        connection.request(
            question.method, question.target, question.body or None, dict(headers)
        )
        response = connection.getresponse()
        if response.length is None and not response.chunked:
            # Its end and its breaking off look the same.
            raise NoReply("the answer does not say how long it is")
        body = response.read(self._limits.body_bytes_max + 1)
        if len(body) > self._limits.body_bytes_max:
            raise NoReply("the answer is too long")
        if response.length:
            raise NoReply("the answer broke off")
        return Reply(response.status, dict(response.getheaders()), body, request_id)

    def _connect(self, deadline: Deadline) -> socket.socket:
        """Open a line to the first address that may be asked and takes us.

        Raises `NotSent`.
        """
        reason = "no address may be asked"
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            raise NotSent(f"unknown host: {type(error).__name__}") from error
        for family, kind, protocol, _, address in found:
            if not self._may_ask(str(address[0])):
                continue
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(deadline.within(self._limits.connect_seconds))
                line.connect(address)
                if self._tls is None:
                    return line
                return self._tls.wrap_socket(line, server_hostname=self._host)
            except _HOPELESS as error:
                line.close()
                reason = f"not connected: {type(error).__name__}"
        raise NotSent(reason)

    def _may_ask(self, address: str) -> bool:
        """Whether an address can be a partner's: ours and the cloud's own are not.

        Private networks are allowed, for banks are reached through them.
        """
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if ip.is_loopback:
            return self._allow_loopback
        if self._tls is None:
            return False
        return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)
