"""The platform's seal: what it covers, what it keeps, and what it refuses."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import page
import pytest
from asn1crypto import cms, tsp
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from django.core.management import CommandError, call_command
from pydyf import PDF, Dictionary
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps import DummyTimeStamper
from weasyprint import HTML

from decisions import clock
from decisions.checks import (
    readers_can_trust_the_authority,
    seal_can_be_put_on,
    time_stamps_are_believed,
)
from decisions.exports.conformance import VARIANT, _end_streams_clearly, finish
from decisions.exports.seal import _stampers, asn1, ensure_accepted, put_seal_on
from decisions.exports.seal_keys import KeyFiles, Keys, KeysExistError, SealError, make_keys
from decisions.exports.verify_report import Report, Verdict
from decisions.exports.verify_seal import accepts, check_seal
from decisions.sealing import Matter, keys_in_settings, seal_trouble, seal_works, trouble_in_sight
from tests.decisions.certificates import (
    MAIL,
    NOTHING_ELSE,
    SIGNING,
    STAMPING,
    Holder,
    given,
)
from tests.decisions.forging import Sealed, carried, swapped, with_certificates, without_stamp

PLAIN = """<html lang="en"><head><title>A record</title><meta name="description" content="d"></head>
<body><h1>A record</h1><p>Signed by four.</p></body></html>"""


def made(html: str = PLAIN) -> bytes:
    target = BytesIO()
    document = HTML(string=html).render(pdf_variant=VARIANT)
    document.write_pdf(target, pdf_variant=VARIANT, pdf_identifier=b"1" * 16, finisher=finish)
    return target.getvalue()


@pytest.fixture(scope="module")
def keys(files: KeyFiles) -> Keys:
    return Keys(key=files.key, certificates=files.certificates)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return made()


@pytest.fixture(scope="module")
def sealed(keys: Keys, pdf: bytes) -> bytes:
    return put_seal_on(pdf, keys.opened(), "DR-1, approved")


def test_the_seal_stands_behind_the_file_as_it_was(pdf: bytes, sealed: bytes) -> None:
    assert sealed.startswith(pdf)
    assert len(sealed) > len(pdf)


def test_no_stream_ends_with_what_reads_as_the_end_of_its_line(pdf: bytes, sealed: bytes) -> None:
    """One in 256 did: with each digit more the last byte is another, until all have been."""

    def written(number: int, *, clearly: bool) -> bytes:
        target, file = BytesIO(), PDF()
        file.add_object(Dictionary({"N": "9" * number}))
        if clearly:
            _end_streams_clearly(file)
        file.write(target, version=b"1.7", compress=True)
        return target.getvalue()

    assert any(b"\r\nendstream" in written(one, clearly=False) for one in range(1, 257))
    assert not any(b"\r\nendstream" in written(one, clearly=True) for one in range(1, 257))
    assert b"/Filter /Flate" not in sealed.removeprefix(pdf), "the places end with a zero"


@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_a_file_is_archival_and_accessible_before_and_after(
    pdf: bytes, sealed: bytes, profile: str
) -> None:
    for content in (pdf, sealed):
        report = page.validate_pdf_bytes(content, profile=profile)
        assert report.is_compliant, [(one.rule_id, one.message) for one in report.failures]


def test_others_find_one_valid_seal_over_the_whole_file(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    said = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False).stdout
    assert said.count("Signature #") == 1
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "Acme Ltd Countersign seal" in said
    subprocess.run(["qpdf", "--check", path], capture_output=True, check=True)


def test_a_file_is_sealed_once_only(keys: Keys, sealed: bytes) -> None:
    with pytest.raises(SealError, match="sealed already"):
        put_seal_on(sealed, keys.opened(), "again")


def test_the_keys_may_be_one_file_under_a_password(
    files: KeyFiles, pdf: bytes, tmp_path: Path
) -> None:
    leaf, authority = x509.load_pem_x509_certificates(files.certificates.read_bytes())
    key = load_pem_private_key(files.key.read_bytes(), None)
    path = tmp_path / "seal.p12"
    path.write_bytes(
        serialize_key_and_certificates(
            b"seal",
            key,  # type: ignore[arg-type]
            leaf,
            [authority],
            BestAvailableEncryption(b"open sesame"),
        )
    )
    keys = Keys(pkcs12=path, password=b"open sesame")
    assert put_seal_on(pdf, keys.opened(), "DR-1").startswith(pdf)
    (tmp_path / "password").write_text("open sesame\n")
    assert replace(keys, password=None, password_file=tmp_path / "password").opened()
    with pytest.raises(SealError, match="cannot be read"):
        replace(keys, password_file=tmp_path / "gone").opened()
    with pytest.raises(SealError, match="password is wrong") as error:
        replace(keys, password=b"hunter2").opened()
    assert "hunter2" not in str(error.value)


def test_a_key_that_is_not_there_or_no_key_is_told(tmp_path: Path, files: KeyFiles) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no key")
    for wrong in (
        Keys(key=tmp_path / "none.pem", certificates=files.certificates),
        Keys(key=files.key, certificates=text),
        Keys(key=text, certificates=files.certificates),
        Keys(pkcs12=text),
    ):
        with pytest.raises(SealError):
            wrong.opened()


class Authority(BaseHTTPRequestHandler):
    """A time-stamping authority on this machine."""

    stamper: DummyTimeStamper
    address: str
    asked: int
    status: int
    change: Callable[[tsp.TimeStampReq, bytes], bytes]

    def do_POST(self) -> None:
        """Answer a request for a time stamp."""
        type(self).asked += 1
        request = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.stamper.request_tsa_response(request).dump()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(type(self).change(request, answer))

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def stamping() -> Holder:
    """Return the authority of time stamps, which has nothing to do with that of seals."""
    return given("Stamping authority", is_authority=True)


@pytest.fixture(scope="module")
def stamp_key(stamping: Holder) -> Holder:
    return given("Stamps", stamping, purposes=[STAMPING], with_rsa=True)


def stamper(by: Holder, at: datetime | None = None) -> DummyTimeStamper:
    key = PrivateKeyInfo.load(by.der_key)
    return DummyTimeStamper(tsa_cert=by.asn1, tsa_key=key, fixed_dt=at)


@pytest.fixture(scope="module")
def server(stamp_key: Holder) -> Iterator[type[Authority]]:
    server = HTTPServer(("127.0.0.1", 0), Authority)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Authority.address = f"http://127.0.0.1:{server.server_port}/"
    yield Authority
    server.shutdown()
    server.server_close()


@pytest.fixture
def authority(server: type[Authority], stamp_key: Holder) -> type[Authority]:
    Authority.stamper, Authority.asked, Authority.status = stamper(stamp_key), 0, 200
    Authority.change = lambda request, answer: answer
    return Authority


def looked_at(
    sealed: bytes, trusted: Sequence[Holder] = (), stampers: Sequence[Holder] = ()
) -> Report:
    """Return what a verifier says of the seal alone."""
    report = Report(sha256="0" * 64)
    told = ([one.asn1 for one in trusted], [one.asn1 for one in stampers])
    check_seal(report, PdfFileReader(BytesIO(sealed), strict=True), sealed, *told)
    return report


def accepted(pdf: bytes, keys: Keys) -> bytes:
    """Seal a page; raises as `sealed_document` does for a document with such a seal."""
    opened = keys.opened()
    sealed, report = put_seal_on(pdf, opened, "DR-1"), Report(sha256="0" * 64)
    told = (asn1([opened.leaf]), _stampers(opened))
    check_seal(report, PdfFileReader(BytesIO(sealed), strict=True), sealed, *told)
    ensure_accepted(report, opened)
    return sealed


def state(report: Report, check: str) -> str:
    return str(next(one.state for one in report.findings if one.check == check))


def pem_of(one: Holder, folder: Path) -> Path:
    path = folder / f"{one.certificate.serial_number}.pem"
    path.write_bytes(one.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.mark.slow
def test_a_time_stamp_is_believed_of_those_who_are_named_for_it_and_of_nobody_else(
    keys: Keys,
    pdf: bytes,
    authority: type[Authority],
    stamping: Holder,
    files: KeyFiles,
    tmp_path: Path,
) -> None:
    believed = pem_of(stamping, tmp_path)
    stamped = replace(keys, timestamp_url=authority.address, timestamp_authorities=believed)
    sealed = accepted(pdf, stamped)
    assert authority.asked
    assert sealed.startswith(pdf)
    assert page.validate_pdf_bytes(sealed, profile="3a").is_compliant
    assert state(looked_at(sealed, stampers=[stamping]), "time stamp") == "ok"
    assert state(looked_at(sealed, [stamping]), "time stamp") == "not known"
    assert not looked_at(sealed, [stamping]).is_trusted, "who stamps does not seal"
    stranger = pem_of(given("Another", is_authority=True), tmp_path)
    with pytest.raises(SealError, match="would not be accepted: Time stamped at"):
        accepted(pdf, replace(stamped, timestamp_authorities=stranger))
    with pytest.raises(SealError, match="cannot be read"):
        replace(stamped, timestamp_authorities=tmp_path / "gone.pem").opened()


def without_nonce(request: tsp.TimeStampReq, answer: bytes) -> bytes:
    del request["nonce"]
    return bytes(Authority.stamper.request_tsa_response(request).dump())


def of_something_else(request: tsp.TimeStampReq, answer: bytes) -> bytes:
    request["message_imprint"]["hashed_message"] = bytes(32)
    return bytes(Authority.stamper.request_tsa_response(request).dump())


@pytest.mark.slow
def test_a_time_stamp_that_is_none_is_never_put_on(
    keys: Keys, pdf: bytes, authority: type[Authority], stamp_key: Holder
) -> None:
    stamped = replace(keys, timestamp_url=authority.address)
    answers = {
        "gave no time stamp": [lambda request, answer: b"<html>", without_nonce],
        "The time stamp is not valid": [of_something_else],
    }
    for told, changes in answers.items():
        for change in changes:
            authority.change = change
            with pytest.raises(SealError, match=told):
                accepted(pdf, stamped)
    authority.change = lambda request, answer: answer
    authority.stamper = stamper(stamp_key, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(SealError, match="The seal's own clock says"):
        accepted(pdf, stamped)
    authority.status = 503
    with pytest.raises(SealError, match="gave no time stamp"):
        accepted(pdf, stamped)


@pytest.fixture(scope="module")
def company() -> Holder:
    """An organisation's authority, which gives certificates for all that there is."""
    return given("Acme root", is_authority=True)


