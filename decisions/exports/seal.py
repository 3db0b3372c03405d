"""The platform's seal: a PAdES signature over the whole file, put on once and never again.

What people sign is the record's digest; the seal says that this installation made this file, and
that not a byte of it has changed since. It is an incremental update behind the file as it was, with
a field that no page shows: the panel of signatures is part of the text. The file's own metadata are
left as they are, because rewriting them would end its conformance to PDF/A and PDF/UA.

Loading this takes half a second; nothing here knows Django.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from asn1crypto import tsp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.attributes import CMSAttributeProvider, SignedAttributeProviderSpec
from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import as_signing_certificate_v2
from pyhanko.sign.signers import Signer
from pyhanko.sign.timestamps import HTTPTimeStamper, TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from decisions.exports.seal_keys import Keys, Opened, SealError, ends_first, low_s
from decisions.exports.verify import certificates_in, verify
from decisions.exports.verify_report import Report, State, noop
from decisions.exports.verify_seal import NAMES_CERTIFICATES, STAMPED

_ = noop

FIELD = "Seal"
TIMESTAMP_SECONDS = 20.0


def sealed_document(pdf: bytes, opened: Opened, reason: str) -> bytes:
    """Return a document under the platform's seal, as it would be intact to all who know the seal.

    Raises `SealError` as `put_seal_on` does, and for what the verifier has anything against,
    whatever that is: what is kept is served for good.
    """
    sealed = put_seal_on(pdf, opened, reason)
    ensure_accepted(verify(sealed, asn1([opened.leaf]), _stampers(opened)), opened)
    return sealed


def put_seal_on(pdf: bytes, opened: Opened, reason: str) -> bytes:
    """Return the file with the platform's seal behind it, which says the reason.

    Raises `SealError` for a certificate that is not valid now, for a file that bears a signature
    already, and where the time-stamping authority does not answer.
    """
    ensure_valid(opened)
    stamper = _Stamper(opened.timestamp_url, timeout=TIMESTAMP_SECONDS)
    try:
        writer = _PlainUpdate(BytesIO(pdf), strict=True)
        if "/AcroForm" in writer.root:
            raise SealError(_("The file is sealed already, and is sealed once only."))
        return _sealed(writer, opened, reason, stamper if opened.timestamp_url else None)
    except PdfError as error:
        raise SealError(_("The file is no PDF that could be sealed.")) from error


def ensure_valid(opened: Opened) -> None:
    """Raise `SealError` unless every certificate of the chain is valid now."""
    now, ends = datetime.now(UTC), ends_first(opened.certificates)
    begins = max(one.not_valid_before_utc for one in opened.certificates)
    if not begins <= now <= ends:
        told = _("The seal's certificate is not valid now; it or its giver ends on %(day)s.")
        raise SealError(told, day=ends.date().isoformat())


def ensure_stamps(keys: Keys) -> None:
    """Raise `SealError` unless the time-stamping authority, if any, gives stamps."""
    if keys.timestamp_url:
        stamper = _Stamper(keys.timestamp_url, timeout=TIMESTAMP_SECONDS)
        asyncio.run(stamper.async_dummy_response("sha256"))


def _sealed(
    writer: IncrementalPdfFileWriter, opened: Opened, reason: str, stamper: TimeStamper | None
) -> bytes:
    signer = PdfSigner(
        PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            reason=f"{reason}{STAMPED}" if stamper else reason,
        ),
        _signer(opened),
        timestamper=stamper,
        new_field_spec=_field(opened.holder),
    )
    return bytes(signer.sign_pdf(writer).getvalue())


def ensure_accepted(report: Report, opened: Opened) -> None:
    """Raise `SealError` where the verifier has said anything against what was just sealed.

    Who names the authorities of time stamps wants one of theirs.
    """
    if not report.is_intact:
        wrong = next((one.told for one in report.findings if one.state == State.NOT_OK), None)
        told = _("The sealed file would not be accepted: %(why)s")
        raise SealError(told, why=wrong or report.sentence)
    stamp = next(one for one in report.findings if one.check == "time stamp")
    if opened.timestamp_url and opened.timestamp_authorities and stamp.state != State.OK:
        raise SealError(_("The time stamp would not be accepted: %(why)s"), why=stamp.told)


def _stampers(opened: Opened) -> Sequence[Certificate]:
    found = opened.timestamp_authorities
    try:
        return certificates_in(found) if found else ()
    except ValueError as error:
        wrong = _("The time-stamping authority's certificates cannot be read.")
        raise SealError(wrong) from error


def _signer(opened: Opened) -> Signer:
    signer = _OneSignature(opened)
    signer.signed_attr_prov_spec = _NamesThemAll(asn1(opened.certificates))
    return signer


def asn1(certificates: Sequence[x509.Certificate]) -> list[Certificate]:
    """Return certificates as the verifier reads them."""
    return [Certificate.load(one.public_bytes(Encoding.DER)) for one in certificates]


class _OneSignature(Signer):
    """Signs with the key as it was opened: it is not written out to be read, and checked, again.

    Of two signatures that fit it gives the one by the lower number: see `low_s`.
    """

    def __init__(self, opened: Opened) -> None:
        leaf, *others = asn1(opened.certificates)
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(others)
        super().__init__(signing_cert=leaf, cert_registry=store)
        self._key = opened.key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """Return the signature of some bytes by a digest."""
        digest = get_pyca_cryptography_hash(digest_algorithm)
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), digest)
        return low_s(self._key.sign(data, ECDSA(digest)), self._key.public_key())


class _NamesThemAll(SignedAttributeProviderSpec):
    """Signs which certificates go with the signature, so that none comes or goes."""

    def __init__(self, certificates: Sequence[Certificate]) -> None:
        self.certificates = certificates

    def signed_attr_providers(
        self, data_digest: bytes, digest_algorithm: str
    ) -> Iterator[CMSAttributeProvider]:
        """Yield what is signed besides the file's digest."""
        yield _Certificates(self.certificates)


