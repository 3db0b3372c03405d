"""Whether a PDF's seal is what it should be: one, valid, over every byte, by somebody known.

What is signed is every byte but the signature's own. Those are held to the one form in which the
platform writes them: they are made anew from what is signed in them, which names every certificate
that goes with it (RFC 5035) and says whether a time stamp does, and have to come out the same.

Somebody is known by the seal's own certificate, or by an authority that gave it for just this use:
an authority of many uses vouches for many who may not seal.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from binascii import unhexlify
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, parser
from asn1crypto.x509 import Certificate
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from decisions.exports.seal_keys import DOCUMENT_SIGNING, low_s
from decisions.exports.verify_report import Report, State, in_words, noop, plain

_ = noop

# What a signature may rest on: files that agree in their SHA-1 or MD5 can be made to order.
SAFE_DIGESTS = {"sha256", "sha384", "sha512"}
UNSEALED = _("There is no seal.")
REMAINS = _("There is what remains of a seal, which was taken off or damaged.")
# How the reason of a seal ends that a time stamp goes with.
STAMPED = ", time stamped"
# How far the clock of who sealed may be from that of who stamped.
CLOCKS_DIFFER = timedelta(minutes=10)
BIT_STRING = 3
# How a signature is made by each kind of key.
ALGORITHMS = {"rsa": "sha256_rsa", "ec": "sha256_ecdsa"}
SIGNS_DOCUMENTS = KeyUsageConstraints(
    key_usage={"digital_signature", "non_repudiation"},
    extd_key_usage={DOCUMENT_SIGNING.dotted_string},
    explicit_extd_key_usage_required=True,
)
NAMES_CERTIFICATES = "signing_certificate_v2"
TIME_STAMP = "signature_time_stamp_token"
# By which a seal says what it covers.
SEALS_RANGE = re.compile(rb"/ByteRange ?\[ ?\d+ \d+ \d+ \d+")
HEX = re.compile(rb"<(?:[0-9A-F]{2})+>")

# It tells of every oddity of a file with its traceback; the report says it in a sentence.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


def check_seal(
    report: Report,
    pdf: PdfFileReader,
    data: bytes,
    trusted: Sequence[Certificate] = (),
    stampers: Sequence[Certificate] = (),
) -> None:
    """Add what there is to say of the seal.

    `trusted` are certificates of seals themselves and of authorities, `stampers` those of the
    authorities who are believed a moment.
    """
    seals = list(pdf.embedded_signatures)
    report.is_sealed = bool(seals)
    if not seals:
        if SEALS_RANGE.search(data):
            report.add("one seal", False, REMAINS)
        else:
            report.add("one seal", State.NOT_KNOWN, UNSEALED)
        return
    if len(seals) > 1:
        told = _("There are %(count)s seals; a document is sealed once.")
        report.add("one seal", False, told, count=len(seals))
        return
    (seal,) = seals
    report.add("one seal", True, _("There is exactly one seal."))
    _check_coverage(report, data, seal)
    _check_form(report, seal)
    _check_certificates(report, seal)
    _check_digest(report, seal.signed_data)
    _check_validity(report, seal, trusted, stampers)


def accepts(leaf: Certificate, others: Sequence[Certificate], authority: Certificate) -> bool:
    """Return whether who trusts an authority would accept a seal with these certificates now."""
    context = ValidationContext(trust_roots=[authority], other_certs=list(others))
    try:
        path = CertificateValidator(leaf, validation_context=context)
        asyncio.run(path.async_validate_usage(set()))  # type: ignore[no-untyped-call]
        SIGNS_DOCUMENTS.validate(leaf)
    except (PathError, ValidationError, ValueError):
        return False
    return True


def _check_coverage(report: Report, data: bytes, seal: EmbeddedPdfSignature) -> None:
    covered = _covers(data, [int(one) for one in seal.byte_range], bytes(seal.pkcs7_content))
    told = (
        _("The seal covers the whole file; nothing was put before, into or behind it.")
        if covered
        else _("The seal does not cover the whole file: something was added or moved afterwards.")
    )
    report.add("whole file", covered, told)


def _covers(data: bytes, byte_range: list[int], contents: bytes) -> bool:
    """Return whether everything is signed but one string, which holds just the signature."""
    if len(byte_range) != 4:
        return False
    start, before, behind, rest = byte_range
    if start != 0 or not 0 < before < behind < behind + rest == len(data):
        return False
    gap = data[before:behind]
    return bool(HEX.fullmatch(gap)) and unhexlify(gap[1:-1]) == contents


def _check_form(report: Report, seal: EmbeddedPdfSignature) -> None:
    try:
        is_plain = _is_plain(bytes(seal.pkcs7_content), seal)
    except (LookupError, TypeError, ValueError, AttributeError):
        is_plain = False
    told = (
        _("The signature is written in its one proper form.")
        if is_plain
        else _("The bytes of the signature itself were changed.")
    )
    report.add("signature's form", is_plain, told)


def _check_certificates(report: Report, seal: EmbeddedPdfSignature) -> None:
    """Say whether the certificates that go with the seal are those it was put on with."""
    carried = [seal.signer_cert, *seal.other_embedded_certs]
    found = sorted(hashlib.sha256(one.dump()).digest() for one in carried)
    same = found == sorted(_certificates_signed(seal))
    told = (
        _("The certificates that go with the seal are those it was put on with.")
        if same
        else _("A certificate was put to the seal, or taken away from it.")
    )
    report.add("certificates", same, told)


def _certificates_signed(seal: EmbeddedPdfSignature) -> list[bytes]:
    """Return the SHA-256 of every certificate that the signature itself names (RFC 5035)."""
    (signer,) = seal.signed_data["signer_infos"]
    attributes = [one for one in signer["signed_attrs"] if one["type"].native == NAMES_CERTIFICATES]
    lists = [told["certs"] for one in attributes for told in one["values"]]
    return [one["cert_hash"].native for certificates in lists for one in certificates]


def _check_digest(report: Report, signed: cms.SignedData) -> None:
    """Say of a digest under which files can be exchanged for others that it is one."""
    (signer,) = signed["signer_infos"]
    used = {signer["digest_algorithm"]["algorithm"].native, *_digest_signed(signer)}
    if not used <= SAFE_DIGESTS:
        names = ", ".join(sorted(used - SAFE_DIGESTS)).upper()
        told = _("The seal rests on %(names)s, which is not safe any more.")
        report.add("digest", False, told, names=names)


def _digest_signed(signer: Any) -> set[str]:
    """Return the digest that the signature's own algorithm names, if it names one."""
    try:
        return {signer["signature_algorithm"].hash_algo}
    except ValueError:
        return set()