@pytest.fixture(scope="module")
def middle(company: Holder) -> Holder:
    return given("Acme issuing", company, is_authority=True)


@pytest.fixture(scope="module")
def seal_of(
    middle: Holder, pdf: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Holder, bytes]]:
    """Return what puts a seal on by a new certificate of that authority, and whose it is."""

    def put(**about: Any) -> tuple[Holder, bytes]:
        holder = given("Acme seal", middle, **about)
        keys = holder.keys(tmp_path_factory.mktemp("keys"), middle)
        return holder, put_seal_on(pdf, keys.opened(), "DR-1")

    return put


def test_an_authority_vouches_for_those_alone_whom_it_lets_sign_documents(
    seal_of: Callable[..., tuple[Holder, bytes]], company: Holder, middle: Holder
) -> None:
    """Its mail certificates are everywhere; the key usage may be the least there is, or none."""
    for about, is_accepted in (
        ({"purposes": [SIGNING]}, True),
        ({"purposes": [SIGNING], "uses": NOTHING_ELSE}, True),
        ({"purposes": [MAIL]}, False),
        ({}, False),
        ({"purposes": [SIGNING], "uses": ()}, False),
    ):
        holder, sealed = seal_of(**about)
        report = looked_at(sealed, [company])
        expected = Verdict.INTACT if is_accepted else Verdict.UNKNOWN_AUTHORITY
        assert report.verdict == expected, about
        assert report.is_intact == is_accepted
        assert looked_at(sealed, [middle]).verdict == expected, "without the root, as usual"
        assert looked_at(sealed, [holder]).verdict == Verdict.INTACT, "trusted itself"
        assert accepts(holder.asn1, [middle.asn1], company.asn1) == is_accepted
    other, _sealed = seal_of(purposes=[SIGNING])
    assert looked_at(sealed, [other]).verdict == Verdict.UNKNOWN_AUTHORITY


