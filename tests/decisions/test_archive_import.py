"""An archive comes in: with the digest it had, and with nobody said to have acted here."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth import authenticate
from django.db import transaction
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from decisions import audit_check
from decisions.actions.documents import request_document
from decisions.actions.importing import AlreadyHere, import_archive, import_file
from decisions.actions.lifecycle import approve, reopen, submit, supersede
from decisions.actions.records import invite, remove_participant
from decisions.actions.relations import amend, relate, unrelate
from decisions.actions.review import Remark, edit_comment, lift_review, send_review
from decisions.admin import PersonAdmin
from decisions.anchors import write_anchor
from decisions.auditing import verify_log
from decisions.blockers import blockers
from decisions.content import current_digest, digest
from decisions.exports.archive import canonical_archive
from decisions.exports.archive_file import MOST_VALUES, UnreadableError
from decisions.exports.archive_schema import archive_schema
from decisions.exports.document import TEMPLATE, record_document
from decisions.exports.madr import madr
from decisions.exports.verify_record import signature_in
from decisions.forms.records import AmendForm, SupersedeForm
from decisions.imports.archive import Coming
from decisions.imports.form import DEEPEST, check_form, parsed
from decisions.imports.reading import BadFile, read_file
from decisions.known_people import known_to
from decisions.models import (
    Comment,
    Decision,
    DecisionLink,
    Import,
    Mail,
    Notice,
    Participant,
    Review,
    Role,
    SignOff,
    Status,
    User,
)
from decisions.notify.telling import tell
from decisions.policies import Refused
from decisions.signatures import Signatures
from tests import factories
from tests.elsewhere import made_elsewhere, what_stays
from tests.factories import all_rows, fresh
from tests.rich_records import rich_record
from tests.small_pages import on_small_pages
from tests.threads import in_threads

SignIn = Callable[[User], Client]
Archive = dict[str, Any]

pytestmark = pytest.mark.django_db


@cache
def signed_elsewhere() -> bytes:
    return made_elsewhere(lambda: factories.signed(factories.people()))


@cache
def approved_elsewhere() -> bytes:
    return made_elsewhere(lambda: factories.approved(factories.people()))


@cache
def rich_elsewhere() -> tuple[bytes, bytes]:
    """Return a record with all that it can hold, with its attached files and without."""
    files: list[bytes] = []

    def make() -> Decision:
        record = rich_record(0)
        files.append(canonical_archive(record, with_files=True))
        return record

    return made_elsewhere(make), files[0]


def nora() -> User:
    return factories.person("nora", "Nora Import")


def written(archive: Archive) -> bytes:
    return audit_check.canonical(archive)


def with_log_anew(archive: Archive) -> Archive:
    """Return an archive whose log was made anew to fit: anybody can write such a file."""
    before = audit_check.GENESIS
    for line in archive["events"]:
        line["previous_hash"] = before
        told = {name: line[name] for name in line if name != "hash"}
        before = line["hash"] = audit_check.hash_of(told)
    return archive


def forged(archive: Archive, name: str) -> Archive:
    """Return an archive that says throughout that somebody else gave its first signature."""
    row = archive["sign_offs"][0]
    person = archive["people"][row["user"]]
    line = next(
        one
        for one in archive["events"]
        if one["kind"] == "sign" and one["data"]["role"] == row["role"]
    )
    person["name"] = row["printed_name"] = line["actor"] = name
    line["data"]["signature"] = signature_in(row, archive["people"]).whole
    return with_log_anew(archive)


def with_content_anew(archive: Archive) -> Archive:
    """Return an archive whose digests fit its content, as only who makes it all up can write it."""
    old, new = archive["digest"], digest(archive["content"])
    told: Archive = json.loads(json.dumps(archive).replace(old, new))
    for one in told["versions"]:
        if one["digest"] == new and "content" in one:
            one["content"] = told["content"]
    for row in told["sign_offs"]:
        line = next(
            one
            for one in told["events"]
            if one["kind"] == "sign" and one["data"]["role"] == row["role"]
        )
        line["data"]["signature"] = signature_in(row, told["people"]).whole
    return with_log_anew(told)


def page_of(client: Client, record: Decision) -> str:
    return client.get(record.get_absolute_url()).content.decode()


def printed(record: Decision) -> str:
    return render_to_string(TEMPLATE, {"document": record_document(record)})


def approved_here(record: Decision, by: User, **anew: str) -> Decision:
    """Have a draft reviewed, signed and approved by people of this place."""
    team = factories.people()
    for one in record.participants.all():
        remove_participant(record, by=by, participant=one)
    for role, user in team.signatories.items():
        invite(record, by=by, user=user, role=role, is_signatory=True)
    submit(record, by=by)
    for role, user in team.signatories.items():
        factories.sign(record, user, role)
    approve(record, by=by)
    return fresh(record)


# --- The record -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.DRAFT, Status.APPROVED, Status.WITHDRAWN])
def test_a_record_comes_in_with_its_digest_and_goes_out_saying_the_same(status: str) -> None:
    file = made_elsewhere(lambda: factories.record_in(status, factories.people()))
    record = import_file(file, by=nora())
    assert record.status == status
    assert current_digest(fresh(record)) == record.digest == parsed(file)["digest"]
    assert what_stays(canonical_archive(record)) == what_stays(file)
    assert verify_log().findings == []
    again = parsed(canonical_archive(record))
    assert again["earlier"][0]["events"] == parsed(file)["events"]
    assert [one["kind"] for one in again["events"]] == ["import"]


def test_the_log_here_begins_with_the_file_and_the_head_of_its_own_log() -> None:
    file = approved_elsewhere()
    record = import_file(file, by=nora())
    (event,) = record.events.all()
    assert (event.kind, event.actor_name) == ("import", "Nora Import")
    assert event.data["head"] == parsed(file)["events"][-1]["hash"]
    assert event.data["file"] == record.imported.sha256
    assert event.data["reference"] == record.imported.reference == "DR-1"


def test_the_history_tells_what_happened_before_as_the_files_word(sign_in: SignIn) -> None:
    told, by = parsed(approved_elsewhere()), nora()
    told["events"][1] |= {"kind": "review", "data": {"verdict": ["<b>"]}}
    record = import_file(written(with_log_anew(told)), by=by)
    client, address = sign_in(by), f"{record.get_absolute_url()}history/"
    html = client.get(address).content.decode()
    assert html.count('class="event event-told"') == len(told["events"])
    for said in (
        f"in which the record is DR-1, tells of {len(told['events'])} events.",
        "They are the file’s word",
        "(as imported)</b> approved the record",
        "(as imported)</b> signed for UX: I approve",
        "(as imported)</b> review",
        '<span class="soft">version 1</span>',
    ):
        assert said in html, said
    html = client.get(f"{address}?about=signatures").content.decode()
    assert html.count('class="event event-told"') == 4
    assert "Of the kind that is asked for it tells of 4." in html


def test_a_record_gets_a_number_of_its_own_here() -> None:
    file = approved_elsewhere()
    factories.open_record(factories.people(), title="One of ours")
    assert import_file(file, by=nora()).reference == "DR-2"


def test_importing_twice_is_refused_with_a_link_to_the_first() -> None:
    file, by = approved_elsewhere(), nora()
    record, before = import_file(file, by=by), all_rows()
    with pytest.raises(AlreadyHere, match="it is DR-1") as refused:
        import_file(file, by=by)
    assert refused.value.decision == record
    assert all_rows() == before


def test_what_one_may_not_read_keeps_nothing_out_and_is_not_told_of() -> None:
    file = approved_elsewhere()
    hidden = import_file(file, by=factories.person("sam"))
    record = import_file(file, by=nora())
    assert (record.uid, record.reference) == (hidden.uid, "DR-2")
    write_anchor()
    assert verify_log().findings == []


def test_a_record_that_was_made_up_under_a_known_uid_does_not_keep_the_real_one_out() -> None:
    told = parsed(approved_elsewhere())
    told["events"][0]["actor"] = "Eve"
    by = nora()
    import_file(written(with_log_anew(told)), by=by)
    record = import_file(approved_elsewhere(), by=by)
    assert record.reference == "DR-2"
    with pytest.raises(AlreadyHere, match="it is DR-2"):
        import_file(approved_elsewhere(), by=by)


@cache
def at_each_stage() -> dict[str, bytes]:
    """Return the archives of one record as it went on elsewhere."""
    files: dict[str, bytes] = {}

    def make() -> Decision:
        people = factories.people()
        record = factories.complete_draft(people)
        files["draft"] = canonical_archive(record)
        submit(record, by=people.owner)
        files["in review"] = canonical_archive(fresh(record))
        for role, user in people.signatories.items():
            factories.sign(record, user, role)
        approve(record, by=people.owner)
        files["approved"] = canonical_archive(fresh(record))
        request_document(record, by=people.owner, format="csv")
        return fresh(record)

    files["approved, and exported"] = made_elsewhere(make)
    return files


def test_a_file_that_tells_more_comes_in_beside_what_an_early_one_brought(
    sign_in: SignIn,
) -> None:
    by, files = nora(), at_each_stage()
    early = import_file(files["draft"], by=by)
    later = import_file(files["approved"], by=by)
    assert (later.reference, later.uid, later.status) == ("DR-2", early.uid, "approved")
    assert (later.imported.follows, early.imported.follows) == (early, None)
    for stage, known in zip(files, (early, later, later, later), strict=True):
        with pytest.raises(AlreadyHere) as refused:
            import_file(files[stage], by=by)
        assert refused.value.decision == known, stage
    for one, other in ((early, later), (later, early)):
        assert f'href="{other.get_absolute_url()}"' in page_of(sign_in(by), one)
    Decision.objects.filter(pk=later.pk).update(owner=factories.person("sam"))
    assert later.get_absolute_url() not in page_of(sign_in(by), early), "they may not read it"
    assert verify_log().findings == []


def test_what_somebody_made_up_behind_a_real_beginning_does_not_keep_the_real_record_out() -> None:
    by, files = nora(), at_each_stage()
    told = parsed(files["in review"])
    told["events"][-1]["actor"] = "Eve"
    made_up = import_file(written(with_log_anew(told)), by=by)
    record = import_file(files["approved"], by=by)
    assert record.imported.follows == made_up


def test_a_record_that_came_as_data_does_not_come_again_in_its_document() -> None:
    files: list[bytes] = []

    def make() -> Decision:
        record = factories.approved(factories.people())
        files.append(on_small_pages(record))
        return record

    data, by = made_elsewhere(make), nora()
    record = import_file(data, by=by)
    with pytest.raises(AlreadyHere) as refused:
        import_file(files[0], by=by)
    assert refused.value.decision == record


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_comes_in_and_the_other_is_told_where_it_is() -> None:
    with transaction.atomic():
        record = factories.open_record(factories.people())
        file = canonical_archive(record)
        transaction.set_rollback(True)
    by = nora()
    brought = read_file(file)
    outcomes = in_threads(*[lambda: import_archive(brought, by=by)] * 2)
    (record,) = Decision.objects.all()
    assert record in outcomes
    (refused,) = [one for one in outcomes if isinstance(one, AlreadyHere)]
    assert refused.decision == record


def test_what_was_in_review_comes_in_as_a_draft() -> None:
    record = import_file(signed_elsewhere(), by=nora())
    assert (record.status, record.policy) == (Status.DRAFT, {})


def test_a_record_goes_on_from_one_installation_to_a_third() -> None:
    first = approved_elsewhere()
    second = made_elsewhere(lambda: import_file(first, by=nora()))
    record = import_file(second, by=nora())
    assert what_stays(canonical_archive(record)) == what_stays(first)
    earlier = parsed(canonical_archive(record))["earlier"]
    assert [[one["kind"] for one in log["events"]][-1] for log in earlier] == ["approve", "import"]
    assert verify_log().findings == []


def test_attached_files_come_in_if_they_are_in_the_file() -> None:
    _bare, whole = rich_elsewhere()
    record = import_file(whole, by=nora())
    (kept,) = record.attachments.all()
    with kept.file.open("rb") as file:
        assert file.read().startswith(b"a,b\n")
    assert record.imported.left_out == []
    assert record.evidence.exclude(attachment=None).count() == 1


def test_attached_files_that_are_not_in_the_file_are_named() -> None:
    bare, _whole = rich_elsewhere()
    record = import_file(bare, by=nora())
    assert (record.attachments.count(), len(record.imported.left_out)) == (0, 1)
    assert what_stays(canonical_archive(record)) == what_stays(bare)


@cache
def superseded_elsewhere() -> tuple[bytes, bytes]:
    """Return a superseded record and its successor."""
    files: list[bytes] = []

    def both() -> Decision:
        people = factories.people()
        former, later = factories.approved(people), factories.approved(people, title="Its heir")
        supersede(former, by=people.owner, successor=later)
        files.append(canonical_archive(fresh(later)))
        return fresh(former)

    return made_elsewhere(both), files[0]


def test_a_superseded_record_waits_for_its_successor() -> None:
    (former, heir), by = superseded_elsewhere(), nora()
    with pytest.raises(BadFile, match="superseded by DR-2 of the same place"):
        import_file(former, by=by)
    later = import_file(heir, by=by)
    record = import_file(former, by=by)
    assert (record.status, record.superseded_by) == (Status.SUPERSEDED, later)
    assert [one.kind for one in later.events.all()] == ["import", "supersedes"]
    assert later.events.last().data == {"other": record.reference}
    assert verify_log().findings == []


def test_a_file_does_not_put_what_was_approved_here_in_the_place_of_its_record() -> None:
    told, mallory = parsed(superseded_elsewhere()[0]), factories.person("mallory")
    ours = factories.approved(factories.people(), visibility="everyone")
    told["relations"][-1]["uid"] = str(ours.uid)
    before = all_rows()
    with pytest.raises(BadFile, match="cannot say that DR-1, which stands here, superseded"):
        import_file(written(told), by=mallory)
    assert all_rows() == before


def test_what_a_file_said_of_another_record_is_said_again_whether_that_is_here_or_not() -> None:
    files: list[bytes] = []

    def both() -> Decision:
        people = factories.people()
        one, other = factories.approved(people), factories.approved(people, title="More")
        relate(one, by=people.owner, other=other)
        files.append(canonical_archive(fresh(other)))
        return fresh(one)

    file, by = made_elsewhere(both), nora()
    record = import_file(file, by=by)
    assert not record.links_out.exists(), "the other is not here yet"
    assert said_of_others(record) == said_of_others(file)
    hidden = import_file(files[0], by=factories.person("olaf"))
    assert said_of_others(record) == said_of_others(file), "it tells nobody what is here"
    link = DecisionLink.objects.create(source=record, target=hidden, relation="relates", made_by=by)
    assert [one["reference"] for one in said_of_others(record)] == [hidden.reference], "once"
    Decision.objects.filter(pk=hidden.pk).update(visibility="everyone")
    unrelate(record, by=by, link=link)
    assert said_of_others(record) == []


def said_of_others(of: Decision | bytes) -> list[dict[str, Any]]:
    """Return what an archive, or that of a record, says of other records, without people."""
    told = parsed(canonical_archive(fresh(of)) if isinstance(of, Decision) else of)
    return [{**one, "made_by": None} for one in told["relations"]]


@cache
def amended_elsewhere() -> tuple[bytes, bytes]:
    """Return a record, and one that amends it and is related to it too."""
    files: list[bytes] = []

    def both() -> Decision:
        people = factories.people()
        old, amendment = factories.approved(people), factories.approved(people, title="More")
        amend(old, by=people.owner, amendment=amendment)
        relate(amendment, by=people.owner, other=old)
        files.append(canonical_archive(fresh(old)))
        return fresh(amendment)

    amending = made_elsewhere(both)
    return files[0], amending


def test_a_file_does_not_say_for_others_that_it_amends_their_record() -> None:
    (amended, amendment), by = amended_elsewhere(), nora()
    old = import_file(amended, by=factories.person("olaf"))
    invite_all = Decision.objects.filter(pk=old.pk)
    invite_all.update(visibility="everyone")
    record = import_file(amendment, by=by)
    assert list(record.links_out.values_list("relation", flat=True)) == ["relates"]
    assert "for the owner of that record" in record.imported.left_out[0]


def test_nor_that_a_record_amends_what_was_approved_here_and_what_is_related_is_told_of_it() -> (
    None
):
    told, team = parsed(signed_elsewhere()), factories.people()
    ours = factories.approved(team, title="Ours")
    link = {"made_at": "2199-01-01T00:00:00+00:00", "made_by": 0, "uid": str(ours.uid)}
    told["relations"] = [
        {"relation": one, "reference": "DR-9", **link} for one in ("amends", "relates")
    ]
    record = import_file(written(told), by=team.owner)
    assert list(ours.links_in.values_list("relation", flat=True)) == ["relates"]
    assert record.imported.left_out == [
        "That it amends DR-1 is for the owner of that record to say."
    ]
    last = ours.events.last()
    assert (last.kind, last.data, last.actor) == ("relate", {"other": "DR-2"}, team.owner)
    assert verify_log().findings == []


@pytest.mark.parametrize("order", [1, -1])
def test_records_that_amend_each_other_are_linked_in_whichever_order_they_come_in(
    order: int,
) -> None:
    by, files = nora(), amended_elsewhere()
    records = [import_file(one, by=by) for one in files[::order]]
    old, amendment = records[::order]
    assert set(amendment.links_out.values_list("target", "relation")) == {
        (old.pk, "amends"),
        (old.pk, "relates"),
    }
    for file, record in zip(files, (old, amendment), strict=True):
        again = canonical_archive(fresh(record))
        assert what_stays(again, changed_at="") == what_stays(file, changed_at="")
    assert [one.kind for one in records[0].events.all()][1:] == (
        ["amend", "relate"] if order == 1 else ["amends", "relate"]
    )
    assert [one.kind for one in records[1].events.all()] == ["import"]
    assert verify_log().findings == []


def test_half_a_link_in_a_file_that_is_here_keeps_the_record_that_it_names_out_as_little() -> None:
    (amended, amending), by = amended_elsewhere(), nora()
    told = parsed(amending)
    told["relations"][0]["made_by"] = None
    amendment = import_file(written(told), by=by)
    old = import_file(amended, by=by)
    (link,) = old.links_in.all()
    assert (link.source, link.relation) == (amendment, told["relations"][1]["relation"])


# --- The people -----------------------------------------------------------------------------------


def test_who_is_unknown_is_named_and_can_neither_sign_in_nor_be_found_nor_be_written_to() -> None:
    by = nora()
    record = import_file(approved_elsewhere(), by=by)
    uma = User.objects.get(name="Uma Lindqvist")
    assert str(uma) == "Uma Lindqvist (as imported)"
    assert record.participants.filter(user=uma, is_signatory=True).exists()
    assert not uma.is_active
    assert not uma.has_usable_password()
    assert authenticate(username=uma.username, password="") is None
    assert uma.email.endswith(".invalid")
    assert uma not in known_to(by)
    tell(record.pk)
    assert (Notice.objects.count(), Mail.objects.count()) == (0, 0)


def test_whoever_has_a_name_in_it_may_be_invited_and_has_signed_nothing_here() -> None:
    file = approved_elsewhere()
    uma = factories.person("uma", "Uma Lindqvist")
    other = import_file(file, by=factories.person("sam"))
    assert other not in Decision.objects.visible_to(uma)
    stranger = factories.person("eve")
    record = import_file(file, by=nora(), invited=[uma.pk, stranger.pk])
    assert record in Decision.objects.visible_to(uma)
    assert record not in Decision.objects.visible_to(stranger)
    assert record.events.get().data["invited"] == ["Uma Lindqvist"]
    # Nobody signs what is closed.
    assert Participant.objects.get(decision=record, user=uma).is_signatory is False
    assert not SignOff.objects.filter(user=uma).exists()
    assert not Review.objects.filter(reviewer=uma).exists()
    assert not record.events.filter(actor=uma).exists()
    again = parsed(canonical_archive(record))
    assert again["digest"] == parsed(file)["digest"]
    assert len(again["participants"]) == len(parsed(file)["participants"]) + 1


def test_an_archive_tells_of_nobodys_address_and_namesakes_stay_two() -> None:
    def two_of_a_name() -> Decision:
        record = factories.open_record(people := factories.people())
        namesake = factories.person("uma2", people.ux.name)
        invite(record, by=people.owner, user=namesake, role=Role.UX)
        return fresh(record)

    file = made_elsewhere(two_of_a_name)
    told = parsed(file)["people"]
    assert {tuple(sorted(one)) for one in told} == {("id", "name")}
    record = import_file(file, by=nora())
    assert record.participants.filter(user__name="Uma Lindqvist", role=Role.UX).count() == 2
    assert what_stays(canonical_archive(record)) == what_stays(file)


def test_people_as_imported_are_one_row_however_many_records_name_them() -> None:
    by, files = nora(), list[bytes]()

    def two_records() -> Decision:
        people = factories.people()
        files.append(canonical_archive(factories.open_record(people)))
        return factories.open_record(people, title="Another")

    for file in (made_elsewhere(two_records), *files):
        import_file(file, by=by)
    assert User.objects.filter(name="Uma Lindqvist").count() == 1


# --- What a file claims ---------------------------------------------------------------------------


def test_nobody_as_imported_has_a_seat_in_an_open_record_and_who_is_invited_takes_theirs(
    sign_in: SignIn,
) -> None:
    file, by, team = signed_elsewhere(), nora(), factories.people()
    record = import_file(file, by=by, invited=[team.ux.pk])
    (seat,) = Signatures(fresh(record)).seats
    assert (seat.participant.user, seat.role, seat.signature) == (team.ux, "ux", None)
    lacking = [one.sentence for one in blockers(fresh(record), "submit")]
    assert lacking == [f"No one signs for {one}." for one in ("Business", "Data science", "DevOps")]
    (line,) = record_document(fresh(record)).signatures
    assert (line.role, line.sign_off) == (Role.UX, None)
    html = sign_in(by).get(f"{record.get_absolute_url()}people/").content.decode()
    assert html.count("Was to sign for the role, as the file says") == 4
    assert what_stays(canonical_archive(record)).count(b'"is_signatory":true') == 5
    for role, user in team.signatories.items():
        if role != "ux":
            invite(record, by=by, user=user, role=role, is_signatory=True)
    submit(record, by=by)
    assert not record.participants.filter(is_signatory=True).exclude(user__known_by="").exists()
    assert record.sign_offs.count() == 4
    with pytest.raises(Refused, match="has not signed what the record says now"):
        approve(record, by=by)


def test_who_was_to_write_elsewhere_holds_no_part_up_here() -> None:
    file = made_elsewhere(lambda: factories.open_record(factories.people()))
    record = fresh(import_file(file, by=nora()))
    told = [one for one in blockers(record, "submit") if "no one has that role" in one.sentence]
    assert {one.person for one in told} == {record.owner_id}
    assert len(told) == 4


def test_a_signature_that_the_files_own_log_does_not_know_is_refused() -> None:
    told = parsed(approved_elsewhere())
    told["sign_offs"][0]["printed_name"] = "Maren Vogt"
    with pytest.raises(BadFile, match="The audit log knows no such signature: Maren Vogt"):
        import_file(written(told), by=nora())


def test_a_status_that_the_files_own_log_does_not_lead_to_is_refused() -> None:
    draft = made_elsewhere(lambda: factories.complete_draft(factories.people()))
    policy = parsed(approved_elsewhere())["record"]["policy"]
    told = parsed(draft)
    told["record"] |= {"status": "approved", "policy": policy}
    with pytest.raises(BadFile, match="“approved”, but its log leads to “draft”"):
        import_file(written(told), by=nora())


def test_a_forged_approval_of_a_real_person_is_shown_as_the_files_word_alone(
    sign_in: SignIn,
) -> None:
    maren = factories.person("maren", "Maren Vogt")
    file = written(forged(parsed(approved_elsewhere()), "Maren Vogt"))
    by = nora()
    record = import_file(file, by=by, invited=[maren.pk])
    assert not SignOff.objects.filter(user=maren).exists()
    assert not Signatures(fresh(record)).of_role("business")[0].participant.user.is_active
    html = page_of(sign_in(maren), record)
    assert "Maren Vogt (as imported)" in html
    assert "nobody gave them here" in html
    assert "The file bears no seal: nothing vouches for who made it." in html
    assert "Signed elsewhere, as the file says" in html
    assert all("(as imported)" in one.in_words for one in record.sign_offs.all())


CLAIMS = (
    "password asked",
    "Holds:",
    "Signature holds",
    "has signed what this document says",
    "Lapsed:",
    "every role,",
)


def test_what_was_not_approved_here_never_reads_as_if_it_were(sign_in: SignIn) -> None:
    by = nora()
    record = fresh(import_file(approved_elsewhere(), by=by))
    client = sign_in(by)
    assert record.is_approved_elsewhere
    text = printed(record)
    for claim in CLAIMS:
        assert claim not in text, claim
    for said in (
        "Imported, not approved here: that it was approved and signed is said by the file",
        "Signed elsewhere, as the file says:",
        "not checked here",
    ):
        assert said in text, said
    assert record_document(record).stamp == "Imported, not approved here"
    assert 'status: "accepted elsewhere"' in madr(record_document(record))
    assert not any(claim in page_of(client, record) for claim in CLAIMS)
    for address in (record.get_absolute_url(), "/decisions/"):
        html = client.get(address).content.decode()
        assert 'status-approved_elsewhere">Approved elsewhere</span>' in html, address
        assert 'status-approved"' not in html, address
    request_document(record, by=by)
    html = client.get(f"{record.get_absolute_url()}documents/").content.decode()
    assert "<span>Imported, not approved here</span>" in html
    assert "<span>Final</span>" not in html


def test_what_a_file_says_was_signed_is_history_once_the_record_is_approved_here() -> None:
    by = nora()
    record = import_file(signed_elsewhere(), by=by)
    record = approved_here(record, by)
    assert not record.is_approved_elsewhere
    document = record_document(record)
    first, moved = document.change_log.lines[:2]
    assert first.words == "The oldest version that came with the file"
    count = len(json.loads(record.imported.archive)["events"])
    assert count > 1
    assert moved.words.endswith(f"“earlier” in record.json; events in it: {count}")
    assert {one.sign_off.is_imported for one in document.signatures if one.sign_off} == {False}
    assert [one.is_imported for one in document.foreign_signatures] == [True] * 4
    assert not any(one.is_imported for one in document.earlier_signatures)
    board = Signatures(record)
    assert all(one.signature and not one.signature.is_imported for one in board.seats)
    assert printed(record).count("Signature holds") == 4


def test_what_was_approved_elsewhere_neither_supersedes_nor_amends_what_was_approved_here() -> None:
    by = nora()
    theirs = import_file(approved_elsewhere(), by=by)
    people = factories.people()
    ours = factories.approved(people, title="Ours")
    Decision.objects.filter(pk=theirs.pk).update(visibility="everyone")
    for move, named in ((supersede, "successor"), (amend, "amendment")):
        with pytest.raises(Refused, match="DR-1 was approved elsewhere"):
            move(ours, by=people.owner, **{named: theirs})
    for form in (SupersedeForm(ours, people.owner), AmendForm(ours, people.owner)):
        assert theirs not in form.picked.proposals


def test_that_a_record_was_not_approved_here_cannot_be_taken_out_of_its_row() -> None:
    record = import_file(approved_elsewhere(), by=nora())
    Decision.objects.filter(pk=record.pk).update(is_approved_elsewhere=False)
    (finding,) = verify_log(Decision.objects.filter(pk=record.pk)).findings
    assert "whether it was approved here" in finding.sentence


def test_what_a_file_says_was_approved_is_not_sealed_here_until_it_is_approved_here(
    settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_KEY = settings.SEAL_CERTIFICATES = tmp_path
    by = nora()
    record = import_file(approved_elsewhere(), by=by)
    assert not request_document(record, by=by).is_sealed
    reopen(record, by=by, reason="To be decided here.")
    approved_here(fresh(record), by)
    assert record.documents.filter(is_sealed=True).count() == 1
    assert verify_log().findings == []


def test_a_closed_record_stays_closed() -> None:
    by = nora()
    record = import_file(approved_elsewhere(), by=by)
    with pytest.raises(Refused, match="The record is approved"):
        invite(record, by=by, user=by, role=Role.UX)


def test_claimed_comments_are_nobodys_to_change_and_a_request_is_the_owners_to_lift() -> None:
    def asked() -> Decision:
        people = factories.people()
        record = factories.in_review(people)
        remark = Remark("Which team?")
        send_review(record, by=people.ux, verdict="request_changes", remarks=[remark])
        return fresh(record)

    file = made_elsewhere(asked)
    uma, by = factories.person("uma", "Uma Lindqvist"), nora()
    record = import_file(file, by=by)
    review = record.reviews.get()
    with pytest.raises(Refused):
        lift_review(review, by=uma)
    lift_review(review, by=by)
    comment = Comment.objects.get(thread__decision=record)
    with pytest.raises(Refused):
        edit_comment(comment, by=uma, body="Never said.")


def test_tampering_with_what_is_kept_of_the_file_shows() -> None:
    record = import_file(approved_elsewhere(), by=nora())
    Import.objects.update(archive="{}")
    (finding,) = verify_log(Decision.objects.filter(pk=record.pk)).findings
    assert "what is kept of the file" in finding.sentence


# --- Files that must not come in ------------------------------------------------------------------


def bomb(depth: int) -> bytes:
    return (
        b'{"format":"countersign/archive","format_version":1,"x":'
        + b"[" * depth
        + b"]" * depth
        + b"}"
    )


HEAD = b'{"format":"countersign/archive","format_version":'


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not an archive"),
        (b"{}", "not an archive"),
        (b'{"format":["countersign/archive"]}', "not an archive"),
        (HEAD + b"2}", "version 2"),
        (HEAD + b'{"a":1}}', "reads version 1"),
        (HEAD + b"1}", "the file lacks “reference”"),
        (HEAD + b'1,"x":NaN}', "NaN"),
        (HEAD + b'1,"x":-Infinity}', "Infinity"),
        (HEAD + b'1,"x":1e999}', "too large"),
        (HEAD + b'1,"x":' + b"9" * 5000 + b"}", "too large"),
        (HEAD + b'1,"x":1,"x":2}', "twice"),
        (HEAD + b'1,"x":"\\u0000"}', "cannot be written"),
        (HEAD + b'1,"x":"\\ud800"}', "cannot be written"),
        (bomb(DEEPEST + 1), "nested too deeply"),
        (bomb(200_000), "not JSON"),
        (HEAD + b'1,"x":[' + b"0," * MOST_VALUES + b"0]}", "more than a record can"),
        (b" " * (32 * 1024**2 + 1), "larger than 32 MB"),
        (b"%PDF-1.7\nnothing", "cannot be read as a PDF"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_no_archive_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    by = nora()
    before = all_rows()
    with pytest.raises(BadFile, match=sentence):
        import_file(data, by=by)
    assert all_rows() == before


def _spoil(told: Archive, *path: Any, to: Any) -> Archive:
    *way, last = path
    inner: Any = told
    for one in way:
        inner = inner[one]
    inner[last] = to
    return told


def _signature_of_another_version(told: Archive) -> Archive:
    return _spoil(told, "sign_offs", 0, "version", to=999)


def _log_without_its_last(told: Archive) -> Archive:
    told["events"].pop(3)
    return told


def _other_content(told: Archive) -> Archive:
    told["content"]["decision"]["title"] = "Something else"
    return _spoil(told, "digest", to=digest(told["content"]))


def _with_version(told: Archive, number: int, step: int, like: str = "") -> Archive:
    """Add a version, with another digest or with the same."""
    row = {name: told["versions"][-1][name] for name in ("at", "by", "digest")}
    row |= {"number": number, "step": step} | ({} if like else {"digest": "a" * 64})
    return told | {"versions": [*told["versions"], row]}


def _attached(told: Archive, content_type: str) -> Archive:
    at = told["events"][0]["at"]
    of = {"name": "a.csv", "size": 0, "sha256": "0" * 64, "added_at": at, "added_by": 0}
    return of | {"content_type": content_type}


SPOILT: dict[str, tuple[Callable[[Archive], Archive], str]] = {
    "a title": (
        lambda it: _spoil(it, "content", "decision", "title", to="No"),
        "does not have the digest",
    ),
    "another content": (_other_content, "lacks the version"),
    "a digest": (lambda it: _spoil(it, "digest", to="0" * 64), "lacks the version"),
    "a version": (
        lambda it: _spoil(it, "versions", -1, "content", "decision", "round", to=7),
        "its digest does not fit its content",
    ),
    "a signature": (_signature_of_another_version, "knows no such signature"),
    "a log": (_log_without_its_last, "event 4 is missing"),
    "an event": (lambda it: _spoil(it, "events", 2, "actor", to="Eve"), "event 3 was changed"),
    "no log": (lambda it: _spoil(it, "events", to=[]), "not that of this record"),
    "a person": (lambda it: _spoil(it, "record", "owner", to=99), "person that it does not name"),
    "a type": (lambda it: _spoil(it, "record", "tags", to="x"), r"record.tags cannot be"),
    "a number": (lambda it: _spoil(it, "record", "version", to=2**40), "record.version cannot be"),
    "a day": (
        lambda it: _spoil(it, "record", "due_on", to="2031-02-30"),
        "moment that there is not",
    ),
    "a text": (
        lambda it: _spoil(it, "content", "sections", 0, "data", to={"question": "x" * 200_001}),
        "says more than a record can",
    ),
    "a zone": (lambda it: _spoil(it, "record", "created_at", to="2031-02-28"), "record.created_at"),
    "a status": (lambda it: _spoil(it, "record", "status", to="perfect"), "record.status cannot"),
    "an unknown": (lambda it: it | {"extra": 1}, "“extra”, which is not known"),
    "a policy": (lambda it: _spoil(it, "record", "policy", to={}), "who had to sign"),
    "a letter": (lambda it: _spoil(it, "assessments", 0, "candidate", to="Z"), "has rated"),
    "twice": (
        lambda it: _spoil(it, "participants", 1, to=it["participants"][0]),
        "does not fit together",
    ),
    "a later version": (lambda it: _with_version(it, it["record"]["version"] + 1, 1), "not lead"),
    "a later step": (lambda it: _with_version(it, it["record"]["version"], 99), "do not lead to"),
    "a version twice": (lambda it: it | {"versions": it["versions"][-1:] * 2}, "do not lead to"),
    "a round": (lambda it: _spoil(it, "content", "decision", "round", to=32_767), "more than a"),
    "a count": (
        lambda it: _with_version(
            _spoil(it, "record", "version", to=2**31 - 1), 2**31 - 1, 1, "same"
        ),
        "more than a record can",
    ),
    "a type of file": (
        lambda it: it | {"attachments": [_attached(it, "text/html\r\nX-A: b")]},
        r"attachments.0.content_type cannot be",
    ),
    "a type and a line end": (
        lambda it: it | {"attachments": [_attached(it, "text/html\n")]},
        r"attachments.0.content_type cannot be",
    ),
    "a name unseen": (lambda it: _spoil(it, "people", 0, "name", to="\u200b \u2060"), "a name"),
    "a name that turns": (
        lambda it: _spoil(it, "people", 0, "name", to="Maren\u202e"),
        "cannot be shown",
    ),
    "reviews": (lambda it: _spoil(it, "sections", to=it["sections"][1:]), "how far it is"),
    "a past": (
        lambda it: it | {"earlier": [{"reference": "DR-1", "file": "0" * 64, "events": []}]},
        "from before the import, as DR-1, does not hold",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_file_that_contradicts_itself_is_refused_in_a_sentence(what: str) -> None:
    file = approved_elsewhere()
    spoil, sentence = SPOILT[what]
    by = nora()
    before = all_rows()
    with pytest.raises(BadFile, match=sentence):
        import_file(written(spoil(json.loads(file))), by=by)
    assert all_rows() == before


def test_more_than_can_be_written_and_drawn_in_seconds_is_refused_before_it_is() -> None:
    told = parsed(approved_elsewhere())
    schema, content = archive_schema(), told["content"]
    check_form(told, schema)
    with pytest.raises(UnreadableError, match="lacks the version"):
        check_form(told | {"versions": [], "threads": []}, schema)
    note = {"success": "yes", "written_at": told["events"][0]["at"], "written_by": 0, "text": "x"}
    goal, candidate = content["goals"][0], content["candidates"][0] | {"assessments": []}
    many: list[tuple[Archive, str]] = [
        ({"content": content | {"candidates": [candidate] * 53}}, "compares 53 candidates"),
        ({"content": content | {"candidates": [candidate] * 52, "goals": [goal] * 97}}, "by 97"),
        ({"proposed_goals": [goal] * 201}, "too many"),
        ({"outcome_notes": [note] * 5_001}, "more than a record can"),
        ({"outcome_notes": [note | {"text": "x" * 100_000}] * 8}, "more than a record can"),
        ({"outcome_notes": [note | {"text": "x" * 200_001}]}, "more than a record can"),
        # What takes longest to read as Markdown.
        *(
            ({"outcome_notes": [note | {"text": (one * 190_000)[:190_000]}] * 4}, "more than a rec")
            for one in (
                "[",
                "![",
                "*a_ ",
                "a|",
                "- a\n",
                "a\n\n",
                "1. ",
                "3) a\n",
                "`a",
                "<",
                "@a ",
            )
        ),
    ]
    for more, sentence in many:
        with pytest.raises(UnreadableError, match=sentence):
            check_form(told | more, schema)
    pages = "## A heading\n\n" + "Some words of a report, [[E1]] among them, in *a* line.\n" * 30
    check_form(told | {"outcome_notes": [note | {"text": pages * 50}] * 4}, schema)


def test_an_attached_file_with_other_bytes_is_refused() -> None:
    told = json.loads(rich_elsewhere()[1])
    told["attachments"][0]["bytes"] = "AAAA"
    with pytest.raises(BadFile, match="not the one that is named"):
        import_file(written(told), by=nora())


def _odd_answer(kind: str, name: str, answer: Any) -> Callable[[Archive], None]:
    def spoil(told: Archive) -> None:
        section = next(one for one in told["content"]["sections"] if one["kind"] == kind)
        section["data"][name] = answer

    return spoil


UNFIT: dict[str, tuple[Callable[[Archive], Any], str]] = {
    "template": (
        lambda it: it["content"]["decision"].update(template="theirs"),
        "no record template “theirs” here",
    ),
    "day": (_odd_answer("recommendation", "review_on", "garbage"), "review_on.*not an answer"),
    "choice": (_odd_answer("profile_business", "stakes", "odd"), "stakes.*not an answer"),
    "letters": (_odd_answer("recommendation", "chosen", ["ZZ"]), "chosen.*not an answer"),
    "tags": (lambda it: it["record"].update(tags=["x" * 3000] * 50), "more tags"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_no_form_here_would_take_is_refused_in_a_sentence(what: str) -> None:
    spoil, sentence = UNFIT[what]
    told = parsed(approved_elsewhere())
    spoil(told)
    by = nora()
    with pytest.raises(BadFile, match=sentence):
        import_file(written(with_content_anew(told)), by=by)
    assert not Decision.objects.exists()


def test_what_can_be_kept_but_not_shown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coming, "_answers", lambda *_said: True)
    told = parsed(approved_elsewhere())
    UNFIT["day"][0](told)
    with pytest.raises(BadFile, match="cannot be shown"):
        import_file(written(with_content_anew(told)), by=nora())


def test_people_as_imported_are_not_the_admins_to_edit_and_a_new_name_breaks_no_archive(
    rf: RequestFactory,
) -> None:
    record = import_file(approved_elsewhere(), by=nora())
    shown = PersonAdmin(User, site).get_queryset(rf.get("/"))
    assert not shown.exclude(known_by="").exists()
    User.objects.filter(name="Uma Lindqvist").update(name="Someone Else")
    assert "Someone Else" in {
        one["name"] for one in parsed(canonical_archive(fresh(record)))["people"]
    }
