"""What a partner tells us later, signed with the shared secret."""

import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from partners.ports import Incoming
from partners.sandbox.deliveries import Deliveries
from partners.signing import HmacSigner, new_nonce


class Notices(Deliveries):
    """Tells late outcomes to our webhook, each try signed anew."""

    def __init__(self, *, url: str | None, signer: HmacSigner) -> None:
        super().__init__(url=url)
        self.signer = signer

    def dress(self, payload: bytes, url: str) -> dict[str, str]:
        """Return the headers with which a payload goes out now."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        question = Incoming("POST", target, {}, payload)
        return self.signer.sign(question, nonce=new_nonce(), at=int(time.time()))

    def tell(self, kind: str, subject: dict[str, Any]) -> str:
        """Tell what happened; return the notice's name."""
        name = f"nt{secrets.token_hex(8)}"
        self.put(name, {"id": name, "type": kind, "data": subject})
        return name
