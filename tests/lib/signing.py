# SPDX-License-Identifier: Apache-2.0
"""The signature between two CMPs (9.3.2), written a second time: with Python's own hmac.

signature = HMAC(apikey, tid || ici)
"""
import base64
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass, field

WRITTEN = {
    "hex": lambda mac: mac.hex(),
    "HEX": lambda mac: mac.hex().upper(),
    "base64": lambda mac: base64.b64encode(mac).decode(),
    "base64-unpadded": lambda mac: base64.b64encode(mac).decode().rstrip("="),
    "base64url": lambda mac: base64.urlsafe_b64encode(mac).decode(),
    "base64url-unpadded": lambda mac: base64.urlsafe_b64encode(mac).decode().rstrip("="),
}


@dataclass(frozen=True)
class Key:
    """A credential; `options` are further members of its row in the keyring."""

    id: str
    peer: str
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    hash: str = "sha256"
    options: dict = field(default_factory=dict)

    def row(self):
        return {
            "id": self.id,
            "peer": self.peer,
            "secret_hex": self.secret.hex(),
            "hash": self.hash,
            **self.options,
        }

    def sign(self, tid, ici, written="hex"):
        mac = hmac.new(self.secret, tid.encode() + ici.encode(), self.hash).digest()
        return WRITTEN[written](mac)


def uuid7(at=None):
    """A UUIDv7 (RFC 9562, 5.7) for that Unix time in seconds; now by default."""
    ms = int((time.time() if at is None else at) * 1000)
    value = ms << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
