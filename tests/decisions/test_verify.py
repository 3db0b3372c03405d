"""What left is checked: by the file alone, and never accepted once anybody touched it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from asn1crypto.x509 import Certificate
from django.core.management import CommandError, call_command
from django.utils import translation
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from decisions import auditing, clock, tasks
from decisions.actions.importing import import_file
from decisions.actions.lifecycle import approve, note_outcome, reopen, submit, supersede, withdraw
from decisions.actions.records import remove_participant
from decisions.actions.relations import amend
from decisions.audit_check import GENESIS, canonical, hash_of
from decisions.exports.archive import canonical_archive
from decisions.exports.archive_file import read_strictly
from decisions.exports.seal import put_seal_on
from decisions.exports.seal_keys import KeyFiles, Keys, make_keys
from decisions.exports.verify import LARGEST, certificates_in, main, verify
from decisions.exports.verify_record import LEADS_TO, MEANINGS, ROLES
from decisions.exports.verify_report import (
    MOST_ALIKE,
    Report,
    State,
    Verdict,
    report_of,
    sentences,
)
from decisions.models import Decision, Meaning, Role, SealCertificate
from decisions.sealing import keys_in_settings, seals_trusted
from decisions.verifying import report_apart, report_here, tell_what_is_known, verified
from tests import factories
from tests.decisions.forging import Forger, Sealed
from tests.decisions.hostile_pdf import bomb
from tests.elsewhere import made_elsewhere
from tests.factories import People, fresh
from tests.small_pages import PAGES, on_small_pages

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of somebody else, who calls themselves the same."""
    files = KeyFiles(tmp_path_factory.mktemp("stranger"))
    make_keys(files, "Acme Ltd", years=3, bits=2048)
    return Keys(key=files.key, certificates=files.certificates)


@pytest.fixture
def seal(files: KeyFiles, settings: Any) -> None:
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = files.key, files.certificates


@pytest.fixture(scope="module")
def authority(files: KeyFiles) -> list[Certificate]:
    return certificates_in(files.authority.read_bytes())


@pytest.fixture(scope="module")
def kept() -> dict[str, Sealed]:
    """What was sealed for this module's tests: made once."""
    return {}


@pytest.fixture
def sealed(request: pytest.FixtureRequest, kept: dict[str, Sealed], db: None) -> Sealed:
    """The file of a record that was signed, reopened, signed again and approved."""
    return kept.get("one") or kept.setdefault("one", _sealed(request, twice_signed))


@pytest.fixture
def other(request: pytest.FixtureRequest, kept: dict[str, Sealed], db: None) -> Sealed:
    """The file of another record."""
    return kept.get("other") or kept.setdefault("other", _sealed(request, another))


def twice_signed(people: People) -> Decision:
    """Have a record signed, then reopened, and signed again, by UX with a reservation."""
    record = factories.signed(people)
    reopen(record, by=people.owner, reason="A cheaper model came out.")
    factories.edit(record, "problem", people, problem="Where messages go, anew.")
    submit(record, by=people.owner)
    business = people.signatories["business"]
    factories.sign(record, business, "business", meaning=Meaning.REJECT, text="Not with this data.")
    for role, user in people.signatories.items():
        said = (
            {"meaning": Meaning.APPROVE_WITH_RESERVATION, "text": "In ‹quiet› hours."}
            if role == "ux"
            else {}
        )
        factories.sign(record, user, role, **said)
    return fresh(record)


def another(people: People) -> Decision:
    return factories.signed(people, title="Which model reads invoices?")


def _sealed(request: pytest.FixtureRequest, walk: Callable[[People], Decision]) -> Sealed:
    request.getfixturevalue("seal")
    people = request.getfixturevalue("people")
    record = walk(people)
    approve(record, by=people.owner)
    record = fresh(record)
    reason = sealed_for(record)
    before = on_small_pages(record)
    return Sealed(put_seal_on(before, keys_in_settings().opened(), reason), before, reason)


