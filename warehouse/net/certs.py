"""Certificates for tests: a CA, server certificates good and bad, client certificates, keys of many kinds.

Everything is written to one folder, so that a client's test needs no tool of its own. An existing CA
of that folder is used again: clients that trust it stay happy over restarts.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# What the certificate of a server can be like.
KINDS = ("good", "expired", "not-yet-valid", "wrong-name", "self-signed", "unknown-ca", "missing-intermediate")
KEY_PASSPHRASE = "secret"
_DAY = datetime.timedelta(days=1)


@dataclass
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, form: Any = None, passphrase: str | None = None) -> bytes:
        lock = serialization.NoEncryption()
        if passphrase is not None:
            lock = serialization.BestAvailableEncryption(passphrase.encode())
        return self.key.private_bytes(
            serialization.Encoding.PEM, form or serialization.PrivateFormat.PKCS8, lock
        )  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(
    subject: str,
    issuer: Pair | None,
    names: list[str] | None = None,
    authority: bool = False,
    client: bool = False,
    days: tuple[int, int] = (-1, 825),
) -> Pair:
    """A new certificate; without an issuer it signs itself. ``days``: validity counted from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.certificate.subject if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(authority), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_san(n) for n in names]), critical=False)
    if not authority:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return Pair(builder.sign(signer, hashes.SHA256()), key)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Folder:
    """The files of one server's certificates."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self.path = path
        self._names = names
        path.mkdir(parents=True, exist_ok=True)
        self._root = self._authority("ca", "dbkernel local warehouse CA")
        self._middle = issue("dbkernel local warehouse intermediate CA", self._root, authority=True)
        self._stranger = issue("a CA that nobody trusts", None, authority=True)
        self._write_for_clients()

    @property
    def ca_file(self) -> Path:
        return self.path / "ca.pem"

    def server(self, kind: str) -> tuple[Path, Path]:
        """Certificate chain and key of a kind; made when first asked for."""
        chain_file, key_file = self.path / f"server-{kind}.pem", self.path / f"server-{kind}-key.pem"
        leaf, chain = self._leaf(kind)
        write(key_file, leaf.key_pem(), secret=True)
        write(chain_file, b"".join([leaf.pem(), *(p.pem() for p in chain)]))
        return chain_file, key_file

    def _leaf(self, kind: str) -> tuple[Pair, list[Pair]]:
        names = ["wrong.example"] if kind == "wrong-name" else self._names
        if kind == "self-signed":
            return issue("self-signed", None, names), []
        if kind == "unknown-ca":
            return issue("server", self._stranger, names), []
        days = {"expired": (-30, -1), "not-yet-valid": (30, 60)}.get(kind, (-1, 825))
        leaf = issue("server", self._middle, names, days=days)
        return leaf, [] if kind == "missing-intermediate" else [self._middle]

    def interceptor(self) -> tuple[Path, Pair]:
        """The CA of the intercepting proxy: another one than the servers'."""
        return self.path / "mitm-ca.pem", self._authority("mitm-ca", "dbkernel intercepting proxy CA")

    def _authority(self, stem: str, subject: str) -> Pair:
        ca, key = self.path / f"{stem}.pem", self.path / f"{stem}-key.pem"
        if ca.exists() and key.exists():
            found = x509.load_pem_x509_certificate(ca.read_bytes())
            return Pair(found, serialization.load_pem_private_key(key.read_bytes(), None))
        made = issue(subject, None, authority=True)
        write(key, made.key_pem(), secret=True)
        write(ca, made.pem())
        return made

    def _write_for_clients(self) -> None:
        """Client certificates and odd files that TLS options of clients are tested with."""
        client = issue("client", self._root, client=True)
        other = issue("client of a stranger", self._stranger, client=True)
        traditional = serialization.PrivateFormat.TraditionalOpenSSL
        write(self.path / "client.pem", client.pem())
        write(self.path / "client-key.pem", client.key_pem(), secret=True)
        write(self.path / "client-key-sec1.pem", client.key_pem(traditional), secret=True)
        write(self.path / "client-key-encrypted.pem", client.key_pem(passphrase=KEY_PASSPHRASE), secret=True)
        write(self.path / "client-and-key.pem", client.pem() + client.key_pem(), secret=True)
        write(self.path / "client-other.pem", other.pem())
        write(self.path / "client-other-key.pem", other.key_pem(), secret=True)
        write(self.path / "ca-unknown.pem", self._stranger.pem())
        bad = b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
        write(self.path / "ca-with-bad-block.pem", bad + self._root.pem())


def write(path: Path, data: bytes, secret: bool = False) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
