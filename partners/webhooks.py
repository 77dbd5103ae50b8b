"""Tell strangers' servers something, at addresses that strangers gave us.

The name is resolved once, every address it has must be a public one, and the very
address that was looked at is connected to: a name cannot mean one thing when it is
checked and another when it is used. Redirects are not followed.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
_ANSWER_BYTES_MAX: Final = 16 * 1024
URL_LENGTH_MAX: Final = 500
# Addresses of the old network in clothes of the new (RFC 6052).
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")


class BadAddress(ValueError):
    """Nothing is sent there; the message says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending something."""

    status: int | None  # None: there was no answer
    fault: str | None = None  # None: there was one


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be sent, as its address says."""

    host: str
    port: int
    path: str
    is_tls: bool


def place_of(url: str, *, loopback: bool = False) -> Place:
    """Return what an address says, without asking anybody.

    `loopback` lets plain http and one's own machine be called, for development.
    Raises `BadAddress`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress("it is no address") from error
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable():
        raise BadAddress("it is too long, or has characters that addresses have not")
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise BadAddress("it is not https")
    if not parts.hostname or " " in url or "\\" in url:
        raise BadAddress("it names no host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress("it carries a user, a password or a fragment")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = Place(parts.hostname, port or (443 if is_tls else 80), path, is_tls)
    literal = _literal(place.host)
    if literal is not None:
        _check(literal, loopback=loopback)
    return place


def send(
    url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool = False
) -> Sent:
    """Post a body once, and tell what was answered; failures are told, not raised."""
    try:
        place = place_of(url, loopback=loopback)
        address = _resolved(place, loopback=loopback)
        return Sent(_posted(place, address, body, headers))
    except BadAddress as error:
        return Sent(None, f"refused: {error}")
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        return Sent(None, type(error).__name__)


def _posted(place: Place, address: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post to the address that was looked at, whatever the name means by now."""
    plain = socket.create_connection((address, place.port), CONNECT_SECONDS)
    # Whoever answers a byte at a time has no more time than others.
    watch = Timer(ANSWER_SECONDS, _hang_up, (plain,))
    watch.start()
    try:
        plain.settimeout(ANSWER_SECONDS)
        connected = plain
        if place.is_tls:
            connected = ssl.create_default_context().wrap_socket(
                plain, server_hostname=place.host
            )
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = connected
        connection.request("POST", place.path, body, dict(headers))
        answer = connection.getresponse()
        # The body tells us nothing; it is read to be polite, a little of it.
        left = _ANSWER_BYTES_MAX
        while left > 0:
            part = answer.read1(left)
            if not part:
                break
            left -= len(part)
        return answer.status
    finally:
        watch.cancel()
        plain.close()


def _hang_up(plain: socket.socket) -> None:
    with suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def _resolved(place: Place, *, loopback: bool) -> str:
    """Return an address of a host, all of which may be called.

    Raises `BadAddress`.
    """
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        _check(ip_address(address.partition("%")[0]), loopback=loopback)
    if not addresses:
        raise BadAddress("its name means no address")
    return addresses[0]


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check(address: IPv4Address | IPv6Address, *, loopback: bool) -> None:
    inner = _inner(address)
    if loopback and inner.is_loopback:
        return
    if not inner.is_global or inner.is_multicast or inner.is_reserved:
        raise BadAddress("its address is not a public one")


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address that is meant, where one is wrapped in another."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address