class _Certificates(CMSAttributeProvider):
    """The list of certificates of a signature, the signer's first (RFC 5035)."""

    attribute_type = NAMES_CERTIFICATES

    def __init__(self, certificates: Sequence[Certificate]) -> None:
        self.certificates = certificates

    async def build_attr_value(self, dry_run: bool = False) -> tsp.SigningCertificateV2:
        """Return the digests of all of them."""
        told = [as_signing_certificate_v2(one)["certs"][0] for one in self.certificates]
        return tsp.SigningCertificateV2({"certs": told})


class _Stamper(HTTPTimeStamper):
    """Asks an authority for a time stamp; whatever is wrong with its answer is told in one way."""

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> Any:
        """Return the stamp; raises `SealError` without one."""
        try:
            return await super().async_timestamp(message_digest, md_algorithm)
        except Exception as error:
            raise SealError(_("The time-stamping authority gave no time stamp.")) from error


def _field(holder: str) -> SigFieldSpec:
    """Return a field outside every page, so that it needs no place in the document's structure."""
    nowhere = InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=True)
    return SigFieldSpec(
        FIELD,
        on_page=0,
        box=None,
        invis_sig_settings=nowhere,
        readable_field_name=f"Digital seal of {holder}",
    )


class _PlainUpdate(IncrementalPdfFileWriter):
    """Adds to a file what PDF/A-3a and PDF/UA-1 allow, and leaves its metadata alone."""

    def _populate_trailer(self, trailer: Any) -> None:
        """Have the places of objects written uncompressed.

        Compressed they would end with a carriage return in one file of 256, which with the line
        feed behind it reads as one end of line: PDF/A wants streams as long as they say.
        """
        super()._populate_trailer(trailer)  # type: ignore[no-untyped-call]
        trailer.pop("/Filter", None)

    def _update_meta(self) -> None:
        """Leave them: they claim PDF/A and PDF/UA in a form that the writer does not know."""