def _is_plain(contents: bytes, seal: EmbeddedPdfSignature) -> bool:
    """Return whether nothing in the signature could be different without its being noticed."""
    written = _as_written(seal)
    return (
        contents.startswith(written)
        and not contents[len(written) :].strip(b"\0")
        and _is_der(written)
        and not _has_twin(seal)
    )


def _as_written(seal: EmbeddedPdfSignature) -> bytes:
    """Return the signature's bytes as the platform writes them, from what vouches for itself.

    Those are what is signed in it, the number that is the signature, the certificates, and a time
    stamp if there is one.
    """
    (signer,), leaf = seal.signed_data["signer_infos"], seal.signer_cert
    digest = cms.DigestAlgorithm({"algorithm": "sha256"})
    sid = {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
    written = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": sid}),
        "digest_algorithm": digest,
        "signed_attrs": signer["signed_attrs"],
        "signature_algorithm": {"algorithm": ALGORITHMS[leaf.public_key.algorithm]},
        "signature": signer["signature"].native,
    }
    if stamps := [one["values"][0] for one in signer["unsigned_attrs"]]:
        written["unsigned_attrs"] = [{"type": TIME_STAMP, "values": stamps}]
    carried = (leaf, *seal.other_embedded_certs)
    signed = {
        "version": "v1",
        "digest_algorithms": [digest],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices("certificate", one) for one in carried],
        "signer_infos": [written],
    }
    told = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return bytes(told.dump())


def _has_twin(seal: EmbeddedPdfSignature) -> bool:
    """Return whether it is the other of the two signatures that an elliptic curve has."""
    key = load_der_public_key(seal.signer_cert.public_key.dump())
    (signer,) = seal.signed_data["signer_infos"]
    signature = signer["signature"].native
    return isinstance(key, EllipticCurvePublicKey) and low_s(signature, key) != signature


def _is_der(data: bytes) -> bool:
    """Return whether bytes are values one after another, each in its one shortest form (X.690)."""
    while data:
        kind, method, tag, header, content, trailer = parser.parse(data)
        size = len(header) + len(content)
        if trailer or tag == 0 == kind or parser.emit(kind, method, tag, content) != data[:size]:
            return False
        if method == 1 and not _is_der(content):
            return False
        # Keys and signatures are whole bytes; a count of unused bits would be read past.
        if (kind, method, tag) == (0, 0, BIT_STRING) and content[:1] != b"\0":
            return False
        data = data[size:]
    return True


def _check_validity(
    report: Report,
    seal: EmbeddedPdfSignature,
    trusted: Sequence[Certificate],
    stampers: Sequence[Certificate],
) -> None:
    now = datetime.now(UTC)
    moment = _claimed_moment(seal, now)
    report.sealed_by = _name_of(seal.signer_cert)
    report.sealed_at = in_words(moment)
    report.reason = str(seal.sig_object["/Reason"]) if "/Reason" in seal.sig_object else ""
    # At the moment of sealing: a certificate ends long before the file is of no use any more.
    status = validate_pdf_signature(
        seal,
        signer_validation_context=ValidationContext(
            trust_roots=_roots(seal.signer_cert, trusted), moment=moment
        ),
        ts_validation_context=ValidationContext(trust_roots=list(stampers), moment=moment),
        key_usage_settings=SIGNS_DOCUMENTS,
        skip_diff=True,
    )
    valid = bool(status.intact and status.valid)
    told = _("The seal is valid.") if valid else _("The seal does not fit the file's bytes.")
    report.add("seal", valid, told)
    report.is_trusted = valid and bool(status.trusted)
    _tell_end(report, seal, moment, now)
    _tell_authority(report, seal, trusted, is_valid=valid)
    sealed = _("Sealed by %(by)s, by its own clock at %(at)s, for: %(reason)s.")
    named = _("The seal names %(by)s, by its own clock at %(at)s, for: %(reason)s.")
    report.add(
        "sealed by",
        State.OK if valid else State.NOT_KNOWN,
        sealed if valid else named,
        by=report.sealed_by,
        at=report.sealed_at,
        reason=report.reason or "-",
    )
    _tell_stamp(report, status.timestamp_validity, moment)


