"""Certificates as organisations have them: authorities, and what they gave others for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from decisions.exports.seal_keys import DOCUMENT_SIGNING, Keys, key_usage

MAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
SIGNING = DOCUMENT_SIGNING
NOTHING_ELSE = ("digital_signature",)
AS_USUAL = ("digital_signature", "content_commitment")


@dataclass(frozen=True)
class Holder:
    """Somebody with a key and the certificate of it."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def asn1(self) -> Certificate:
        """Return the certificate as the verifier reads it."""
        return Certificate.load(self.certificate.public_bytes(Encoding.DER))

    @property
    def der_key(self) -> bytes:
        """Return the key, under no password."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def keys(self, folder: Path, *chain: Holder) -> Keys:
        """Write the key and the certificates, its own first, and return where they lie."""
        key, certificates = folder / "seal-key.pem", folder / "seal.pem"
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key.write_bytes(pem)
        told = [one.certificate.public_bytes(Encoding.PEM) for one in (self, *chain)]
        certificates.write_bytes(b"".join(told))
        return Keys(key=key, certificates=certificates)


def given(
    name: str,
    by: Holder | None = None,
    *,
    purposes: Sequence[ObjectIdentifier] = (),
    uses: Sequence[str] = AS_USUAL,
    is_authority: bool = False,
    days: int = 365,
    with_rsa: bool = False,
) -> Holder:
    """Return somebody new whose certificate another gave them, or they themselves."""
    key = rsa.generate_private_key(65537, 2048) if with_rsa else ec.generate_private_key(_CURVE)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) - timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if purposes:
        is_critical = STAMPING in purposes
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=is_critical)
    uses = ("key_cert_sign", "crl_sign") if is_authority else uses
    if uses:
        builder = builder.add_extension(key_usage(*uses), critical=True)
    return Holder(key, builder.sign(by.key if by else key, SHA256()))


_CURVE = ec.SECP256R1()