def sealed_for(record: Decision) -> str:
    """Return what a seal says that it was put on for."""
    return f"{record.reference}, version {record.version}, SHA-256 {record.digest}"


def findings(report: Report, check: str) -> list[tuple[str, str]]:
    return [(str(one.state), one.sentence) for one in report.findings if one.check == check]


@pytest.fixture(scope="module")
def without_django(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which nobody can import Django."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "django").mkdir()
    (folder / "django" / "__init__.py").write_text("raise ImportError")
    return folder


def alone(
    elsewhere: Path, *arguments: object, piped: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program from another folder: without settings, a database, or Django."""
    command = [sys.executable, "-m", "decisions.exports.verify", *map(str, arguments)]
    return subprocess.run(
        ["sh", "-c", 'cat "$0" | "$@"', str(piped), *command] if piped else command,
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{elsewhere}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_sealed_file_is_intact_and_says_who_signed_what(
    sealed: Sealed, authority: list[Certificate]
) -> None:
    report = verify(sealed.content, authority)
    assert report.verdict == Verdict.INTACT, sentences(report)
    assert report.sentence.startswith("Intact: sealed by Acme Ltd Countersign seal, ")
    assert {one.state for one in report.findings} == {State.OK, State.NOT_KNOWN}
    assert [one.check for one in report.findings if one.state == State.NOT_KNOWN] == ["time stamp"]
    signed = [sentence for _state, sentence in findings(report, "signature")]
    assert sum(one.startswith("Signed, and holds: ") for one in signed) == 4
    assert sum("so it has lapsed" in one for one in signed) == 4
    (replaced,) = [one for one in signed if "replaced by a later signature" in one]
    assert "Not with this data." in replaced
    assert any(
        "Uma Lindqvist for UX (approves, with a reservation)" in one and "‹quiet›" in one
        for one in signed
    )
    assert report.digest in sealed.reason
    assert report.sha256 == hashlib.sha256(sealed.content).hexdigest()


SEAL_GONE = {"stripped: as it was before"}
SEAL_OF_OTHERS = {
    "seal by others under the same name",
    "seal by others, this authority's certificate beside it",
    "seal by a leaf of its own leaf",
}


def test_of_500_tampered_files_none_is_accepted(
    sealed: Sealed, other: Sealed, stranger: Keys, files: KeyFiles, authority: list[Certificate]
) -> None:
    accepted: dict[str, str] = {}
    tried = 0
    for way, content in Forger(sealed, other, stranger, files, Random(6)).all(500):
        assert content != sealed.content, way
        tried += 1
        report = verify(content, authority)
        # Who takes the seal away, or puts another on, is left with what nobody vouches for; of what
        # is cut to a stump, or takes all memory, nothing is said.
        expected = {Verdict.NOT_INTACT, Verdict.NOT_CHECKED}
        if way in SEAL_GONE:
            expected = {Verdict.UNSEALED}
        elif way in SEAL_OF_OTHERS:
            expected = {Verdict.UNKNOWN_AUTHORITY}
        if report.verdict not in expected or "ntact: sealed by" in report.sentence:
            accepted[way] = report.sentence
    assert tried == 500
    assert accepted == {}


def test_a_seal_by_somebody_else_is_said_to_be_by_an_unknown_authority(
    sealed: Sealed, stranger: Keys, authority: list[Certificate]
) -> None:
    resealed = put_seal_on(sealed.before, stranger.opened(), sealed.reason)
    for report in (verify(resealed, authority), verify(resealed)):
        assert (report.verdict, report.status) == (Verdict.UNKNOWN_AUTHORITY, 2)
        assert "an authority that is not known here" in report.sentence
        assert not report.is_intact


def test_a_seal_that_was_put_on_for_another_record_is_found_out(
    sealed: Sealed, other: Sealed, files: KeyFiles, authority: list[Certificate]
) -> None:
    keys = Keys(key=files.key, certificates=files.certificates)
    report = verify(put_seal_on(sealed.before, keys.opened(), other.reason), authority)
    assert report.verdict == Verdict.NOT_INTACT
    assert "that is not the record in it" in report.sentence


def test_without_a_seal_nothing_vouches_for_a_file(
    sealed: Sealed, authority: list[Certificate]
) -> None:
    changed = verify(sealed.content.replace(b"%\xf0\x9f", b"%\xf0\x9e", 1), authority)
    assert changed.verdict == Verdict.NOT_INTACT
    ((_state, told),) = findings(changed, "authority")
    assert told.startswith("Whose seal it is cannot be looked at"), "nothing speaks against it"
    assert "Sealed by" not in sentences(changed)
    assert "and holds" not in sentences(changed)
    report = verify(sealed.before)
    assert report.sentence.startswith("There is no seal: nothing vouches for this file")
    assert (report.verdict, report.status, report.is_intact) == (Verdict.UNSEALED, 2, False)


def test_pyhanko_itself_finds_the_seal_trusted_and_over_the_whole_file(
    sealed: Sealed, authority: list[Certificate]
) -> None:
    (signature,) = PdfFileReader(BytesIO(sealed.content)).embedded_signatures
    context = ValidationContext(trust_roots=authority)
    status = validate_pdf_signature(signature, signer_validation_context=context)
    assert status.bottom_line
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert sealed.content.startswith(sealed.before)


def test_the_program_needs_no_django_and_says_the_verdict_first(
    sealed: Sealed, files: KeyFiles, without_django: Path, tmp_path: Path
) -> None:
    path = tmp_path / "DR-1.pdf"
    path.write_bytes(sealed.content)
    said = alone(without_django, path, "--ca", files.authority)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("Intact: sealed by Acme Ltd Countersign seal")
    told = json.loads(alone(without_django, "/dev/stdin", "--json", piped=path).stdout)
    assert told["verdict"] == "unknown authority", "a pipe can be read once"
    assert report_of(told).as_values() == told
    path.write_bytes(sealed.content + b" ")
    said = alone(without_django, path, "--ca", files.authority)
    assert (said.returncode, said.stderr) == (1, "")
    assert said.stdout.startswith("Not intact: ")


def test_a_report_is_read_in_the_readers_language() -> None:
    report = Report()
    report.add("file", False, "This field is required.")
    told = json.loads(json.dumps(report.as_values()))
    with translation.override("de"):
        again = report_of(told)
        assert again.findings[0].sentence == "Dieses Feld ist zwingend erforderlich."
        assert again.as_values()["findings"][0]["sentence"] == again.findings[0].sentence
    assert report_of(told).findings[0].sentence == "This field is required."


def test_the_signature_of_who_lost_the_role_covers_the_content_and_no_longer_counts(
    people: People,
) -> None:
    record = factories.signed(people)
    seat = record.participants.get(role="ux", is_signatory=True)
    remove_participant(record, by=people.owner, participant=seat)
    signed = findings(verify(canonical_archive(fresh(record))), "signature")
    assert sum(told.startswith("Signed, and holds: ") for _state, told in signed) == 3
    assert sum("no longer signs for the role" in told for _state, told in signed) == 1


def test_an_archive_agrees_with_itself_but_nothing_vouches_for_it(approved: Decision) -> None:
    report = verify(canonical_archive(approved))
    assert report.verdict == Verdict.UNSEALED, sentences(report)
    assert "nothing vouches for this file" in report.sentence
    last = approved.events.last()
    assert last is not None
    assert (report.head_sequence, report.head_hash) == (last.sequence, last.hash)


def _changed(told: dict[str, Any], what: str) -> None:
    """Change an archive in one place."""
    sign_off, events = told["sign_offs"][0], told["events"]
    match what:
        case "content":
            told["content"]["decision"]["title"] += "!"
        case "digest":
            told["content"]["decision"]["title"] += "!"
            told["digest"] = hash_of(told["content"])
        case "signature's text":
            sign_off["text"] = "Only until March."
        case "signature's meaning":
            sign_off["meaning"] = "reject"
        case "signer":
            sign_off["printed_name"] = "Somebody Else"
        case "signature's moment":
            sign_off["signed_at"] = sign_off["signed_at"].replace("T", "T0", 1)
        case "signature left out":
            del told["sign_offs"][0]
        case "event":
            events[3]["data"] = {"role": "ux"}
        case "event left out":
            del events[2]
        case "newest events left out":
            del events[-3:]
        case "another record's log":
            _rechained(events, "00000000-0000-4000-8000-000000000000")
        case "status":
            told["record"]["status"] = "draft"
        case "version":
            told["versions"][-1]["content"]["decision"]["title"] = "?"


def _rechained(events: list[dict[str, Any]], uid: str) -> None:
    """Write a log anew under another record's name, with hashes that fit."""
    before = GENESIS
    for event in events:
        del event["hash"]
        event |= {"decision": uid, "previous_hash": before}
        before = event["hash"] = hash_of(event)


@pytest.mark.parametrize(
    "what",
    [
        "content",
        "digest",
        "signature's text",
        "signature's meaning",
        "signer",
        "signature's moment",
        "signature left out",
        "event",
        "event left out",
        "newest events left out",
        "another record's log",
        "status",
        "version",
    ],
)
def test_an_archive_that_was_changed_does_not_agree(approved: Decision, what: str) -> None:
    told = json.loads(canonical_archive(approved))
    _changed(told, what)
    report = verify(canonical(told))
    assert report.verdict == Verdict.NOT_INTACT
    if what == "content":
        signed = findings(report, "signature")
        assert {state for state, _sentence in signed} == {"not known"}, "nobody signed that"
        assert all("which is not intact" in sentence for _state, sentence in signed)


def test_json_that_is_not_canonical_was_written_anew(approved: Decision) -> None:
    pretty = json.dumps(json.loads(canonical_archive(approved)), indent=1).encode()
    assert "it was written anew" in verify(pretty).sentence


ANY_PDF = (
    b"%PDF-1.7\n1 0 obj\n<</Pages 2 0 R>>\nendobj\n2 0 obj\n<</Kids[]/Count 0>>\nendobj\n"
    b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000041 00000 n \n"
    b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n76\n%%EOF\n"
)
OURS = b'{"format":"countersign/archive","a":'
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a document without its beginning": lambda: b"DF-1.7\nstartxref\n9\n%%EOF",
    "no objects": lambda: b"%PDF-1.7\n%%EOF",
    "a table of objects that is nowhere": lambda: b"%PDF-1.7\nstartxref\n99999999\n%%EOF",
    "a table of objects that follows itself": lambda: (
        b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \n"
        b"trailer<</Size 1/Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF\n"
    ),
    "an object that is itself": lambda: (
        b"%PDF-1.7\n1 0 obj\n1 0 R\nendobj\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n"
        b"trailer<</Size 2/Root 1 0 R>>\nstartxref\n30\n%%EOF\n"
    ),
    "fields within themselves": lambda: (
        b"%PDF-1.7\n1 0 obj\n<</AcroForm<</Fields[2 0 R]>>>>\nendobj\n"
        b"2 0 obj\n<</T(x)/Kids[2 0 R 2 0 R]>>\nendobj\n"
        b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n"
        b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n104\n%%EOF\n"
    ),
    "lists within lists": lambda: (
        b"%PDF-1.7\n1 0 obj\n" + b"[" * 200_000 + b"\nstartxref\n9\n%%EOF"
    ),
    "deep JSON": lambda: OURS + b"[" * 900_000,
    "deep JSON that ends": lambda: OURS + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "JSON with endless digits": lambda: OURS + b"9" * 100_000 + b"}",
    "JSON that is no archive": lambda: b'{"format":"countersign/archive","format_version":1}',
    "JSON with a lone surrogate": lambda: OURS + b'"\\ud800"}',
    "JSON in another encoding": lambda: OURS + '"é"}'.encode("latin-1"),
    "an archive of no version": lambda: OURS + b'"","format_version":"1"}',
    "a tree of names whose branches meet": lambda: _meeting_branches(),
    "10,000 revisions": lambda: b"%PDF-1.7\n" + b"".join(_revision(one) for one in range(10_000)),
}


def _meeting_branches() -> bytes:
    """Return a PDF in whose tree of names ten branches at each of twenty forks lead to one fork."""
    objects = [
        b"<</Pages 2 0 R/Names<</EmbeddedFiles 3 0 R>>>>",
        b"<</Kids[]/Count 0>>",
        *(b"<</Kids[" + b"%d 0 R " % (4 + fork) * 10 + b"]>>" for fork in range(20)),
        b"<</Names[]>>",
    ]
    content, table = b"%PDF-1.7\n", b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number, one in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(content)
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    return content + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(content)


def _revision(number: int) -> bytes:
    """Return a table of objects that follows the one before it, each of 99 bytes."""
    at = 9 + number * 99
    return (
        b"xref\n0 1\n0000000000 65535 f \ntrailer<</Size 1/Root 1 0 R/Prev %07d>>\n"
        b"startxref\n%07d\n%%%%EOF\n%s" % (max(9, at - 99), at, b" " * 2)
    )


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_the_file_there_is_a_plain_verdict(what: str) -> None:
    report = verify(HOSTILE[what]())
    assert report.sentence.startswith("Not intact: ")
    assert [one for one in report.findings if one.state == State.NOT_OK]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"<!doctype html>",
        b"# A decision\n",
        b'{"hello":"world"}',
        b'{"schema":"countersign/archive"}',
        b'["countersign/archive"]',
        b"[" * 1_000,
        ANY_PDF,
    ],
)
def test_what_is_no_document_is_not_judged(content: bytes) -> None:
    report = verify(content)
    assert (report.verdict, report.status, report.findings) == (Verdict.NOT_CHECKED, 2, [])
    told = {b"": "The file is empty.", ANY_PDF: "It is a PDF of another program: there is no"}.get(
        content, "It is neither a sealed PDF nor an archive"
    )
    assert report.sentence.startswith(f"This cannot be checked: {told}")


