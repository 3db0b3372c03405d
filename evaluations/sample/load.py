"""Loads the sample: people, case sets, six decisions, measured by the workers.

Each step looks at what is there already, so an interrupted load goes on where it stopped and a
second one changes nothing.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from decisions import clock
from decisions.actions import lifecycle, review
from decisions.actions.documents import request_document
from decisions.actions.evidence import add_evidence
from decisions.actions.review import Remark
from decisions.metrics import METRICS
from decisions.models import (
    Candidate,
    Decision,
    EvidenceKind,
    Role,
    SectionState,
    Status,
    User,
    Verdict,
)
from evaluations import studies
from evaluations.actions import attach_run, digest_of, request_run
from evaluations.estimates import estimated
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile, Columns
from evaluations.models import Run
from evaluations.sample import others, routing
from evaluations.sample.story import Story, case_set, cast

MESSAGES = Path(settings.BASE_DIR) / "samples" / "routing"
PATIENCE = 300  # seconds without any progress after which the workers count as missing
Say = Callable[[str], None]

CASE_SETS = (
    ("Support routing", "team", "teams.json"),
    ("Support urgency", "urgency", "urgency.json"),
)

# In the order of their numbers: DR-1 to DR-6.
PLANS = (
    routing.PLAN,
    others.OVERNIGHT,
    others.KEYWORDS,
    others.URGENCY,
    others.GUIDES,
    others.TONE,
)


def load(say: Say) -> None:
    """Bring the sample to the state in which every page shows what it is for."""
    people = cast()
    import_case_sets(people["tomasz"])
    stories = [Story(plan, people) for plan in PLANS]
    for story in stories:
        if story.record is None:
            story.begin()
            say(f"{story.record} is open.")
    measure(stories, say)
    for story in stories:
        if needs_reading(story):
            story.read()
    for story, go_on in zip(stories, ENDINGS, strict=True):
        go_on(story)


def needs_reading(story: Story) -> bool:
    """Return whether the parts that speak of the measurements are still to be written."""
    if not story.plan.readings:
        return False
    return story.section(next(iter(story.plan.readings))).state == SectionState.NOT_STARTED


def import_case_sets(by: User) -> None:
    """Freeze the sample messages twice: labelled by team, and labelled by urgency."""
    for name, column, labels in CASE_SETS:
        import_case_set(
            name=name,
            files=[CaseFile(MESSAGES / "messages.csv")],
            columns=Columns(input="text", label=column, key="id", split="split"),
            labels=_labels(MESSAGES / labels),
            origin="Written for this project; see samples/routing/README.md.",
            by=by,
        )


def _labels(path: Path) -> list[dict[str, str]]:
    told = json.loads(path.read_text(encoding="utf-8"))
    return [{"slug": slug, **label} for slug, label in told.items()]


def measure(stories: list[Story], say: Say) -> None:
    """Ask for every run of the sample, wait for the workers, and attach what they found.

    The decision that is still open takes its evidence as it comes. Those that are told as the
    past measure first, and attach on the day the story says.
    """
    runs = {run: story for story in stories for run in _runs(story)}
    if not runs:
        return
    say(f"{len(runs)} evaluations are running.")
    _wait(list(runs), say)
    for run, story in runs.items():
        run.refresh_from_db()
        if not run.attaches:
            with story.days_later(7):
                attach_run(run, by=story.owner)


def _runs(story: Story) -> Iterator[Run]:
    """Yield the runs of a story that has not been measured yet."""
    record = story.record
    if record is None or not story.plan.case_set or record.status != Status.DRAFT:
        return
    for candidate in record.candidates.all():
        if not candidate.evidence.standing().exists():
            yield request_run(
                candidate,
                case_set(story.plan.case_set),
                by=story.owner,
                attach=story.plan is routing.PLAN,
            )


def _wait(runs: list[Run], say: Say) -> None:
    """Wait until all runs have ended; raise if one failed or nothing moves any more."""
    last_move, last_count = time.monotonic(), -1
    while time.monotonic() - last_move < PATIENCE:
        states = Run.objects.filter(pk__in=[run.pk for run in runs])
        if failed := states.filter(state=Run.State.FAILED).first():
            raise RuntimeError(f"{failed}: {failed.error}")
        finished = states.filter(state=Run.State.FINISHED).count()
        if finished == len(runs):
            return say("All evaluations are finished.")
        if finished != last_count:
            last_move, last_count = time.monotonic(), finished
        time.sleep(0.5)
    raise RuntimeError("The evaluations do not move: is a worker running?")


def end_routing(story: Story) -> None:
    """DR-1: in review, complete, measured, ready to sign."""
    if story.status == Status.DRAFT:
        story.submit(131)


def end_overnight(story: Story) -> None:
    """DR-2: approved, and due to be looked at again."""
    _sign_and_approve(story, 10)


def end_keywords(story: Story) -> None:
    """DR-3: approved, until DR-4 takes its place."""
    reservation = "As a hint only: it misses urgency that is told calmly."
    _sign_and_approve(story, 11, reservations={Role.UX: reservation})


def end_urgency(story: Story) -> None:
    """DR-4: approved and exported; it takes the place of DR-3."""
    if story.status != Status.DRAFT:
        return
    _sign_and_approve(story, 12)
    record = story.require()
    with story.days_later(15):
        request_document(record, by=story.owner)
        older = Decision.objects.get(title=others.KEYWORDS.title)
        lifecycle.supersede(older, by=older.owner, successor=record)


def end_guides(story: Story) -> None:
    """DR-5: in review, with a request for changes and a thread that must be resolved."""
    if story.status != Status.DRAFT:
        return
    story.submit(13)
    record = story.require()
    with story.days_later(14):
        _request_changes(story, record)
    with story.days_later(15):
        thread = record.threads.exclude(quote="").last()
        if thread:
            review.reply(
                thread,
                by=story.owner,
                body="Agreed. The model server is promised for next week; I will wait for it.",
            )


def end_tone(story: Story) -> None:
    """DR-6: a draft that is still being written; a study and two estimates are what is known."""
    record = story.require()
    if record.status != Status.DRAFT or record.evidence.exists():
        return
    first, second = record.candidates.order_by("letter")[:2]
    with story.days_later(4):
        study = studies.Circumstances(
            participants=others.READERS,
            method=others.READING,
            studied_on=clock.today(),
            conditions={"scale": "Would you sign this reply?, 1–5"},
        )
        found = studies.scale_mean(others.SCORES, 1, 5)
        digest = digest_of(list(others.SCORES))
        told = [studies.measurement(found, study, source_digest=digest)]
        add_evidence(first, by=story.owner, kind=EvidenceKind.STUDY, measurements=told)
    with story.days_later(5):
        _estimate(story, second, "satisfaction", (3.6, 4.3, 4.8), others.BETTER)
        _estimate(story, second, "time_to_deliver", (15, 30, 60), others.CLEANING)


def _estimate(
    story: Story, candidate: Candidate, key: str, spread: tuple[float, float, float], why: str
) -> None:
    """Let data science say what it thinks a figure will be."""
    person, metric = story.people["tomasz"], METRICS[key]
    digest = digest_of([key, *spread])
    told = estimated(
        *(key, str(metric.name), metric.unit, spread),
        reason=why,
        who=str(person),
        source_digest=digest,
    )
    add_evidence(candidate, by=person, kind=EvidenceKind.ESTIMATE, measurements=[told])


def _request_changes(story: Story, record: Decision) -> None:
    """Let data science ask for a measurement, and UX for a source."""
    review.send_review(
        record,
        by=story.people["tomasz"],
        verdict=Verdict.REQUEST_CHANGES,
        body=(
            "I think A is right, but I cannot sign a recommendation that rests on forty questions "
            "tried by hand. Please let us run both on the same cases first."
        ),
        remarks=[
            Remark(
                body="What was counted as a gap? And how many of the forty had one?",
                section=story.section("results_data_science"),
                quote="the gaps of B showed at once",
                must_fix=True,
            )
        ],
    )
    review.open_thread(
        record,
        by=story.people["lena"],
        remark=Remark(
            body="Can we show the page's title with the link? People asked *which* guide it was.",
            section=story.section("candidates"),
            quote="with a link to the page",
        ),
    )


def _sign_and_approve(
    story: Story, day: float, reservations: dict[Role, str] | None = None
) -> None:
    """Let a measured draft be signed by all four roles and approved."""
    if story.status != Status.DRAFT:
        return
    story.submit(day)
    for place, role in enumerate(Role):
        story.sign(day + 1 + place / 32, role, (reservations or {}).get(role, ""))
    story.approve(day + 2)


ENDINGS: tuple[Callable[[Story], None], ...] = (
    end_routing,
    end_overnight,
    end_keywords,
    end_urgency,
    end_guides,
    end_tone,
)
