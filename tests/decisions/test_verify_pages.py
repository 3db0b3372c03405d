"""The page that checks a document: open to everybody, telling no more than they may know."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from decisions.addresses import network_of
from decisions.audit_check import canonical, hash_of
from decisions.exports.archive import archive, canonical_archive
from decisions.forms.verifying import too_many
from decisions.models import Decision, Document, SealCertificate, User, Visibility
from decisions.throttle import FILES, Purpose, Visitor, may_check, minutes_to_wait, turn_to_check
from decisions.views.shared import BESIDE_FILE
from tests.factories import People, fresh

SignIn = Callable[[User], Client]
MOST = FILES[Purpose.VERIFY]


def turn(visitor: Visitor, purpose: Purpose = Purpose.VERIFY) -> AbstractContextManager[bool]:
    return turn_to_check(purpose, visitor)


def sent(client: Client, content: bytes, name: str = "DR-1.json") -> str:
    """Return the page after a file was sent to it."""
    answer = client.post("/verify/", {"document": SimpleUploadedFile(name, content)})
    assert answer.status_code == 200
    return answer.content.decode()


def knock(client: Client, **where: Any) -> Any:
    """Send a form that counts as a file, and has no document in it to take time."""
    told = {"another": SimpleUploadedFile("large", bytes(BESIDE_FILE + 1))}
    return client.post("/verify/", told, **where)


def forked(record: Decision) -> bytes:
    """Return an archive whose log ends otherwise than the one here, with hashes that fit."""
    told = archive(record)
    last = told["events"][-1]
    del last["hash"]
    last["data"] = {"made": "up"}
    last["hash"] = hash_of(last)
    return canonical(told)


def test_a_visitor_gets_the_verdict_first_and_nothing_is_kept(
    approved: Decision, client: Client
) -> None:
    assert client.get("/verify/").status_code == 200
    html = sent(client, canonical_archive(approved))
    verdict = html.index("There is no seal: nothing vouches for this file")
    rest = html.index("What else was looked at")
    assert verdict < html.index("Signed, and holds: Bruno Costa") < rest
    assert rest < html.index("Audit log:"), "what was looked at is named"
    assert "The head of its audit log is on the chain that is here." in html
    assert not approved.documents.exists()
    assert not client.cookies.get("sessionid")


def test_a_visitor_is_not_told_whether_there_is_such_a_record(
    approved: Decision, people: People, client: Client, sign_in: SignIn
) -> None:
    Decision.objects.update(visibility=Visibility.PARTICIPANTS)
    content = forked(fresh(approved))
    for stranger in (client, sign_in(people.outsider)):
        html = sent(stranger, content)
        assert "The head of its audit log is not known here." in html
        assert "of this record here" not in html
    assert "not on the chain of this record here" in sent(sign_in(people.owner), content)


def test_who_sent_nothing_or_an_empty_file_is_told_so(client: Client, db: None) -> None:
    answer = client.post("/verify/", {})
    assert answer.status_code == 422
    assert "Choose a file." in answer.content.decode()
    assert "This cannot be checked: The file is empty." in sent(client, b"", "empty.pdf")


def test_what_was_made_here_says_so_first_where_it_cannot_be_checked(
    approved: Decision, client: Client
) -> None:
    Document.objects.create(
        decision=approved,
        format="html",
        file="documents/DR-1.html",
        state="ready",
        version=approved.version,
        is_draft=False,
        requested_by=approved.owner,
        sha256=hashlib.sha256(b"<p>").hexdigest(),
    )
    html = sent(client, b"<p>", "DR-1.html")
    assert "Made here, byte by byte; nothing else of it can be checked: It is neither" in html
    assert "Not intact" not in html


def unpacked_program(
    folder: Path, file: str, *, without_packages: bool = False
) -> subprocess.CompletedProcess[str]:
    """Check a file with the program that was unpacked there."""
    bare = ["-S"] if without_packages else []
    return subprocess.run(
        [sys.executable, *bare, "-m", "decisions.exports.verify", file],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_everybody_gets_the_certificates_and_the_program(
    client: Client, db: None, tmp_path: Path
) -> None:
    assert client.get("/verify/seals.pem").status_code == 404
    html = client.get("/verify/").content.decode()
    assert 'href="/verify/seals.pem"' not in html, "nothing was sealed here"
    assert "--ca seals.pem" in html
    SealCertificate.objects.create(sha256="0" * 64, pem="-----BEGIN CERTIFICATE-----\n")
    assert client.get("/verify/seals.pem").content == b"-----BEGIN CERTIFICATE-----\n"
    html = client.get("/verify/").content.decode()
    assert 'href="/verify/seals.pem"' in html
    assert 'href="/verify/program.zip"' in html
    ZipFile(BytesIO(client.get("/verify/program.zip").content)).extractall(tmp_path)
    (tmp_path / "empty.pdf").write_bytes(b"")
    said = unpacked_program(tmp_path, "empty.pdf")
    assert (said.returncode, said.stderr) == (2, "")
    assert said.stdout.startswith("This cannot be checked: The file is empty.")
    named = [one.split("==")[0] for one in (tmp_path / "requirements.txt").read_text().split()]
    assert {"pyhanko", "asn1crypto", "cryptography", "rfc8785"} <= set(named), "all it imports"
    bare = unpacked_program(tmp_path, "empty.pdf", without_packages=True)
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr.startswith("The program needs packages that are not here, asn1crypto among")
    assert f'-m pip install -r "{tmp_path / "requirements.txt"}"' in bare.stderr


def test_a_file_that_is_too_large_is_refused_unread(client: Client, db: None) -> None:
    answer = client.post("/verify/", b"x", "multipart/form-data", CONTENT_LENGTH="200000000")
    assert answer.status_code == 413
    assert "larger than 100 MB" in answer.content.decode()


def test_one_visitor_has_so_many_files_checked_and_no_more(client: Client, db: None) -> None:
    hint = client.get("/verify/").content.decode()
    assert f"{MOST} files in 15 minutes; for more, take the program below." in hint
    assert [client.post("/verify/", {}).status_code for _time in range(MOST)] == [422] * MOST
    answers = [knock(client).status_code for _time in range(MOST)]
    assert answers == [422] * MOST, "a form without a file has cost nothing"
    small = client.post("/verify/", {"document": SimpleUploadedFile("x", b"x")})
    for refused in (knock(client), small):
        assert refused.status_code == 429
        assert "Try again in 15 minutes, or take the program below" in refused.content.decode()
    assert "Choose a file." in client.post("/verify/", {}).content.decode()
    assert knock(client, REMOTE_ADDR="192.0.2.7").status_code == 422


def test_who_comes_too_soon_is_told_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, moments = Visitor("x"), iter([1000.0, 1000.0 + 14 * 60 + 5, 9999.0])
    monkeypatch.setattr("decisions.throttle.time", lambda: next(moments))
    assert may_check(Purpose.VERIFY, visitor)
    assert [minutes_to_wait(Purpose.VERIFY, visitor) for _time in range(2)] == [1, 1]
    assert "in 1 minute, or" in too_many(1)


def test_a_line_of_ipv6_is_one_visitor_whatever_address_it_takes(
    client: Client, db: None, rf: RequestFactory
) -> None:
    places = ["2001:db8:1:2::7", "2001:db8:1:2:ffff::1", "2001:db8:1:3::7", "::ffff:192.0.2.7", ""]
    told = [network_of(rf.get("/", REMOTE_ADDR=one)) for one in places]
    assert told == ["2001:db8:1:2::/64"] * 2 + ["2001:db8:1:3::/64", "192.0.2.7", ""]
    for number in range(MOST + 1):
        last = knock(client, REMOTE_ADDR=f"2001:db8:1:2::{number}")
    assert last.status_code == 429


def test_behind_a_proxy_each_visitor_is_counted_by_themselves(
    client: Client, db: None, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(MOST + 1):
        told = f"198.51.100.{number}, 192.0.2.7"
        last = knock(client, HTTP_X_FORWARDED_FOR=told)
    assert last.status_code == 429, "what the visitor wrote in front does not count"
    told = "192.0.2.7, 192.0.2.8"
    assert knock(client, HTTP_X_FORWARDED_FOR=told).status_code == 422
    settings.TRUSTED_PROXIES = 0
    assert knock(client, HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 422


def test_a_few_files_are_checked_at_once_and_no_more(client: Client, db: None) -> None:
    a, b, c = (Visitor(one, is_signed_in=True) for one in "abc")
    with turn(a) as one, turn(b) as two, turn(c) as third:
        assert (one, two, third) == (True, True, False)
        answer = client.post("/verify/", {"document": SimpleUploadedFile("x", b"x")})
        assert answer.status_code == 503
        assert "Try again in a minute." in answer.content.decode()
    with turn(a) as one, turn(a, Purpose.BRING_IN) as again, turn(b) as other:
        assert (one, again, other) == (True, False, True), "one visitor has one turn"
    assert "neither a sealed PDF nor an archive" in sent(client, b"x")


def test_strangers_leave_a_turn_for_people_who_are_signed_in() -> None:
    uma = Visitor("uma", is_signed_in=True)
    with turn(Visitor("x")) as first, turn(Visitor("y")) as second, turn(uma) as hers:
        assert (first, second, hers) == (True, False, True)
    with turn(uma), turn(Visitor("x")) as first:
        assert first, "hers is not the one that is for anybody"


def test_a_turn_that_ended_by_itself_is_not_given_back_a_second_time() -> None:
    x, y, z = (Visitor(one) for one in "xyz")
    with turn(y) as waited:
        assert waited
    with turn(x):
        cache.clear()  # as after 120 seconds
        others = turn(y)
        assert others.__enter__()
    with turn(z) as free:
        assert not free, "the first is another's by now"
    others.__exit__(None, None, None)
    with turn(z) as free:
        assert free


def test_a_file_that_takes_long_counts_as_many(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 60.0])
    monkeypatch.setattr("decisions.throttle.monotonic", lambda: next(clock))
    with turn(Visitor("network 127.0.0.1")):
        pass
    answers = [knock(client).status_code for _time in range(MOST)]
    assert answers == [422] * (MOST - 12) + [429] * 12


def test_a_form_from_elsewhere_is_refused(db: None) -> None:
    assert Client(enforce_csrf_checks=True).post("/verify/", {}).status_code == 403


@pytest.mark.parametrize("address", ["/verify/", "/sign-in/"])
def test_every_page_leads_there(address: str, client: Client, db: None) -> None:
    assert 'href="/verify/"' in client.get(address).content.decode()
