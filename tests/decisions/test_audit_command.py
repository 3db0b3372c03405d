"""`manage.py verify_audit`: what it finds beyond the chain, what it prints, how it ends."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from decisions import auditing
from decisions.actions.delegation import accept_delegation, delegate
from decisions.actions.documents import request_document
from decisions.actions.lifecycle import reopen
from decisions.actions.records import edit_details
from decisions.actions.review import Remark, open_thread
from decisions.actions.rows import edit_goal
from decisions.actions.signing import sign_off
from decisions.anchors import read_anchors, write_anchor
from decisions.audit import append_event, event_hash
from decisions.audit_check import Head
from decisions.auditing import Report, verify_log
from decisions.models import Decision, Document, Event, Goal, SignOff, User, Version
from decisions.tasks import render_document
from tests import factories
from tests.append_only import triggers_away
from tests.factories import People


def findings(**asked: Any) -> list[str]:
    """Return what a check of everything finds, each as a line."""
    return [f"{one.record}: {one.sentence}" for one in verify_log(**asked).findings]


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """Let the test change what the database would refuse to change; put it back at the end."""
    with triggers_away():
        yield


@pytest.fixture
def tampered(db: None) -> Callable[[Callable[[], Any]], list[str]]:
    """Return what is found after a change that went past the triggers."""

    def found(change: Callable[[], Any]) -> list[str]:
        with triggers_away():
            change()
        return findings()

    return found


def run(*arguments: str) -> tuple[str, str]:
    """Return what the command prints, and how it complains ("" if it does not)."""
    out, complaint = StringIO(), ""
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except CommandError as error:
        complaint = str(error)
    return out.getvalue(), complaint


def delegated(people: People) -> Decision:
    """Return a record that someone signed in another's place, reopened and reviewed anew."""
    record = factories.in_review(people)
    lent = delegate(record, by=people.ux, taker=people.outsider)
    accept_delegation(lent, by=people.outsider)
    digest = factories.fresh(record).digest
    sign_off(
        record,
        by=people.outsider,
        signed_for=people.ux,
        role="ux",
        digest=digest,
        meaning="approve_with_reservation",
        text="Only for a year.",
    )
    factories.sign(record, people.devops, "devops")
    reopen(record, by=people.owner, reason="A new price list.")
    return factories.fresh(record)


def test_every_way_through_a_record_s_life_holds(people: People) -> None:
    for status in factories.WALKS:
        factories.record_in(status, people)
    record = delegated(people)
    open_thread(record, by=people.ux, remark=Remark("Why?"))
    report = verify_log()
    assert report.findings == []
    assert (report.records, report.events) == (Decision.objects.count(), Event.objects.count())


def test_an_empty_installation_holds(db: None) -> None:
    assert verify_log() == Report()


