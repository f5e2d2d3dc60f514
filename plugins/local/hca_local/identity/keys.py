"""The deployment's RSA key: created once, kept in the data directory with mode 0600, published as a JSON Web Key."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_FILE = Path("identity") / "signing-key.pem"
_KEY_BITS = 2048


class SigningKey:
    """An RSA key pair with its key id.

    The id is the JWK thumbprint (RFC 7638), so a key always has the same id.
    """

    def __init__(self, private: RSAPrivateKey) -> None:
        self.private = private
        self.public = private.public_key()
        numbers = self.public.public_numbers()
        self._exponent = _base64url(numbers.e)
        self._modulus = _base64url(numbers.n)
        # The order and the compact form that the thumbprint is defined for.
        canonical = f'{{"e":"{self._exponent}","kty":"RSA","n":"{self._modulus}"}}'
        digest = hashlib.sha256(canonical.encode()).digest()
        self.key_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @classmethod
    def open(cls, data_dir: Path) -> SigningKey:
        """Load the key of a data directory; create it if missing. Safe when two processes start at once."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        path = data_dir / KEY_FILE
        try:
            pem = path.read_bytes()
        except FileNotFoundError:
            pem = _create(path)
        return cls(load_pem_private_key(pem, password=None))  # type: ignore[arg-type]

    def jwk(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": self._modulus,
            "e": self._exponent,
        }


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _create(path: Path) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # A link, unlike a rename, fails if another process was first: then its key is used.
            path.hardlink_to(draft)
        except FileExistsError:
            return path.read_bytes()
    finally:
        draft.unlink(missing_ok=True)
    return pem