def test_what_a_newer_program_made_is_not_judged(approved: Decision) -> None:
    told = json.loads(canonical_archive(approved)) | {"format_version": 99}
    report = verify(canonical(told))
    assert (report.verdict, report.status) == (Verdict.NOT_CHECKED, 2)
    assert report.sentence.startswith("This cannot be checked: It was made by a newer Countersign")


def test_what_would_take_all_memory_is_given_up_by_a_process_of_its_own(
    without_django: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(bomb())
    said = alone(without_django, path)
    assert (said.returncode, said.stderr) == (1, "")
    assert said.stdout.startswith("Not intact: ")


def test_a_limit_that_is_there_stays_and_what_fails_unforeseen_is_no_verdict(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty.pdf").write_bytes(b"")
    call = """
import resource, sys
from decisions.exports import limits, verify
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
limits.limit_process()
print(resource.getrlimit(resource.RLIMIT_CPU))
verify.sentences = None
sys.argv[1:] = [sys.argv[1]]
sys.exit(verify.run())
"""
    said = subprocess.run(
        [sys.executable, "-c", call, str(tmp_path / "empty.pdf")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (2, "(30, 30)\n")
    assert "TypeError" in said.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_limit_that_would_never_end_anything_is_refused(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["file.pdf", f"--seconds={seconds}"])
    assert "a whole number above 0 is needed" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "most"), [(b"%PDF-1.7\n", "15"), (b"{}", "5")])
def test_a_visitor_does_not_hold_up_others_for_a_minute(
    content: bytes, most: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    asked: list[tuple[str, ...]] = []

    def read_apart(_path: Path, _program: str, *more: str) -> Report:
        asked.append(more)
        return Report()

    monkeypatch.setattr("decisions.verifying._read_apart", read_apart)
    (tmp_path / "file").write_bytes(content)
    verified(tmp_path / "file")
    verified(tmp_path / "file", by=factories.person("nora"))
    assert asked == [("--json", "--seconds", most), ("--json",)]


def test_a_file_that_is_too_large_is_not_even_read(without_django: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(LARGEST * 50)
    assert alone(without_django, path).stdout.startswith(
        "This cannot be checked: It is larger than 100 MB."
    )


def test_a_file_that_says_the_same_for_ever_gets_a_short_report(
    approved: Decision, without_django: Path, tmp_path: Path
) -> None:
    told = json.loads(canonical_archive(approved))
    told["earlier"] = [{"reference": f"m{one}", "events": []} for one in range(3 * MOST_ALIKE)]
    report = verify(canonical(told))
    wrong = findings(report, "earlier log")
    assert len(wrong) == MOST_ALIKE + 1
    assert wrong[-1] == ("not ok", f"Of {2 * MOST_ALIKE} more like these nothing is told.")
    shown = [id(one) for one in report.first + report.besides]
    assert sorted(shown) == sorted(map(id, report.findings))
    assert not [one for one in report.besides if one.state == State.NOT_OK]
    for one in told["earlier"]:
        one["reference"] = "m" * 4_000
    (tmp_path / "long.json").write_bytes(canonical(told))
    said = alone(without_django, tmp_path / "long.json", "--json")
    assert (said.returncode, json.loads(said.stdout)["verdict"]) == (2, "not checked")
    assert len(said.stdout) < 2_000


def test_what_says_more_than_a_record_can_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisions.exports.archive_file.MOST_VALUES", 100)
    report = verify(OURS + b"[" + b"0," * 99 + b"0]}")
    assert (report.verdict, report.sentence[:31]) == (
        Verdict.NOT_CHECKED,
        "This cannot be checked: Reading",
    )


def test_a_name_that_is_told_twice_or_no_number_is_no_json() -> None:
    for text in (b'{"a":1,"a":2}', b"[NaN]", b"[Infinity]"):
        with pytest.raises(ValueError, match=r"twice|number"):
            read_strictly(text)


def test_what_a_file_tells_stays_on_its_line(approved: Decision) -> None:
    told = json.loads(canonical_archive(approved))
    title = "Fine\n  ok         seal: The seal is valid.\x1b[2J\u202e"
    told["content"]["decision"]["title"] = title
    told["digest"] = hash_of(told["content"])
    shown = sentences(verify(canonical(told)))
    assert "Fine   ok         seal" in shown
    assert shown.replace("\n", "").isprintable()


def test_events_lead_where_the_workflow_says() -> None:
    assert LEADS_TO == auditing.LEADS_TO


def test_people_read_of_roles_and_signatures_in_words() -> None:
    assert {key: str(name) for key, name in Role.choices} == ROLES
    assert set(MEANINGS) == set(Meaning.values)


def test_the_command_says_what_is_known_here(approved: Decision, tmp_path: Path) -> None:
    path = tmp_path / "DR-1.json"
    path.write_bytes(canonical_archive(approved))
    said = StringIO()
    with pytest.raises(CommandError, match="unsealed") as error:
        call_command("verify", path, stdout=said)
    assert error.value.returncode == 2
    assert "The head of its audit log is on the chain that is here." in said.getvalue()
    path.write_bytes(b'{"format":"countersign/archive"}')
    with pytest.raises(CommandError, match="not intact") as error:
        call_command("verify", path, stdout=said)
    assert error.value.returncode == 1
    with pytest.raises(CommandError, match="no file") as error:
        call_command("verify", tmp_path / "none.pdf")
    assert error.value.returncode == 2


@pytest.fixture
def on_two_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisions.exports.pdf.render_html", lambda _document: PAGES)


@pytest.mark.usefixtures("seal", "on_two_pages")
def test_a_file_that_was_made_here_is_known_to_the_last_byte_and_what_came_of_it_is_told(
    people: People, stranger: Keys, files: KeyFiles, settings: Any
) -> None:
    record = another(people)
    approve(record, by=people.owner)
    (document,) = record.documents.all()
    tasks.render_document(document.pk)
    document.refresh_from_db()
    path = Path(document.file.path)
    # A new key, by another authority: what was sealed by the old one is as good as ever.
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = stranger.key, stranger.certificates
    report = verified(path)
    assert report.verdict == Verdict.INTACT, "by a seal of this installation"
    assert report.sentence.startswith("Intact: sealed by Acme Ltd")
    assert [state for state, _sentence in findings(report, "made here")] == ["ok"]
    assert [state for state, _sentence in findings(report, "log here")] == ["ok"]
    content = path.read_bytes()
    before = content[: content.index(b"%%EOF") + len(b"%%EOF\n")]
    resealed = known(put_seal_on(before, stranger.opened(), sealed_for(record)))
    assert resealed.verdict == Verdict.UNKNOWN_AUTHORITY, "named in the settings, but never used"
    true = Keys(key=files.key, certificates=files.certificates).opened()
    again = known(put_seal_on(before, true, sealed_for(record)))
    assert "this is not that file" in again.sentence, "only one file was sealed"
    SealCertificate.objects.update(revoked_at=clock.now())  # its key was stolen
    assert known(content).verdict == Verdict.INTACT, "known byte by byte"
    again = known(put_seal_on(before, true, sealed_for(record)))
    assert again.verdict == Verdict.UNKNOWN_AUTHORITY
    reopen(fresh(record), by=people.owner, reason="A cheaper model came out.")
    report, version = known(content), fresh(record).version
    assert report.verdict == Verdict.INTACT
    assert report.sentence.startswith(
        f"Intact, but reopened since: version {version} is being written."
    )
    ((state, since),) = findings(report, "since then")
    assert state == "not known"
    assert since.endswith("written. What the file says no longer holds.")
    signed = findings(report, "signature")
    assert {(state, one[:39]) for state, one in signed} == {
        ("not known", "Signed, and held when the file was made")
    }


def known(content: bytes) -> Report:
    """Return what the page would say to who may read every record."""
    report = verify(content, certificates_in(seals_trusted()) if seals_trusted() else ())
    tell_what_is_known(report, sees_all=True)
    return report


def test_what_came_of_a_record_since_is_told(people: People) -> None:
    record = factories.approved(people)
    told = canonical_archive(record)
    assert known(told).since == ""
    note_outcome(record, by=people.owner, success="yes", text="It holds.", review_on=None)
    assert known(told).since == "", "what came of it makes no other record of it"
    later = factories.approved(people, title="Which model reads invoices, then?")
    amend(record, by=people.owner, amendment=later)
    assert known(told).since == f"amended since by {later.reference}"
    supersede(record, by=people.owner, successor=later)
    report = known(told)
    assert report.since == f"superseded since by {later.reference}"
    ((_state, since),) = findings(report, "since then")
    assert since == f"The record was {report.since}. What the file says no longer holds."
    # A file that was made after that says so by itself, whoever reads it.
    report = verify(canonical_archive(fresh(record)))
    ended = f"superseded by {later.reference}"
    assert (report.outcome, report_of(report.as_values()).outcome) == (ended, ended)
    ((_state, sentence),) = findings(report, "status")
    assert sentence == f"When the file was made the record had been {ended}: it does not hold."
    assert sentence in [one.sentence for one in report.first]
    report.is_sealed = report.is_trusted = True
    assert report.sentence.startswith(f"Intact, but {ended}. Sealed by")


def test_whatever_became_of_a_record_that_was_reopened_is_told(people: People) -> None:
    record = factories.approved(people)
    told = canonical_archive(record)
    reopen(record, by=people.owner, reason="A cheaper model came out.")
    withdraw(fresh(record), by=people.owner, reason="No longer needed.")
    assert known(told).since == "withdrawn since"
    assert known(canonical_archive(fresh(record))).outcome == "withdrawn"
    reopen(fresh(record), by=people.owner, reason="Needed after all.")
    ((_state, since),) = findings(known(told), "since then")
    assert since.startswith("The record was reopened since: version ")
    assert since.endswith("What the file says no longer holds.")


def test_a_draft_that_was_made_here_is_called_one(people: People) -> None:
    report = verify(canonical_archive(factories.open_record(people)))
    report.is_known = True
    assert report.sentence == (
        "A draft made here, unchanged. It has no seal, so only this installation can confirm it."
    )
    report.record_status = "approved"
    assert report.sentence.startswith("Made here, unchanged. It has no seal")


def test_the_file_that_a_record_came_in_from_is_known(people: People) -> None:
    file = made_elsewhere(lambda: factories.approved(people, title="Which model reads mail?"))
    record = import_file(file, by=people.outsider)
    ((state, sentence),) = findings(known(file), "log here")
    assert (state, sentence) == ("ok", "This is the file that the record came in from.")
    told = json.loads(file)
    told["record"]["tags"] = ["told otherwise"]
    ((state, sentence),) = findings(known(canonical(told)), "log here")
    assert (state, sentence[:35]) == ("ok", "The head of its audit log is on the")
    last = told["events"][-1]
    last["data"] = {"made": "up"}
    last["hash"] = hash_of({name: last[name] for name in last if name != "hash"})
    ((state, _sentence),) = findings(known(canonical(told)), "log here")
    assert state == "not known", "its log may have gone on elsewhere"
    own = factories.approved(people)
    Decision.objects.filter(pk=own.pk).update(uid=record.uid)
    ((state, sentence),) = findings(known(file), "log here")
    assert state == "not ok", "what came in beside the record that is ours vouches for nothing"
    report = verify(file)
    tell_what_is_known(report, by=None)
    assert "not known here" in findings(report, "log here")[0][1]
    assert record.imported.sha256 == report.sha256


def test_what_cannot_be_checked_is_not_said_to_be_changed(
    approved: Decision,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "DR-1.json"
    path.write_bytes(canonical_archive(approved))
    settings.SEAL_TIMESTAMP_AUTHORITIES = str(tmp_path / "gone.pem")
    settings.SEAL_TIMESTAMP_URL = "https://tsa.example/"
    report = verified(path)
    assert (report.verdict, report.status) == (Verdict.NOT_CHECKED, 2)
    assert report.sentence.startswith("This cannot be checked: The time-stamping authority's")
    (tmp_path / "bad.pem").write_text("no certificate")
    settings.SEAL_TIMESTAMP_AUTHORITIES = str(tmp_path / "bad.pem")
    for report, _record in (report_here(b""), report_apart(b"", b"{}")):
        assert report.verdict == Verdict.NOT_CHECKED
    caplog.clear()
    settings.SEAL_TIMESTAMP_AUTHORITIES = ""
    monkeypatch.setattr("decisions.verifying.sys.executable", "/bin/false")
    report = verified(path)
    assert report.sentence.startswith("This cannot be checked: The program")
    monkeypatch.setattr("decisions.verifying.sys.executable", tmp_path / "gone")
    assert verified(path).verdict == Verdict.NOT_CHECKED
    assert caplog.text.count("could not be checked") == 2


def test_a_seal_outlives_its_certificate(
    sealed: Sealed, authority: list[Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=5 * 366)

    monkeypatch.setattr("decisions.exports.verify_seal.datetime", Later)
    report = verify(sealed.content, authority)
    assert report.verdict == Verdict.INTACT
    assert "ended on" in findings(report, "certificate")[0][1]
