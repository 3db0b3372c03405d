"""Ways to tamper with a sealed file, seeded: each yields a file that nobody may accept.

Besides what anybody does with an editor (flips, swaps, updates, second signatures) these are the
known attacks on signed PDF: universal forgery, incremental saving and wrapping of signatures
(Mladenov et al., CCS 2019), shadow attacks (Rohlmann et al., NDSS 2021), and forged certificates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from random import Random
from typing import Any

from asn1crypto import cms
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    NumberObject,
    StreamObject,
    pdf_name,
    pdf_string,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import Signer
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject

from decisions.exports.seal import FIELD, _field, _PlainUpdate, _signer, put_seal_on
from decisions.exports.seal_keys import KeyFiles, Keys, Opened

SIGNATURE = re.compile(rb"/Contents <([0-9A-F]{1000,})>")
BYTE_RANGE = re.compile(rb"/ByteRange ?\[[0-9 ]+\] *")
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Sealed:
    """A sealed file, as it was before, and what its seal gives as the reason."""

    content: bytes
    before: bytes
    reason: str

    @property
    def place(self) -> tuple[int, int]:
        """Return where the signature's own digits begin and end."""
        match = SIGNATURE.search(self.content, len(self.before))
        assert match is not None
        return match.span(1)

    @property
    def signature(self) -> bytes:
        """Return the signature with its padding."""
        start, end = self.place
        return bytes.fromhex(self.content[start:end].decode())

    @property
    def bare_signature(self) -> bytes:
        """Return the signature without its padding."""
        return cms.ContentInfo.load(self.signature).dump()

    def with_digits(self, digits: bytes) -> bytes:
        """Return the file with other digits in the place of the signature's."""
        start, end = self.place
        return self.content[:start] + digits + self.content[end:]

    def with_signature(self, signature: bytes) -> bytes:
        """Return the file with another signature, padded to its place."""
        start, end = self.place
        return self.with_digits(signature.hex().upper().encode().ljust(end - start, b"0"))

    def with_byte_range(self, said: bytes) -> bytes:
        """Return the file with another range of signed bytes, in as many bytes as before."""
        match = BYTE_RANGE.search(self.content, len(self.before))
        assert match is not None
        assert len(said) <= len(match[0]), said
        start, end = match.span()
        return self.content[:start] + said.ljust(end - start) + self.content[end:]