def twin(sealed: Sealed, holder: Holder) -> bytes:
    """Return the same signature by the other of its two numbers."""
    signed = cms.ContentInfo.load(sealed.bare_signature)
    signer = signed["content"]["signer_infos"][0]
    r, s = decode_dss_signature(signer["signature"].native)
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    signer["signature"] = encode_dss_signature(r, holder.key.curve.group_order - s)
    return bytes(signed.dump(force=True))


def otherwise_told(sealed: Sealed) -> bytes:
    """Return the same signature, which says that it is of another version of the standard."""
    signed = cms.ContentInfo.load(sealed.bare_signature)
    signed["content"]["version"] = "v3"
    return bytes(signed.dump(force=True))


@pytest.mark.slow
def test_a_seal_has_one_form_alone(
    pdf: bytes,
    company: Holder,
    middle: Holder,
    stamping: Holder,
    authority: type[Authority],
    tmp_path: Path,
) -> None:
    """What no key of the seal covers can be neither moved, added, taken away nor told otherwise."""
    holder = given("Acme seal", middle, purposes=[SIGNING])
    keys = replace(holder.keys(tmp_path, middle), timestamp_url=authority.address)
    content = put_seal_on(pdf, keys.opened(), "DR-1")
    sealed = Sealed(content, pdf, "DR-1")
    assert looked_at(content, [holder], [stamping]).verdict == Verdict.INTACT
    signature, both = sealed.bare_signature, carried(sealed.bare_signature)
    assert [one.dump() for one in both] == [holder.asn1.dump(), middle.asn1.dump()]
    for way, forged in {
        "certificates swapped": swapped(signature),
        "a certificate added": with_certificates(signature, [*both, company.asn1]),
        "the chain taken out": with_certificates(signature, both[:1]),
        "the time stamp taken off": without_stamp(signature),
        "the signature's twin": twin(sealed, holder),
        "a version told otherwise": otherwise_told(sealed),
    }.items():
        assert forged != signature, way
        report = looked_at(sealed.with_signature(forged), [holder, company], [stamping])
        assert report.verdict == Verdict.NOT_INTACT, way


