"""Keys of the platform's seal: where they lie, and how they are made for those without any.

Those made are an authority of one's own and a leaf. The authority's certificate is what others
trust; its key signs nothing but leaves and belongs where nobody reaches it. The leaf's key seals
documents. Both are RSA of 3,072 bits, which every reader of PDF signatures knows (NIST SP 800-57:
beyond 2030). Certificates follow RFC 5280; the leaf's extended use is document signing (RFC 9336).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from decisions.exports.verify_report import TellingError, noop

_ = noop

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
BITS = 3072
YEAR = timedelta(days=365)
AUTHORITY_YEARS = 15


EXPIRES_SOON = timedelta(days=60)
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


class SealError(TellingError):
    """The seal cannot be put on; the message says why, without any secret."""


@dataclass(frozen=True)
class Opened:
    """The key that seals, and its certificates: the leaf, then each that gave the one before.

    `timestamp_url` is whom to ask for a time stamp, and `timestamp_authorities` the certificates
    (PEM or DER) of whom to believe one.
    """

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...]
    timestamp_url: str = field(default="", repr=False)
    timestamp_authorities: bytes = b""

    @property
    def leaf(self) -> x509.Certificate:
        """Return the certificate of the key."""
        return self.certificates[0]

    @property
    def pem(self) -> str:
        """Return that certificate as PEM."""
        return self.leaf.public_bytes(Encoding.PEM).decode()

    @property
    def sha256(self) -> str:
        """Return its SHA-256 in hex, by which it is told from others."""
        return self.leaf.fingerprint(SHA256()).hex()

    @property
    def holder(self) -> str:
        """Return whose seal it is: the common name in the certificate, or all of the name."""
        names = self.leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else self.leaf.subject.rfc4514_string()


def low_s(signature: bytes, key: EllipticCurvePublicKey) -> bytes:
    """Return an ECDSA signature by the lower of the two numbers s that fit (SEC 1, 4.1.4).

    From either one anybody makes the other; to accept one only leaves a single signature.
    """
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, key.curve.group_order - s))


def ends_first(certificates: Sequence[x509.Certificate]) -> datetime:
    """Return when a chain ends: with the first of its certificates that does."""
    return min(one.not_valid_after_utc for one in certificates)


@dataclass(frozen=True)
class Keys:
    """Where the seal's key and certificates lie: PKCS#12, or a key and a chain in PEM.

    `timestamp_url` is whom to ask for a time stamp, and `timestamp_authorities` the file of whom to
    believe one.
    """

    pkcs12: Path | None = None
    key: Path | None = None
    certificates: Path | None = None
    password: bytes | None = field(default=None, repr=False)
    password_file: Path | None = None
    timestamp_url: str = field(default="", repr=False)
    timestamp_authorities: Path | None = None

    @property
    def are_named(self) -> bool:
        """Return whether there is anything to seal with."""
        return bool(self.pkcs12 or (self.key and self.certificates))

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that have to be there."""
        named = (self.pkcs12,) if self.pkcs12 else (self.key, self.certificates)
        others = (self.password_file, self.timestamp_authorities)
        return tuple(one for one in (*named, *others) if one)

    def secret(self) -> bytes | None:
        """Return the password of the key, None for a key under none.

        Raises `OSError` for a file that cannot be read, `SealError` for one without a password.
        """
        return password_in(self.password_file) if self.password_file else self.password

    def opened(self) -> Opened:
        """Read the files; raises `SealError` where they will not do."""
        try:
            key, certificates = self._from_pkcs12() if self.pkcs12 else self._from_pem()
        except OSError as error:
            raise SealError(_("The files of the seal's key cannot be read.")) from error
        except TypeError as error:
            raise SealError(self._about_password()) from error
        except ValueError as error:
            wrong = _(
                "The seal's key cannot be opened: the password is wrong, or it is no such file."
            )
            raise SealError(wrong) from error
        if not isinstance(key, PrivateKey) or not certificates:
            raise SealError(_("The seal needs an RSA or elliptic-curve key and its certificate."))
        if certificates[0].public_key() != key.public_key():
            raise SealError(_("The first certificate of the seal is not that of its key."))
        stampers = self.stamp_certificates()
        return Opened(key, _chain(certificates), self.timestamp_url, stampers)

    def certificates_alone(self) -> tuple[x509.Certificate, ...]:
        """Return the chain, the leaf first, of a key that lies in a file of its own: unopened."""
        try:
            pem = Path(str(self.certificates)).read_bytes()
            return _chain(x509.load_pem_x509_certificates(pem))
        except (OSError, ValueError) as error:
            raise SealError(_("The seal's certificates cannot be read.")) from error

    def stamp_certificates(self) -> bytes:
        """Return the file of those who are believed a time stamp (PEM or DER); b"" for nobody.

        Raises `SealError` where it holds no certificate.
        """
        if self.timestamp_authorities is None:
            return b""
        try:
            content = self.timestamp_authorities.read_bytes()
            if b"-----BEGIN" in content:
                x509.load_pem_x509_certificates(content)
            else:
                x509.load_der_x509_certificate(content)
            return content
        except (OSError, ValueError) as error:
            wrong = _("The time-stamping authority's certificates cannot be read.")
            raise SealError(wrong) from error

    def _about_password(self) -> str:
        if self.password or self.password_file:
            return _("The seal's key is under no password, but one is set for it.")
        return _("The seal's key is under a password, and none is set.")

    def _from_pkcs12(self) -> tuple[object, list[x509.Certificate]]:
        found = pkcs12.load_pkcs12(Path(str(self.pkcs12)).read_bytes(), self.secret())
        bags = [found.cert, *found.additional_certs]
        return found.key, [one.certificate for one in bags if one]

    def _from_pem(self) -> tuple[object, list[x509.Certificate]]:
        key = load_pem_private_key(Path(str(self.key)).read_bytes(), self.secret())
        return key, x509.load_pem_x509_certificates(Path(str(self.certificates)).read_bytes())