@dataclass(frozen=True)
class Forger:
    """Somebody with two sealed files, tools, and keys of their own.

    `files` are the platform's keys: with them only what no platform ever does is done, such as
    sealing by a certificate that is over, or by a digest that is broken.
    """

    one: Sealed
    other: Sealed
    own: Keys
    files: KeyFiles
    dice: Random

    def all(self, count: int = 500) -> Iterator[tuple[str, bytes]]:
        """Yield so many tampered files with how each was made: the rest are flipped bits."""
        ways = [*self._named(), *self._repeated()]
        for name, way in ways:
            yield name, way()
        yield from self.flipped_bits(count - len(ways))

    def _repeated(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        times = {
            self.flipped_digit: 40,
            self.flipped_signature: 60,
            self.overwritten: 20,
            self.cut: 24,
        }
        for way, count in times.items():
            for _time in range(count):
                yield way.__name__, way

    def _named(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Yield each way that has a name of its own."""
        ways: dict[str, Callable[[], Any]] = {
            "pages swapped": self.swapped_pages,
            "a page taken out": self.page_taken_out,
            "attachment swapped, seal kept": partial(self.swapped_attachment, is_stripped=False),
            "attachment swapped, seal gone": partial(self.swapped_attachment, is_stripped=True),
            "attachment swapped in place": self.attachment_in_place,
            "stripped: as it was before": lambda: self.one.before,
            "stripped: form gone": self.stripped,
            "stripped: form emptied": lambda: self._updated(self._no_fields),
            "replayed digits": lambda: self.one.with_signature(self.other.bare_signature),
            "replayed seal": self.replayed_seal,
            "seal by others under the same name": partial(self.resealed, self.one),
            "another record sealed by others as this": partial(self.resealed, self.other),
            "seal by others, this authority's certificate beside it": self.sealed_beside,
            "seal by a leaf of its own leaf": self.sealed_by_leafs_leaf,
            "certificates swapped": lambda: self._by(swapped),
            "a certificate of the same authority added": lambda: self._by(self._with_another),
            "the authority's certificate taken out": lambda: self._by(
                lambda signature: with_certificates(signature, carried(signature)[:1])
            ),
            "seal that is over": lambda: self._sealed(self._leaf(-3 * YEAR, -YEAR)),
            "seal that is not valid yet": lambda: self._sealed(self._leaf(YEAR, 3 * YEAR)),
            "seal by SHA-1": lambda: self._sealed(md="sha1"),
            "seal by MD5": lambda: self._sealed(md="md5"),
            "seal by detached PKCS#7 with SHA-1": lambda: self._sealed(
                md="sha1", filter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED
            ),
            "second signature": self.signed_again,
            "certified afterwards": lambda: self.signed_again(certify=True),
        }
        ways |= {f"updated: {name}": partial(self._updated, one) for name, one in UPDATES.items()}
        ways |= {f"appended: {one[:12]!r}": partial(self._around, b"", one) for one in self._tails}
        ways |= {f"prepended: {one[:12]!r}": partial(self._around, one, b"") for one in PREFIXES}
        ways |= {f"range: {one!r}": partial(self.one.with_byte_range, one) for one in self._ranges}
        ways |= {f"contents: {one}": partial(self._contents, one) for one in self._digits}
        ways |= {f"in place: {one!r}": partial(self._replaced, one, to) for one, to in IN_PLACE}
        ways |= {"wrapped": self.wrapped, "saved incrementally": self.saved_incrementally}
        yield from ways.items()

    # --- Single bits ------------------------------------------------------------------------------

    def flipped_bits(self, count: int) -> Iterator[tuple[str, bytes]]:
        """Yield files with one bit changed, spread evenly over all bytes and all eight bits."""
        size = len(self.one.content)
        for number in range(count):
            at = min(size - 1, int((number + self.dice.random()) * size / count))
            yield f"bit {number % 8} of byte {at}", _flipped(self.one.content, at, number % 8)

    def flipped_digit(self) -> bytes:
        """Change a bit of the digits that the seal itself does not cover."""
        at = self.dice.randrange(*self.one.place)
        return _flipped(self.one.content, at, self.dice.randrange(8))

    def flipped_signature(self) -> bytes:
        """Change a bit of the signature, which stays proper digits."""
        bare = self.one.bare_signature
        return self.one.with_signature(
            _flipped(bare, self.dice.randrange(len(bare)), self.dice.randrange(8))
        )

    # --- What the signature carries ---------------------------------------------------------------

    def _by(self, way: Callable[[bytes], bytes]) -> bytes:
        """Write the signature so that it carries other certificates, or in another order."""
        forged = way(self.one.bare_signature)
        assert forged != self.one.bare_signature
        return self.one.with_signature(forged)

    def _with_another(self, signature: bytes) -> bytes:
        another = self._leaf(-YEAR, YEAR).signing_cert
        return with_certificates(signature, [*carried(signature), another])

    # --- Stretches --------------------------------------------------------------------------------

    def overwritten(self) -> bytes:
        """Put a stretch of the other file over one of this."""
        size = self.dice.randrange(8, 4000)
        at = self.dice.randrange(len(self.one.content) - size)
        start = self.dice.randrange(len(self.other.content) - size)
        stretch = self.other.content[start : start + size]
        return self.one.content[:at] + stretch + self.one.content[at + size :]

    def cut(self) -> bytes:
        return self.one.content[: self.dice.randrange(len(self.one.content))]

    def _around(self, before: bytes, behind: bytes) -> bytes:
        return before + self.one.content + behind

    @property
    def _tails(self) -> list[bytes]:
        """Return what may be put behind the end; the last is the table of objects once more."""
        again = self.one.content[self.one.content.rindex(b"startxref") :]
        table = self.one.content[int(again.split()[1]) :]
        return [b"\n", b" ", b"%%EOF\n", b"\0", self.other.content, b"% a comment\n", again, table]

    def _replaced(self, old: bytes, new: bytes) -> bytes:
        """Write over words that stand in the file unpacked."""
        assert self.one.content.count(old), old
        assert len(old) == len(new)
        return self.one.content.replace(old, new)

    # --- Written anew -----------------------------------------------------------------------------

    def swapped_pages(self) -> bytes:
        """Exchange two pages, and leave the seal where it is."""
        writer = PdfWriter(clone_from=BytesIO(self.one.content))
        kids = writer.root_object["/Pages"]["/Kids"]  # type: ignore[index]
        kids[0], kids[1] = kids[1], kids[0]
        return written(writer)

    def page_taken_out(self) -> bytes:
        writer = PdfWriter(clone_from=BytesIO(self.one.content))
        writer.remove_page(1)
        return written(writer)

    def swapped_attachment(self, *, is_stripped: bool) -> bytes:
        """Put the other record's data under this one's pages."""
        record = PdfReader(BytesIO(self.other.content)).attachments["record.json"][0]
        writer = PdfWriter(clone_from=BytesIO(self.one.content))
        for file in writer.root_object["/AF"]:  # type: ignore[attr-defined]
            file.get_object()["/EF"]["/F"].get_object().set_data(record)
        if is_stripped:
            del writer.root_object[NameObject("/AcroForm")]
        return written(writer)

    def stripped(self) -> bytes:
        writer = PdfWriter(clone_from=BytesIO(self.one.content))
        del writer.root_object[NameObject("/AcroForm")]
        return written(writer)

    # --- Behind the end, as editors do ------------------------------------------------------------

    def _updated(self, change: Callable[[Any], None]) -> bytes:
        writer = IncrementalPdfFileWriter(BytesIO(self.one.content))
        change(writer)
        target = BytesIO()
        writer.write(target)  # type: ignore[no-untyped-call]
        return target.getvalue()

    def _no_fields(self, writer: Any) -> None:
        writer.root["/AcroForm"]["/Fields"] = ArrayObject()
        writer.update_container(writer.root["/AcroForm"])
        writer.update_root()

    def attachment_in_place(self) -> bytes:
        """Put the other record's data into a newer version of the attachment's object."""
        record = PdfReader(BytesIO(self.other.content)).attachments["record.json"][0]

        def change(writer: Any) -> None:
            file = writer.root["/AF"][0]
            newer = writer.add_object(StreamObject(stream_data=record))
            file.get_object()["/EF"]["/F"] = newer
            writer.update_container(file.get_object())

        return self._updated(change)

    def signed_again(self, *, certify: bool = False) -> bytes:
        """Put a second signature on, with keys of one's own."""
        said = PdfSignatureMetadata(
            field_name="Second", certify=certify, docmdp_permissions=MDPPerm.NO_CHANGES
        )
        signer = PdfSigner(said, _signer(self.own.opened()), new_field_spec=SigFieldSpec("Second"))
        writer = IncrementalPdfFileWriter(BytesIO(self.one.content))
        try:
            return bytes(signer.sign_pdf(writer).getvalue())
        except Exception:
            # A program may refuse to certify what is signed; then it is marked so by hand.
            return self._updated(UPDATES["permissions"])

    def saved_incrementally(self) -> bytes:
        """Add a newer root behind the end without a table that leads to it."""
        return self.one.content + b"\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n%%EOF\n"

    # --- The signature's own bytes ----------------------------------------------------------------

    @property
    def _ranges(self) -> list[bytes]:
        start, end = self.one.place
        before, behind, size = start - 1, end + 1, len(self.one.content)
        ranges = [
            (0, before, behind, size - behind - 1),
            (0, before, behind, size - behind + 1),
            (1, before - 1, behind, size - behind),
            (0, before - 1, behind, size - behind),
            (0, before, behind + 1, size - behind - 1),
            (0, before, behind - 2, size - behind + 2),
            (0, size, size, 0),
            (0, 0, 0, size),
            (0, 0, 0, 0),
            (0, len(self.one.before), behind, size - behind),
            (0, before),
            (0, before, before, 1, behind, 9),
        ]
        said = [b"/ByteRange [%s] " % b" ".join(b"%d" % one for one in some) for some in ranges]
        odd = [b"/ByteRange null ", b"/ByteRange [] ", b"/ByteRange [0 -1 0 -1] ", b"", b"/X[0] "]
        return [*said, *odd]

    @property
    def _digits(self) -> list[str]:
        return [
            "none",
            "null",
            "zeros",
            "lower case",
            "white space",
            "trailing bytes",
            "a second signature behind it",
            "indefinite length",
            "longer length",
            "half",
        ]

    def _contents(self, way: str) -> bytes:
        """Write the signature in another way, or none."""
        start, end = self.one.place
        digits, bare = self.one.content[start:end], self.one.bare_signature
        match way:
            case "none":
                return self.one.content[:start] + self.one.content[end:]
            case "null":
                rest = b"null".ljust(end - start + 2)
                return self.one.content[: start - 1] + rest + self.one.content[end + 1 :]
            case "zeros":
                return self.one.with_signature(b"")
            case "lower case":
                return self.one.with_digits(digits.lower())
            case "white space":
                return self.one.with_digits(digits[:-1] + b" ")
            case "trailing bytes":
                return self.one.with_signature(bare + b"\0\0anything")
            case "a second signature behind it":
                return self.one.with_signature(bare + self.other.bare_signature)
            case "indefinite length":
                return self.one.with_signature(_indefinite(bare))
            case "longer length":
                return self.one.with_signature(bare[:1] + b"\x83\0" + bare[2:])
        return self.one.with_signature(bare[: len(bare) // 2])

    def wrapped(self) -> bytes:
        """Move what was signed behind the signature out of the way, and put something else there.

        The range says where the moved part is now; what stands between is nobody's.
        """
        start, end = self.one.place
        behind = self.one.content[end + 1 :]
        between = b"\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
        moved = self.one.content[: end + 1] + between + behind
        said = (0, start - 1, end + 1 + len(between), len(behind))
        match = BYTE_RANGE.search(moved, len(self.one.before))
        assert match is not None
        words = b"/ByteRange [%d %d %d %d] " % said
        return moved[: match.start()] + words.ljust(len(match[0])) + moved[match.end() :]

    # --- Other seals ------------------------------------------------------------------------------

    def replayed_seal(self) -> bytes:
        """Put the other file's whole seal on this one."""
        return self.one.before + self.other.content[len(self.other.before) :]

    def resealed(self, chosen: Sealed) -> bytes:
        """Seal this file, or the other one as this, with keys of one's own under the same name."""
        return put_seal_on(chosen.before, self.own.opened(), self.one.reason)

    def sealed_beside(self) -> bytes:
        """Seal with keys of one's own, and carry the true authority's certificate along."""
        own = self.own.opened()
        true = x509.load_pem_x509_certificate(self.files.authority.read_bytes())
        return self._sealed(_signer(Opened(own.key, (own.leaf, true))))

    def sealed_by_leafs_leaf(self) -> bytes:
        """Seal by a certificate that the true seal's key, which is no authority, has given."""
        giver = x509.load_pem_x509_certificates(self.files.certificates.read_bytes())[0]
        key = load_pem_private_key(self.files.key.read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return self._sealed(_leaf_under(giver, key, -timedelta(hours=1), YEAR, [giver]))

    def _leaf(self, start: timedelta, end: timedelta) -> Signer:
        authority = x509.load_pem_x509_certificate(self.files.authority.read_bytes())
        key = load_pem_private_key(self.files.authority_key.read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return _leaf_under(authority, key, start, end, [authority])

    def _sealed(
        self,
        signer: Signer | None = None,
        md: str = "sha256",
        filter: SigSeedSubFilter = SigSeedSubFilter.PADES,
    ) -> bytes:
        """Seal this file as the platform would, but by another certificate or digest."""
        true = Keys(key=self.files.key, certificates=self.files.certificates)
        said = PdfSignatureMetadata(
            field_name=FIELD, md_algorithm=md, subfilter=filter, reason=self.one.reason
        )
        sealer = PdfSigner(
            said, signer or _signer(true.opened()), new_field_spec=_field("Acme Ltd")
        )
        return bytes(sealer.sign_pdf(_PlainUpdate(BytesIO(self.one.before))).getvalue())


PREFIXES = (b"\n", b"%PDF-1.7\n", b"%PDF-2.0\n\xff\xff\xff\n")
# Of the claims and of the structure, what stands in the file unpacked.
IN_PLACE = (
    (b'pdfaid:part="3"', b'pdfaid:part="1"'),
    (b"pdfuaid:part>1", b"pdfuaid:part>2"),
    (b"%PDF-1.7", b"%PDF-1.4"),
)


def _new_page(writer: Any) -> None:
    page = DictionaryObject({pdf_name("/Type"): pdf_name("/Page")})
    writer.insert_page(page)


def _annotation(writer: Any) -> None:
    note = {
        pdf_name("/Type"): pdf_name("/Annot"),
        pdf_name("/Subtype"): pdf_name("/FreeText"),
        pdf_name("/Rect"): ArrayObject(NumberObject(one) for one in (0, 0, 500, 500)),
        pdf_name("/Contents"): pdf_string("Rejected"),
    }
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page["/Annots"] = ArrayObject([writer.add_object(DictionaryObject(note))])
    writer.update_container(page)


def _form_field(writer: Any) -> None:
    field = {
        pdf_name("/FT"): pdf_name("/Tx"),
        pdf_name("/T"): pdf_string("More"),
        pdf_name("/V"): pdf_string("Rejected"),
    }
    fields = writer.root["/AcroForm"]["/Fields"]
    fields.append(writer.add_object(DictionaryObject(field)))
    writer.update_container(fields)


def _contents_hidden(writer: Any) -> None:
    """Put another text over a page's: the shadow attacks "hide" and "replace"."""
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    drawn = StreamObject(stream_data=b"1 1 1 rg 0 0 600 900 re f")
    page["/Contents"] = writer.add_object(drawn)
    writer.update_container(page)


def _root(name: str, value: Any) -> Callable[[Any], None]:
    def change(writer: Any) -> None:
        writer.root[pdf_name(name)] = value
        writer.update_root()

    return change


def _metadata(writer: Any) -> None:
    writer.root["/Metadata"] = writer.add_object(StreamObject(stream_data=b"<x/>"))
    writer.update_root()


UPDATES: dict[str, Callable[[Any], None]] = {
    "nothing": lambda writer: writer.update_root(),
    "language": _root("/Lang", pdf_string("xx")),
    "way to open": _root("/PageMode", pdf_name("/UseNone")),
    "metadata": _metadata,
    "a page": _new_page,
    "an annotation": _annotation,
    "a form field": _form_field,
    "a page's text": _contents_hidden,
    "permissions": _root("/Perms", DictionaryObject({pdf_name("/DocMDP"): DictionaryObject()})),
    "no attachments": _root("/AF", ArrayObject()),
}


def _flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]


def _indefinite(der: bytes) -> bytes:
    """Return a value of two bytes of length or more with its end marked instead (X.690, 8.1.3)."""
    return der[:1] + b"\x80" + der[2 + (der[1] & 0x7F) :] + b"\0\0"


def _leaf_under(
    giver: x509.Certificate,
    giver_key: RSAPrivateKey,
    start: timedelta,
    end: timedelta,
    chain: list[x509.Certificate],
) -> Signer:
    """Return a signer by a new certificate, valid between two distances from now."""
    key, now = generate_private_key(65537, 2048), datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(giver.subject)
        .issuer_name(giver.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(giver_key, SHA256())
    )
    return _signer(Opened(key, (leaf, *chain)))


def carried(signature: bytes) -> list[Certificate]:
    """Return the certificates in a signature, the signer's first."""
    signed = cms.ContentInfo.load(signature)["content"]
    found = [one.chosen for one in signed["certificates"]]
    number = signed["signer_infos"][0]["sid"].chosen["serial_number"].native
    return sorted(found, key=lambda one: one.serial_number != number)


def with_certificates(signature: bytes, certificates: list[Certificate]) -> bytes:
    """Return a signature that carries other certificates."""
    signed = cms.ContentInfo.load(signature)
    told = [cms.CertificateChoices("certificate", one) for one in certificates]
    signed["content"]["certificates"] = told
    return bytes(signed.dump(force=True))


def swapped(signature: bytes) -> bytes:
    """Return a signature with its two certificates in the other order."""
    first, second = sorted(one.dump() for one in carried(signature))
    return signature.replace(first + second, second + first)


def without_stamp(signature: bytes) -> bytes:
    """Return a signature without its time stamp."""
    signed = cms.ContentInfo.load(signature)
    del signed["content"]["signer_infos"][0]["unsigned_attrs"]
    return bytes(signed.dump(force=True))


def written(writer: PdfWriter) -> bytes:
    """Return what pypdf makes of a file."""
    target = BytesIO()
    writer.write(target)
    return target.getvalue()
