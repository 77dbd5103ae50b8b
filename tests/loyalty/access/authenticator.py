"""A passkey device in software: makes key pairs and signs what a site asks."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def unpadded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One key pair for one site; what is asked comes as the site's JSON."""

    origin: str = "http://localhost"
    host: str = "localhost"
    verifies: bool = True  # the person, by finger or face
    uses: int = 0
    credential_id: bytes = field(default_factory=lambda: token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: str) -> str:
        """Answer `navigator.credentials.create`."""
        return self._credential(
            clientDataJSON=unpadded(self._client(options, "webauthn.create")),
            attestationObject=unpadded(
                encode_cbor(
                    {
                        "fmt": "none",
                        "attStmt": {},
                        "authData": self._about(_ATTESTED) + self._public(),
                    }
                )
            ),
        )

    def get(self, options: str) -> str:
        """Answer `navigator.credentials.get`."""
        self.uses += 1
        about, client = self._about(), self._client(options, "webauthn.get")
        signed = about + hashlib.sha256(client).digest()
        return self._credential(
            clientDataJSON=unpadded(client),
            authenticatorData=unpadded(about),
            signature=unpadded(self.key.sign(signed, ec.ECDSA(SHA256()))),
        )

    def _credential(self, **response: str) -> str:
        return json.dumps(
            {
                "id": unpadded(self.credential_id),
                "rawId": unpadded(self.credential_id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )

    def _client(self, options: str, kind: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        said = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(said).encode()

    def _about(self, flags: int = 0) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return (
            hashlib.sha256(self.host.encode()).digest()
            + bytes([flags])
            + self.uses.to_bytes(4, "big")
        )

    def _public(self) -> bytes:
        point = self.key.public_key().public_numbers()
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        length = len(self.credential_id).to_bytes(2, "big")
        return bytes(16) + length + self.credential_id + encode_cbor(cose)
