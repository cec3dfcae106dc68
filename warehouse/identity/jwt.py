"""JSON Web Tokens: ours are signed with ES256, those of clients are checked in RS, PS and ES.

``cryptography`` is imported when the first token is made or checked: start-up does not wait for it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

_HASHES = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}
ALGORITHMS = tuple(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in _HASHES)


class BadToken(Exception):
    """Why a token is not accepted, in words for ``error_description``."""


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int, size: int = 32) -> str:
    """A big-endian number as in a JWK."""
    return _pack(value.to_bytes(size, "big"))


def _json_part(value: dict[str, Any]) -> str:
    return _pack(json.dumps(value, separators=(",", ":")).encode())


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims without any check of the signature."""
    try:
        head, body, _ = token.split(".")
        header, claims = json.loads(_unpack(head)), json.loads(_unpack(body))
    except (ValueError, RecursionError) as error:
        raise BadToken("the token is not a JWT") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("the token is not a JWT")
    return header, claims


class Signer:
    """The server's own key; the same one for the same seed."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
        self._key = ec.derive_private_key(int.from_bytes(secret, "big") % (order - 1) + 1, ec.SECP256R1())
        place = self._key.public_key().public_numbers()
        self.jwk = {
            "kty": "EC", "crv": "P-256", "x": number(place.x), "y": number(place.y), "use": "sig", "alg": "ES256",
            "kid": number(place.x)[:16],
        }  # fmt: skip

    def sign(self, claims: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        text = f"{_json_part({'alg': 'ES256', 'typ': 'JWT', 'kid': self.jwk['kid']})}.{_json_part(claims)}"
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_pack(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def load_public_key(pem: str) -> Any:
    """A public key, or that of a certificate; ValueError for anything else."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    data = pem.encode()
    if b"BEGIN CERTIFICATE" in data:
        return x509.load_pem_x509_certificate(data).public_key()
    return serialization.load_pem_public_key(data)


def verify(token: str, key: Any, algorithm: str) -> None:
    """Raises BadToken unless the signature is that of the key's owner."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    if algorithm not in ALGORITHMS:
        raise BadToken(f"unsupported algorithm {algorithm}")
    text, _, last = token.rpartition(".")
    hashed = getattr(hashes, _HASHES[algorithm[2:]])()
    try:
        signature = _unpack(last)
        if algorithm.startswith("ES"):
            if not isinstance(key, ec.EllipticCurvePublicKey):
                raise BadToken(f"{algorithm} needs an EC key")
            half = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * half:
                raise BadToken("the signature has the wrong length")
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(utils.encode_dss_signature(r, s), text.encode(), ec.ECDSA(hashed))
            return
        if not isinstance(key, rsa.RSAPublicKey):
            raise BadToken(f"{algorithm} needs an RSA key")
        scheme = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            scheme = padding.PSS(mgf=padding.MGF1(hashed), salt_length=padding.PSS.DIGEST_LENGTH)
        key.verify(signature, text.encode(), scheme, hashed)
    except (InvalidSignature, ValueError) as error:
        raise BadToken("the signature does not match") from error
