"""What every adapter that speaks HTTP with a partner has to be told."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from partners.signing import HmacSigner
from partners.transport import Limits, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a partner is, and the secret shared with it."""

    code: str  # of the partner, as in the programme
    address: str
    secret: str = field(repr=False)
    our_name: str = "jifen"  # how we sign
    allow_loopback: bool = False  # for development: a sandbox on this machine
    ca_file: str | None = None  # who vouches for the partner; None: who always does
    connect_seconds: float = 3.05
    read_seconds: float = 10.0
    total_seconds: float = 20.0

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what nobody could be asked with."""
        if not self.code:
            raise ValueError("a partner has a code")
        self.transport()

    def transport(self, *, clock: Callable[[], float] = time.time) -> Transport:
        """Return the way to the partner."""
        return Transport(
            self.address,
            signer=HmacSigner(self.secret, ours=self.our_name, theirs=self.code),
            limits=Limits(
                connect_seconds=self.connect_seconds,
                read_seconds=self.read_seconds,
                total_seconds=self.total_seconds,
            ),
            allow_loopback=self.allow_loopback,
            tls=self._tls(),
            clock=clock,
        )

    def _tls(self) -> ssl.SSLContext | None:
        if self.ca_file is None:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise ValueError("ca_file cannot be read") from error