def _roots(leaf: Certificate, trusted: Sequence[Certificate]) -> list[Certificate]:
    """Return from whom trust comes: the seal's own certificate where that is trusted itself.

    No authority vouches then, and what it gave the certificate for does not matter.
    """
    if _is_among(leaf, trusted):
        return [leaf]
    return [one for one in trusted if one.ca]


def _is_among(one: Certificate, certificates: Sequence[Certificate]) -> bool:
    return any(one.dump() == other.dump() for other in certificates)


def _claimed_moment(seal: EmbeddedPdfSignature, now: datetime) -> datetime:
    """Return when the seal says it was put on; now where it says nothing, or the future."""
    claimed = seal.self_reported_timestamp
    if claimed is None:
        return now
    aware = claimed if claimed.tzinfo else claimed.replace(tzinfo=UTC)
    return min(aware.astimezone(UTC), now)


def _name_of(certificate: Certificate) -> str:
    name = certificate.subject.native
    return plain(str(name.get("common_name") or certificate.subject.human_friendly))


def _tell_authority(
    report: Report,
    seal: EmbeddedPdfSignature,
    trusted: Sequence[Certificate],
    *,
    is_valid: bool,
) -> None:
    """Say whether it is known whose seal it is, which only a valid one can show."""
    if not is_valid:
        told = _("Whose seal it is cannot be looked at, since it does not fit the file.")
        report.add("authority", State.NOT_KNOWN, told)
    elif report.is_trusted:
        told = (
            _("The seal's own certificate is one that is trusted here.")
            if _is_among(seal.signer_cert, trusted)
            else _("The seal's certificate was given for signing documents by a trusted authority.")
        )
        report.add("authority", True, told)
    else:
        told = _(
            "The seal is by an authority that is not known here, or that did not give the "
            "certificate for signing documents."
        )
        report.add("authority", State.NOT_KNOWN, told)


def _tell_end(report: Report, seal: EmbeddedPdfSignature, moment: datetime, now: datetime) -> None:
    """Say of a certificate that it was not valid at the sealing, or has ended since."""
    begins, ends = seal.signer_cert.not_valid_before, seal.signer_cert.not_valid_after
    days = {"begins": begins.date().isoformat(), "ends": ends.date().isoformat()}
    if not begins <= moment <= ends:
        told = _(
            "The seal's certificate, valid from %(begins)s to %(ends)s, was not at the sealing."
        )
        report.add("certificate", False, told, **days)
    elif ends < now:
        told = _("The seal's certificate ended on %(ends)s, after the sealing.")
        report.add("certificate", State.NOT_KNOWN, told, ends=days["ends"])


def _tell_stamp(report: Report, stamp: Any, moment: datetime) -> None:
    """Say who vouches for the moment of the sealing; the seal says whether anybody should."""
    is_promised = report.reason.endswith(STAMPED)
    if stamp is None:
        told = _("There is no time stamp: the moment is the word of who sealed it.")
        gone = _("The time stamp was taken away: the seal was put on with one.")
        state = State.NOT_OK if is_promised else State.NOT_KNOWN
        report.add("time stamp", state, gone if is_promised else told)
    elif not is_promised:
        report.add("time stamp", False, _("The time stamp was put to the seal afterwards."))
    elif not (stamp.valid and stamp.intact):
        report.add("time stamp", False, _("The time stamp is not valid."))
    else:
        _tell_stamped(report, stamp, moment)


def _tell_stamped(report: Report, stamp: Any, moment: datetime) -> None:
    """Say what a valid time stamp vouches for, which has to be what the seal's own clock said."""
    told = {"by": _name_of(stamp.signing_cert), "when": in_words(stamp.timestamp)}
    if abs(stamp.timestamp - moment) > CLOCKS_DIFFER:
        other = _("The seal's own clock says %(at)s, but “%(by)s” stamped it at %(when)s.")
        report.add("time stamp", False, other, at=in_words(moment), **told)
    elif stamp.trusted:
        report.add("time stamp", True, _("Time stamped by %(by)s at %(when)s."), **told)
    else:
        unknown = _("Time stamped at %(when)s by “%(by)s”, an authority that is not known here.")
        report.add("time stamp", State.NOT_KNOWN, unknown, **told)
