"""The pages on which people bring evidence in from outside."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from decisions.actions.rows import add_goal
from decisions.models import Candidate, Decision, Evidence
from tests import factories
from tests.factories import People

pytestmark = pytest.mark.page

SignIn = Callable[[Any], Client]
DATA = Path(__file__).parents[1] / "data" / "load"
K6 = (DATA / "k6_summary_export.json").read_bytes()
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
RAN = {"scenario": "busy hour", "users": "50", "duration": "60", "tested_on": YESTERDAY}
STUDIED = {
    "candidate": "A",
    "task": "Route ten messages",
    "participants": "Nine agents of the night shift",
    "method": "Moderated, one hour each.",
    "studied_on": YESTERDAY,
}


@pytest.fixture
def record(draft: Decision, people: People) -> Decision:
    factories.add_goals(draft, people)
    factories.add_candidates(draft, people)
    return draft


@pytest.fixture
def candidate(record: Decision) -> Candidate:
    return record.candidates.get(letter="A")


def text(response: HttpResponse) -> str:
    return response.content.decode()


def upload(content: bytes, name: str = "summary.json") -> dict[str, Any]:
    return {"candidate": "A", "file": SimpleUploadedFile(name, content)}


def address(record: Decision, rest: str = "") -> str:
    return f"/decisions/{record.reference}/evidence/add/{rest}"


def test_the_page_leads_to_every_way_and_is_closed_to_readers(
    record: Decision, people: People, sign_in: SignIn
) -> None:
    page = text(sign_in(people.ux).get(address(record)))
    assert all(address(record, one) in page for one in ("load-test/", "estimate/", "study/sus/"))
    assert "/results/" not in page  # measuring is data science's
    assert "/results/" in text(sign_in(people.data_science).get(address(record)))
    assert sign_in(people.outsider).get(address(record)).status_code in (403, 404)


def test_a_load_test_is_shown_then_attached_with_its_file(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    devops = sign_in(people.devops)
    sent = devops.post(address(candidate.decision, "load-test/"), upload(K6))
    page = text(devops.get(sent["Location"]))
    assert "310.75" not in page
    assert "311" in page
    assert 'value="50"' in page
    assert not Evidence.objects.exists()
    assert devops.post(sent["Location"], RAN).status_code == 302
    found = {one.metric: one for one in Evidence.objects.all()}
    assert list(found) == ["latency_p50", "latency_p95", "latency_p99", "error_rate", "throughput"]
    assert {one.kind for one in found.values()} == {"load_test"}
    assert found["latency_p95"].conditions["virtual_users"] == "50"
    file = found["error_rate"].attachment
    assert file is not None
    got = devops.get(f"/decisions/{candidate.decision.reference}/evidence/files/{file.pk}/")
    assert b"".join(got.streaming_content) == K6
    assert got["Content-Disposition"].startswith("attachment")
    assert (got["X-Content-Type-Options"], "sandbox" in got["Content-Security-Policy"]) == (
        "nosniff",
        True,
    )
    # A second click finds it attached.
    again = devops.post(sent["Location"], RAN, follow=True)
    assert "It is in already, as E1, E2, E3, E4, E5." in text(again)
    assert Evidence.objects.count() == 5


def test_load_and_duration_are_those_of_the_file(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    devops = sign_in(people.devops)
    sent = devops.post(address(candidate.decision, "load-test/"), upload(K6))
    for wrong in ({"duration": "6"}, {"tested_on": "2999-11-20"}):
        assert devops.post(sent["Location"], RAN | wrong).status_code == 422
    assert not Evidence.objects.exists()
    planned = {"users": "5000", "duration": "61"}
    assert devops.post(sent["Location"], RAN | planned).status_code == 302
    conditions = Evidence.objects.first().conditions
    assert (conditions["virtual_users"], conditions["duration"]) == ("50", "61 s")


def test_a_file_of_a_record_that_is_not_visible_is_not_found(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    devops = sign_in(people.devops)
    sent = devops.post(address(candidate.decision, "load-test/"), upload(K6))
    devops.post(sent["Location"], RAN)
    file = Evidence.objects.filter(attachment__isnull=False).first().attachment
    Decision.objects.update(visibility="participants")
    path = f"/decisions/{candidate.decision.reference}/evidence/files/{file.pk}/"
    assert sign_in(people.outsider).get(path).status_code == 404
    assert Client().get(path).status_code == 302


def test_an_upload_is_its_persons_alone(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    sent = sign_in(people.devops).post(address(candidate.decision, "load-test/"), upload(K6))
    assert sign_in(people.ux).get(sent["Location"]).status_code == 404


@pytest.mark.parametrize("content", [K6[:300], b"\x89PNG\x00", b"just words"])
def test_what_cannot_be_read_is_refused_in_a_sentence(
    content: bytes, record: Decision, people: People, sign_in: SignIn
) -> None:
    got = sign_in(people.devops).post(address(record, "load-test/"), upload(content))
    assert got.status_code == 422
    assert "summary.json" in text(got)
    assert not Evidence.objects.exists()


def test_the_columns_of_a_table_are_asked_for_where_their_names_do_not_say(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    devops = sign_in(people.devops)
    table = b"took;code\n" + b"".join(b"0.%d;200\n" % (100 + at) for at in range(80))
    sent = devops.post(address(candidate.decision, "load-test/"), upload(table, "t.csv"))
    assert "which column" in text(devops.get(sent["Location"]))
    said = {"latency": "took", "unit": "s", "outcome": "code"}
    looked = devops.post(sent["Location"], said | {"look": "1"})
    assert "140" in text(looked)
    assert devops.post(sent["Location"], RAN | said).status_code == 302
    median = Evidence.objects.get(metric="latency_p50")
    assert (median.n, median.interval_method) == (80, "order statistics, 95%")


def test_a_study_of_task_success_is_attached_with_its_interval(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    numbers = {"people": "9", "successes": "7"}
    assert (
        ux.post(address(candidate.decision, "study/success/"), STUDIED | numbers).status_code == 302
    )
    one = Evidence.objects.get()
    assert (one.kind, one.metric, one.n, one.unit) == ("study", "task_success", 9, "%")
    assert one.conditions == {"task": "Route ten messages"}
    assert "Nine agents of the night shift." in one.method
    assert one.attached_by == people.ux


def test_a_study_answers_a_goal_of_the_teams_own_whose_unit_it_is_in(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    record = candidate.decision
    for name, unit in (("come_back", "%"), ("solved", "of 8")):
        own = {"metric": f"own_{name}", "name": name, "unit": unit}
        add_goal(record, by=people.owner, direction="at_least", target=6.0, **own)
    ux = sign_in(people.ux)
    page = address(record, "study/success/")
    asked = text(ux.get(page))
    assert '<option value="own_come_back">' in asked
    assert "own_solved" not in asked
    ux.post(page, STUDIED | {"people": "9", "successes": "7", "answers": "own_come_back"})
    one = Evidence.objects.get()
    assert (one.metric, one.metric_name, one.unit, one.n) == ("own_come_back", "come_back", "%", 9)
    scale = {"lowest": "0", "highest": "20", "numbers": "11\n12\n14", "answers": "own_solved"}
    refused = ux.post(address(record, "study/scale/"), STUDIED | scale)
    assert refused.status_code == 422
    assert "of 8" in text(refused)


def test_scores_are_read_from_the_file_if_nothing_is_pasted(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    ux, page = sign_in(people.ux), address(candidate.decision, "study/scale/")
    file = SimpleUploadedFile("scores.csv", b"score\n5\n6\n7\n4\n")
    scale = STUDIED | {"lowest": "1", "highest": "7", "task": "Ease (SEQ)"}
    shown = ux.post(page, scale | {"file": file})
    assert "The mean of 4 scores" in text(shown)
    assert not Evidence.objects.exists()
    again = {one.name: one.value() for one in shown.context["form"].hidden_fields()}
    assert ux.post(page, scale | again | {"highest": "9"}).status_code == 200  # another scale
    assert sign_in(people.devops).post(page, scale | again).status_code == 422  # not their file
    for _click in range(2):
        assert ux.post(page, scale | again).status_code == 302
    one = Evidence.objects.get()
    assert (one.value, one.n, one.conditions) == (5.5, 4, {"scale": "Ease (SEQ), 1–7"})
    assert one.attachment is not None
    assert one.source_digest == one.attachment.sha256


def test_pasted_numbers_are_kept_as_the_source_and_the_file_as_notes(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    notes = SimpleUploadedFile("notes.txt", b"It rained all day.")
    ux = sign_in(people.ux)
    page, said = address(candidate.decision, "study/sus/"), STUDIED | {"numbers": "80\n90\n70"}
    shown = ux.post(page, said | {"file": notes})
    again = {one.name: one.value() for one in shown.context["form"].hidden_fields()}
    ux.post(page, said | again)
    one = Evidence.objects.get()
    assert one.attachment is not None
    assert one.notes is not None
    assert one.attachment.file.read().split() == [b"80", b"90", b"70"]
    assert one.source_digest == one.attachment.sha256 != one.notes.sha256
    page = text(ux.get(f"/decisions/{candidate.decision.reference}/evidence/"))
    assert all(f"files/{file.pk}/" in page for file in one.files)


def test_a_candidate_dropped_since_the_upload_gets_no_load_test(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    devops = sign_in(people.devops)
    sent = devops.post(address(candidate.decision, "load-test/"), upload(K6))
    Candidate.objects.filter(pk=candidate.pk).update(is_dropped=True)
    refused = devops.post(sent["Location"], RAN)
    assert refused.status_code == 409
    assert "is no longer considered." in text(refused)
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("success", {"people": "9", "successes": "10"}),
        ("success", {"people": "9", "successes": "7", "studied_on": "2999-01-01"}),
        ("sus", {"numbers": "120"}),
        ("sus", {"numbers": "participant,score\n1,72.5"}),
        ("time", {"numbers": "fast"}),
        ("scale", {"lowest": "1", "highest": "7", "n": "4"}),
    ],
)
def test_numbers_that_no_study_comes_to_are_refused(
    what: str, said: dict[str, str], record: Decision, people: People, sign_in: SignIn
) -> None:
    got = sign_in(people.ux).post(address(record, f"study/{what}/"), STUDIED | said)
    assert got.status_code == 422
    assert not Evidence.objects.exists()


def test_an_estimate_is_marked_wherever_it_is_shown(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    record = candidate.decision
    said = {
        "candidate": "A",
        "metric": "latency_p95",
        "low": "200",
        "value": "260",
        "high": "420",
        "reason": "As the vendor says",
        "who": "Devi Menon",
    }
    devops = sign_in(people.devops)
    assert devops.post(address(record, "estimate/"), said).status_code == 302
    page = text(devops.get(f"/decisions/{record.reference}/evidence/"))
    assert "260\xa0ms (estimate, 200–420)" in page
    assert 'stroke-dasharray="5 4"' in page
    assert "caveat" in text(devops.get(f"/decisions/{record.reference}/candidates/"))


@pytest.mark.parametrize(
    "said",
    [
        {"low": "9", "value": "5", "high": "9"},
        {"value": "inf"},
        {"low": "-4"},
        {"metric": "own_solved", "high": "12"},
    ],
)
def test_an_estimate_lies_in_its_own_range(
    said: dict[str, str], record: Decision, people: People, sign_in: SignIn
) -> None:
    own = {"metric": "own_solved", "name": "Solved", "unit": "of 8"}
    add_goal(record, by=people.owner, direction="at_least", target=6.0, **own)
    known = {"candidate": "A", "metric": "one_off_cost", "low": "1", "high": "9", "value": "5"}
    sent = known | {"reason": "So.", "who": "Devi"} | said
    got = sign_in(people.devops).post(address(record, "estimate/"), sent)
    assert got.status_code == 422
    assert not Evidence.objects.exists()


def test_readers_bring_nothing_in(record: Decision, people: People, sign_in: SignIn) -> None:
    outsider = sign_in(people.outsider)
    for rest in ("load-test/", "study/sus/", "estimate/"):
        assert outsider.get(address(record, rest)).status_code in (403, 404)