def _chain(certificates: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the first certificate and, of the others, those that lead up from it, in order."""
    chain, rest = list(certificates[:1]), list(certificates[1:])
    while giver := next((one for one in rest if _gave(one, chain[-1])), None):
        chain.append(giver)
        rest.remove(giver)
    return tuple(chain)


def _gave(giver: x509.Certificate, one: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(giver)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return giver != one


def password_in(file: Path) -> bytes:
    """Return the password in a file, without the end of its line; raises `OSError`.

    A file that holds none raises `SealError`: who names one does not want a key under none.
    """
    password = file.read_bytes().rstrip(b"\r\n")
    if not password.strip():
        raise SealError(_("The file %(file)s holds no password."), file=str(file))
    return password


class KeysExistError(Exception):
    """There are keys already; making new ones would end what the old ones vouch for."""


@dataclass(frozen=True)
class KeyFiles:
    """The files of a seal in their folder."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Return the authority's certificate: give it to everyone who verifies."""
        return self.folder / "authority.pem"

    @property
    def authority_key(self) -> Path:
        """Return the authority's key: keep it away from the server."""
        return self.folder / "authority-key.pem"

    @property
    def certificates(self) -> Path:
        """Return the leaf's certificate and the authority's."""
        return self.folder / "seal.pem"

    @property
    def key(self) -> Path:
        """Return the key that seals."""
        return self.folder / "seal-key.pem"


def make_keys(
    files: KeyFiles,
    organisation: str,
    *,
    years: int,
    password: bytes | None = None,
    authority_password: bytes | None = None,
    bits: int = BITS,
) -> None:
    """Write an authority and a leaf of the organisation; the folder may hold neither yet.

    A folder with an authority but no leaf gets a leaf of that authority: so a seal is renewed. The
    authority's key has a password of its own: the server knows the leaf's, and must not know that.
    Raises `KeysExistError` where there is a leaf, `FileNotFoundError` where the authority's
    certificate has lost its key, and `ValueError` for a key under another password.
    """
    if files.key.exists() or files.certificates.exists():
        raise KeysExistError(files.folder)
    files.folder.mkdir(parents=True, exist_ok=True)
    if not files.authority.exists():
        _make_authority(files, organisation, authority_password, bits)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    authority_key = load_pem_private_key(files.authority_key.read_bytes(), authority_password)
    if not isinstance(authority_key, RSAPrivateKey):
        raise ValueError("The authority's key is of another kind.")
    key = generate_private_key(65537, bits)
    leaf = _leaf(organisation, key, authority, authority_key, years)
    _write_key(files.key, key, password)
    files.certificates.write_bytes(
        leaf.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)
    )


def _make_authority(files: KeyFiles, organisation: str, password: bytes | None, bits: int) -> None:
    key = generate_private_key(65537, bits)
    name = _name(organisation, f"{organisation} Countersign authority")
    uses = key_usage("key_cert_sign", "crl_sign")
    certificate = (
        _begun(name, name, key, AUTHORITY_YEARS * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(uses, critical=True)
        .sign(key, SHA256())
    )
    _write_key(files.authority_key, key, password)
    files.authority.write_bytes(certificate.public_bytes(Encoding.PEM))


def _leaf(
    organisation: str,
    key: RSAPrivateKey,
    authority: x509.Certificate,
    authority_key: RSAPrivateKey,
    years: int,
) -> x509.Certificate:
    name = _name(organisation, f"{organisation} Countersign seal")
    uses = key_usage("digital_signature", "content_commitment")
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    # No longer than its authority: a seal by somebody whose word has ended is worth nothing.
    lasts = min(years * YEAR, authority.not_valid_after_utc - datetime.now(UTC))
    return (
        _begun(name, authority.subject, key, lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(uses, critical=True)
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, SHA256())
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: RSAPrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    """Begin a certificate that is valid from a minute ago: clocks differ."""
    start = datetime.now(UTC) - timedelta(minutes=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
        .add_extension(identifier, critical=False)
    )


def _name(organisation: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def key_usage(*uses: str) -> x509.KeyUsage:
    """Return what a key may be used for (RFC 5280, 4.2.1.3): these uses and no other."""
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in uses for name in every})


def _write_key(path: Path, key: RSAPrivateKey, password: bytes | None) -> None:
    """Write a private key where nobody but its owner can read it, from its first byte on."""
    hidden: KeySerializationEncryption = (
        BestAvailableEncryption(password) if password else NoEncryption()
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(pem)