def test_what_a_key_is_under_is_told_and_never_what_opens_it(
    files: KeyFiles, tmp_path: Path
) -> None:
    open_key = Keys(key=files.key, certificates=files.certificates, password=b"open sesame")
    assert "sesame" not in repr(open_key)
    with pytest.raises(SealError, match="under no password, but one is set"):
        open_key.opened()
    make_keys(KeyFiles(tmp_path), "Acme Ltd", years=1, password=b"open sesame", bits=2048)
    closed = Keys(key=tmp_path / "seal-key.pem", certificates=tmp_path / "seal.pem")
    with pytest.raises(SealError, match="under a password, and none is set"):
        closed.opened()
    authority = KeyFiles(tmp_path).authority_key.read_bytes()
    assert load_pem_private_key(authority, None), "the server's password is not the authority's"


@pytest.mark.django_db
def test_a_seal_ends_with_the_first_of_its_certificates_and_does_not_outlive_its_giver(
    settings: Any, pdf: bytes, tmp_path: Path
) -> None:
    root = given("Acme root", is_authority=True, days=30)
    leaf = given("Acme seal", root, purposes=[SIGNING])
    unrelated = given("Somebody", days=1)
    keys = leaf.keys(tmp_path, unrelated, root)
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = keys.key, keys.certificates
    ends = root.certificate.not_valid_after_utc
    assert [one.subject for one in keys.opened().certificates] == [
        leaf.certificate.subject,
        root.certificate.subject,
    ]
    for trouble in (seal_trouble(), trouble_in_sight()):
        assert trouble is not None
        assert (trouble.matter, trouble.day) == (Matter.ENDS, ends.date())
    with clock.held_at(ends + timedelta(hours=1)):
        assert not seal_works()
    expired = given("Acme root", is_authority=True, days=0)
    with pytest.raises(SealError, match="it or its giver ends"):
        put_seal_on(pdf, given("Acme seal", expired).keys(tmp_path, expired).opened(), "DR-1")