SIGNATURE_FIELDS: dict[str, Any] = {
    "is_imported": True,
    "user": lambda people: people.business,
    "signed_for": lambda people: people.business,
    "printed_name": "Someone Else",
    "printed_for": "Someone Else",
    "role": "business",
    "meaning": "reject",
    "text": "Only for two years.",
    "digest": "0" * 64,
    "version": F("version") - 1,
    "round": F("round") + 1,
    "policy": {"signing_roles": []},
    "method": "none",
    "time_zone": "Asia/Tokyo",
    "signed_at": datetime(2020, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("name", SIGNATURE_FIELDS)
def test_a_signature_changed_in_any_field_is_named_by_its_event(
    name: str, people: People, tampered: Any
) -> None:
    record = delegated(people)
    value = SIGNATURE_FIELDS[name]
    one = record.sign_offs.filter(role="ux")
    found = tampered(lambda: one.update(**{name: value(people) if callable(value) else value}))
    number = record.events.filter(kind="sign").first().sequence
    assert found == [
        f"{record.reference}: event {number} says that Xaver Outis signed, "
        "but that signature is gone or was changed"
    ]


def test_a_signature_given_to_another_delegation_is_named(people: People, tampered: Any) -> None:
    record = delegated(people)
    other = delegate(factories.in_review(people), by=people.ux, taker=people.outsider)
    change = record.sign_offs.filter(role="ux").update
    assert len(tampered(lambda: change(delegation=other))) == 1


def test_every_field_of_a_signature_is_covered() -> None:
    fields = {field.name for field in SignOff._meta.concrete_fields}
    assert fields == {*SIGNATURE_FIELDS, "id", "decision", "delegation"}


def test_a_signature_that_is_gone_is_named_by_its_event(approved: Decision, tampered: Any) -> None:
    found = tampered(lambda: approved.sign_offs.filter(role="devops").delete())
    assert len(found) == 1
    assert "says that Devi Menon signed, but that signature is gone" in found[0]


def test_a_signature_that_no_event_tells_of_is_named(in_review: Decision, people: People) -> None:
    SignOff.objects.create(
        decision=in_review,
        user=people.ux,
        role="ux",
        printed_name=str(people.ux),
        meaning="approve",
        digest=in_review.digest,
        version=in_review.version,
        round=1,
        time_zone="UTC",
    )
    assert findings() == ["DR-1: no event tells of the signature of Uma Lindqvist for ux (approve)"]


def test_an_older_event_without_the_signature_s_digest_still_backs_it(
    signed: Decision, tampered: Any
) -> None:
    def as_before() -> None:
        """Write the log as earlier versions of the program did."""
        previous = ""
        for event in signed.events.order_by("sequence"):
            event.data.pop("signature", None)
            event.previous_hash = previous or event.previous_hash
            previous = event.hash = event_hash(event)
            event.save()

    assert tampered(as_before) == []
    assert (
        len(tampered(lambda: signed.sign_offs.filter(role="ux").update(meaning="reject", text="x")))
        == 1
    )


VERSION_CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "content": (
        lambda rows: rows.filter(number=2).update(content={"decision": {"title": "Other"}}),
        "version 2 was changed: its digest does not fit its content",
    ),
    "digest": (
        lambda rows: rows.filter(number=2).update(digest="0" * 64),
        "version 2 was changed: its digest does not fit its content",
    ),
    "number": (
        lambda rows: rows.filter(number=2).update(number=99),
        "the versions are not numbered one after another: version 3",
    ),
    "step": (
        lambda rows: rows.filter(number=2).update(step=2),
        "the versions are not numbered one after another: version 2, step 2",
    ),
    "gone": (
        lambda rows: rows.filter(number=2).delete(),
        "the versions are not numbered one after another: version 3",
    ),
    "by": (
        lambda rows: rows.filter(number=2).update(by=User.objects.get(username="xaver")),
        "the version that event 6 made is gone or was changed",
    ),
    "last gone": (
        lambda rows: rows.filter(number=3).delete(),
        "the version that event 7 made is gone or was changed",
    ),
}


@pytest.mark.parametrize("change", VERSION_CHANGES)
def test_a_changed_version_is_named(
    change: str, draft: Decision, people: People, tampered: Any
) -> None:
    for title in ("Second", "Third"):
        edit_details(draft, by=people.owner, title=title)
    do, sentence = VERSION_CHANGES[change]
    assert f"DR-1: {sentence}" in tampered(lambda: do(draft.versions.all()))


def test_a_version_that_no_event_made_is_named(draft: Decision, people: People) -> None:
    one = draft.versions.get()
    Version.objects.create(
        decision=draft,
        number=1,
        step=2,
        digest=one.digest,
        content=one.content,
        at=one.at,
        by=people.ux,
    )
    assert findings() == [f"DR-1: no event made the version with the digest {one.digest}"]


def test_content_with_numbers_beyond_integers_has_the_same_digest_on_every_database(
    draft: Decision, people: People
) -> None:
    _quality, goal = factories.add_goals(draft, people)  # latency has no upper end
    for target in (1e21, 2.0**60, 1e-9, 1e308):
        goal.refresh_from_db()
        edit_goal(goal, by=people.owner, token=goal.token, target=target, worst_acceptable=None)
    assert findings() == []


OUTSIDE: dict[str, tuple[Callable[[Decision], Any], str]] = {
    "a goal": (
        lambda record: Goal.objects.filter(decision=record).update(target=1.0),
        "the record was changed outside the app: its parts no longer say what was logged",
    ),
    "the title": (
        lambda record: Decision.objects.filter(pk=record.pk).update(title="Other"),
        "the record was changed outside the app: its parts no longer say what was logged",
    ),
    "the digest": (
        lambda record: Decision.objects.filter(pk=record.pk).update(digest="0" * 64),
        "the digest in the record's row is not the one that its last event left",
    ),
    "the status": (
        lambda record: Decision.objects.filter(pk=record.pk).update(status="approved"),
        "the record's status is “approved”, but its log leads to “in_review”",
    ),
    "the version": (
        lambda record: Decision.objects.filter(pk=record.pk).update(version=99),
        "the record says version 99, but the last one is {version}",
    ),
}


@pytest.mark.parametrize("change", OUTSIDE)
def test_a_record_changed_outside_the_app_is_named(change: str, in_review: Decision) -> None:
    do, sentence = OUTSIDE[change]
    do(in_review)
    assert findings() == [f"DR-1: {sentence.format(version=in_review.version)}"]


def test_a_forged_event_at_the_end_shows_where_it_tells_of_what_is_not_there(
    in_review: Decision, people: People
) -> None:
    last = in_review.events.last()
    forged = Event(
        decision=in_review,
        sequence=last.sequence + 1,
        kind="approve",
        at=last.at,
        actor=people.owner,
        actor_name="Olivia Brandt",
        data={},
        digest_before=last.digest_before,
        digest_after="0" * 64,
        previous_hash=last.hash,
    )
    forged.hash = event_hash(forged)
    forged.save()
    found = " ".join(findings())
    assert f"the version that event {forged.sequence} made is gone" in found
    assert "the record's status is “in_review”, but its log leads to “approved”" in found


def test_an_event_that_starts_from_another_content_is_named(
    draft: Decision, people: People
) -> None:
    append_event(draft, "comment", by=people.ux, data={}, before="0" * 64, after="0" * 64)
    assert findings()[0] == (
        "DR-1: event 6 starts from another content than the event before it left"
    )


def test_a_whole_record_that_is_gone_is_named_by_its_anchor(draft: Decision) -> None:
    write_anchor()
    name = read_anchors().newest.removesuffix(".json")
    with triggers_away(), transaction.atomic():
        draft.events.all().delete()
        draft.versions.all().delete()
        draft.delete()
    told = f"DR-1: the record and its whole log are gone; anchor {name} saw 5 events"
    assert findings() == [told]
    out, complaint = run("DR-1")
    assert told in out
    assert complaint


def test_a_record_without_any_log_is_named(draft: Decision, tampered: Any) -> None:
    assert tampered(lambda: draft.events.all().delete()) == ["DR-1: the record has no log at all"]
    write_anchor()
    assert len(findings()) == 1


def test_a_lost_end_shows_against_the_head_in_a_document(
    approved: Decision, people: People, tampered: Any
) -> None:
    document = request_document(approved, by=people.owner)
    last = approved.events.last()
    Document.objects.filter(pk=document.pk).update(
        state="ready",
        file="x.pdf",
        head_sequence=last.sequence,
        head_hash=last.hash,
        finished_at=last.at,
    )
    assert findings() == []
    assert verify_log().documents == 1
    found = tampered(lambda: approved.events.filter(sequence=last.sequence).delete())
    assert found == [
        f"DR-1: the log ends at event {last.sequence - 1}, but the document "
        f"DR-1-v{approved.version}.pdf of {last.at.date()} saw event {last.sequence}"
    ]


def test_a_row_that_cannot_even_be_read_is_named(draft: Decision, unguarded: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps a column's type")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE decisions_event SET at = 'yesterday' WHERE sequence = 3")
    found = [one for one in findings() if one.startswith("DR-1")]
    assert found == [
        "DR-1: event 3 is no line of this log: it was changed, or taken from elsewhere"
    ]


def test_it_reads_again_what_was_written_to_meanwhile(
    draft: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked, real = [], auditing.content

    def content_after_an_edit(record: Decision) -> dict[str, Any]:
        walked.append(record.digest)
        if len(walked) == 1:
            edit_details(draft, by=people.owner, title="While it was being checked")
            return real(Decision.objects.get(pk=record.pk))
        return real(record)

    monkeypatch.setattr(auditing, "content", content_after_an_edit)
    assert findings() == []
    assert len(walked) == 2


def test_it_says_in_words_how_much_was_checked(draft: Decision) -> None:
    write_anchor()
    out, complaint = run()
    assert complaint == ""
    assert out.startswith(
        "1 record with 5 events, checked against 1 anchor and 0 documents: everything holds.\n"
        "Newest anchor: 000001-"
    )


def test_without_an_anchor_it_says_what_might_not_show(draft: Decision) -> None:
    out, complaint = run()
    assert "No anchor was written yet: the loss of the newest events might not show." in out
    assert complaint == ""


def test_it_names_the_first_broken_link_and_ends_with_an_error(
    draft: Decision, people: People, tampered: Any
) -> None:
    tampered(lambda: draft.events.filter(sequence__in=[3, 4]).update(actor_name="Someone"))
    out, complaint = run()
    assert out.splitlines()[:2] == [
        "DR-1: event 3 was changed: its hash does not fit what it says.",
        "1 record with 5 events, checked against 0 anchors and 0 documents: 1 thing does not hold.",
    ]
    assert complaint == "The audit log does not hold."


def test_json_is_one_object_and_nothing_else(draft: Decision, tampered: Any) -> None:
    out, _complaint = run("--json")
    told = json.loads(out)
    assert told.pop("seconds") >= 0
    assert told == {
        "holds": True,
        "records": 1,
        "events": 5,
        "documents": 0,
        "anchors": 0,
        "newest_anchor": "",
        "findings": [],
    }
    tampered(lambda: draft.events.filter(sequence=2).delete())
    out, complaint = run("--json")
    assert json.loads(out)["findings"] == [
        {
            "record": "DR-1",
            "sequence": 2,
            "fault": "missing",
            "sentence": "event 2 is missing; the log goes on with event 3",
        }
    ]
    assert complaint


def test_it_checks_only_the_records_named(people: People, tampered: Any) -> None:
    first, second = factories.open_record(people), factories.open_record(people)
    tampered(lambda: second.events.filter(sequence=2).update(kind="other"))
    assert run(first.reference)[1] == ""
    assert run(second.reference.lower())[1] == "The audit log does not hold."
    assert "2 records" in run(first.reference, second.reference)[0]


@pytest.mark.parametrize("reference", ["DR-9", "nonsense", "DR-0"])
def test_an_unknown_record_is_an_error(reference: str, draft: Decision) -> None:
    assert run(reference) == ("", f"There is no decision {reference.upper()}.")


def test_a_printed_head_can_be_checked_by_hand(draft: Decision, people: People) -> None:
    last = draft.events.last()
    edit_details(draft, by=people.owner, title="Later")
    assert run("DR-1", "--head", f"{last.sequence}:{last.hash}")[1] == ""
    assert run("DR-1", "--head", f"{last.sequence}:{last.hash.upper()}")[1] == ""
    out, complaint = run("DR-1", "--head", f"{last.sequence}:{'0' * 64}")
    assert "event 5 is not the one that the page in your hands saw" in out
    assert complaint
    assert "saw event 77" in run("DR-1", "--head", f"77:{last.hash}")[0]


def test_a_printed_head_belongs_to_one_record(draft: Decision) -> None:
    assert run("--head", f"1:{'0' * 64}")[1].startswith("--head needs the one record")
    with pytest.raises(CommandError, match="must be the number and the hash"):
        call_command("verify_audit", "DR-1", "--head", "5")


def test_an_anchor_is_written_on_request_and_only_if_all_holds(
    draft: Decision, tampered: Any
) -> None:
    out, _complaint = run("--anchor")
    assert "Written: 000001-" in out
    assert json.loads(run("--anchor", "--json")[0])["written"].startswith("000002-")
    tampered(lambda: draft.events.filter(sequence=5).delete())
    assert "Written" not in run("--anchor")[0]
    assert read_anchors().files == 2


def test_help_says_what_it_does_not_prove(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--help")
    assert "What this does not prove" in capsys.readouterr().out


def test_queries_do_not_grow_with_the_events_of_a_record(
    draft: Decision, people: People, django_assert_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as few:
        assert findings() == []
    for number in range(60):
        edit_details(draft, by=people.owner, title=f"Title {number}")
    first = Head(1, draft.events.get(sequence=1).hash)
    with django_assert_num_queries(len(few)):
        report = verify_log(heads=[first])
    assert (report.events, report.findings) == (65, [])


@pytest.mark.slow
def test_a_document_prints_and_keeps_the_head_it_was_made_at(
    approved: Decision, people: People, eager: None, tampered: Any
) -> None:
    document = request_document(approved, by=people.owner)
    render_document(document.pk)
    document.refresh_from_db()
    last = approved.events.last()
    assert (last.kind, last.sequence, last.hash) == (
        "export",
        document.head_sequence,
        document.head_hash,
    )
    with document.file.open() as file:
        text = "".join(page.extract_text() for page in PdfReader(file).pages)
    printed = f"--head{last.sequence}:{last.hash}"
    assert printed in "".join(text.split())
    assert findings() == []
    found = tampered(lambda: approved.events.filter(sequence=last.sequence).delete())
    assert "saw event" in found[0]
