"""Who we are to a client: one address, which no caller may choose."""

from urllib.parse import urlsplit

from flask import request, url_for

from blueprints import services
from blueprints.sessions import is_loopback
from loyalty.errors import Unavailable


class AddressUnset(Unavailable):
    """OAuth needs JIFEN_PUBLIC_URL here, the address by which we are called."""

    code = "address_unset"

    def __init__(self) -> None:
        super().__init__()


def issuer() -> str:
    """Return our issuer identifier (RFC 8414).

    Where it is not set we are who the caller says we are, but on one's own machine
    only: elsewhere an assertion made for another server could be spent here.

    Raises `AddressUnset`.
    """
    public = services().settings.public_url
    if public is not None:
        return public.rstrip("/")
    if not is_loopback(request.host):
        raise AddressUnset
    return request.host_url.rstrip("/")


def address_of(endpoint: str) -> str:
    """Return the address of a view of ours, as the outside world calls it."""
    return issuer() + url_for(endpoint)


def this_address() -> str:
    """Return the address that was called, without its question."""
    return issuer() + request.path


def is_same_address(told: str, expected: str) -> bool:
    """Whether an address is another spelling of one of ours (RFC 9449, 4.3)."""
    try:
        return _normal(told) == _normal(expected)
    except ValueError:
        return False


def _normal(address: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(address)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or default,
        parts.path or "/",
    )