def test_what_is_named_has_to_be_there_and_what_may_not_be_read_is_the_workers_to_say(
    settings: Any, files: KeyFiles, tmp_path: Path
) -> None:
    settings.SEAL_PKCS12 = str(tmp_path / "seal.p12")
    (warning,) = seal_can_be_put_on()
    assert warning.id == "decisions.W004"
    (tmp_path / "seal.p12").write_bytes(b"for the worker alone")
    settings.SEAL_PASSWORD_FILE = str(tmp_path / "secret, mounted for the worker alone")
    (warning,) = seal_can_be_put_on()
    assert not warning.is_serious(), "the database is prepared and people are added all the same"
    settings.SEAL_PKCS12 = ""
    assert seal_can_be_put_on() == [], "no seal, no password"
    settings.SEAL_PKCS12, settings.SEAL_PASSWORD_FILE = str(tmp_path / "seal.p12"), ""
    assert seal_can_be_put_on() == [], "no command but the worker opens a key"
    assert seal_trouble() is not None
    settings.SEAL_PKCS12 = ""
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = files.key, files.certificates
    assert readers_can_trust_the_authority() == []
    settings.SEAL_TIMESTAMP_URL = "https://tsa.example/"
    assert [one.id for one in time_stamps_are_believed()] == ["decisions.W002"]
    keys = given("Mail", root := given("R", is_authority=True), purposes=[MAIL]).keys(
        tmp_path, root
    )
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = keys.key, keys.certificates
    assert [one.id for one in readers_can_trust_the_authority()] == ["decisions.W003"]


def test_a_password_is_all_but_the_end_of_its_line_and_an_empty_file_is_none(
    settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_bytes(b" open sesame \r\n")
    assert Keys(password_file=file).secret() == b" open sesame "
    settings.SEAL_PASSWORD_FILE, files = file, KeyFiles(tmp_path / "seal")
    for nothing in (b"", b" \n"):
        file.write_bytes(nothing)
        with pytest.raises(CommandError, match="holds no password"):
            call_command("make_seal_key", folder=files.folder)
        settings.SEAL_PASSWORD_FILE = ""
        with pytest.raises(CommandError, match="holds no password"):
            call_command("make_seal_key", folder=files.folder, authority_password_file=file)
        settings.SEAL_PASSWORD_FILE = file
    assert not files.folder.exists(), "no key was written in clear"


def test_nobody_but_their_owner_can_read_the_keys(files: KeyFiles) -> None:
    for path in (files.key, files.authority_key):
        assert path.stat().st_mode & 0o077 == 0


def test_a_seal_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "seal")
    secret = {"password": b"open sesame", "authority_password": b"in the safe"}
    make_keys(files, "Acme Ltd", years=1, bits=2048, **secret)
    before = files.authority.read_bytes()
    with pytest.raises(KeysExistError):
        make_keys(files, "Acme Ltd", years=1)
    first = files.certificates.read_bytes()
    files.key.unlink()
    files.certificates.unlink()
    make_keys(files, "Acme Ltd", years=1, bits=2048, **secret)
    assert files.authority.read_bytes() == before
    leaf, issuer = x509.load_pem_x509_certificates(files.certificates.read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert first != files.certificates.read_bytes()
    assert b"ENCRYPTED" in files.key.read_bytes()


@pytest.mark.django_db
def test_the_command_makes_what_the_settings_look_for(settings: Any, tmp_path: Path) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    assert not keys_in_settings().are_named, "no key, no seal"
    assert seal_trouble() is None
    said = StringIO()
    call_command(
        "make_seal_key", organisation="Acme Ltd", folder=settings.SEAL_DIR, years=1, stdout=said
    )
    assert "authority.pem to everyone who verifies" in said.getvalue()
    assert keys_in_settings().opened().holder == "Acme Ltd Countersign seal"
    assert seal_trouble() is None
    with pytest.raises(CommandError, match="already"):
        call_command("make_seal_key", folder=settings.SEAL_DIR)


def test_sixty_days_before_its_end_the_checks_warn(
    settings: Any, files: KeyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = files.key, files.certificates
    assert seal_can_be_put_on() == []
    ends = x509.load_pem_x509_certificates(files.certificates.read_bytes())[0].not_valid_after_utc
    monkeypatch.setattr("decisions.sealing.clock.now", lambda: ends - timedelta(days=59))
    (warning,) = seal_can_be_put_on()
    assert ends.date().isoformat() in warning.msg


def test_nothing_is_sealed_once_the_certificate_has_ended(
    keys: Keys, pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime.now(UTC) + timedelta(days=3 * 366)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return late

    monkeypatch.setattr("decisions.exports.seal.datetime", Later)
    with pytest.raises(SealError, match="not valid now"):
        put_seal_on(pdf, keys.opened(), "DR-1")
