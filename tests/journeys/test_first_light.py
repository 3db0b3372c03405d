"""The whole journey: four people and an owner bring a decision from a question to a PDF."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from decisions.demo import PASSWORD, PEOPLE
from decisions.models import Role

pytestmark = pytest.mark.journey

Visit = Callable[..., Page]

TITLE = "How shall out-of-hours messages be sorted?"
RATIONALE = "The word index explains itself and needs no training."
OWNER = "Maren Okafor"
TEAM = {person.role: person for person in PEOPLE if person.role}


def say(page: Page, sentence: str) -> None:
    """Expect a sentence in the live region."""
    expect(page.locator("#messages")).to_contain_text(sentence)


def fill(page: Page, answers: dict[str, str]) -> None:
    """Fill in a form by its labels: text where there is a text field, a choice elsewhere."""
    for label, value in answers.items():
        group = page.get_by_role("group", name=label, exact=True)
        if group.count():
            group.get_by_label(value, exact=True).check()
        else:
            fields = page.locator("input, textarea")
            fields.and_(page.get_by_label(label, exact=True)).fill(value)


def write(page: Page, part: str, answers: dict[str, str]) -> None:
    """Write a part in place on the record's page and mark it complete."""
    page.get_by_role("link", name=f"Edit {part}", exact=True).click()
    form = page.locator("form.is-editing")
    expect(form).to_be_visible()
    fill(page, answers)
    form.get_by_label("This part is complete").check()
    form.get_by_role("button", name="Save").click()
    expect(page.locator("form.is-editing")).to_have_count(0)
    say(page, "Saved.")


def mark_complete(page: Page, anchor: str) -> None:
    """Mark a part of rows complete."""
    page.locator(f"#section-{anchor}").get_by_role("button", name="Mark complete").click()
    say(page, "Marked complete.")


def rate(page: Page, record: str, role: Role, criteria: dict[str, str]) -> None:
    """Rate both candidates for a role; the page leads from one to the next."""
    page.goto(f"{record}candidates/A/assess/{role}/")
    for letter in ("A", "B"):
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{letter}.")
        for criterion, reason in criteria.items():
            page.get_by_role("group", name=criterion, exact=True).get_by_label("4").check()
            page.get_by_label(f"{criterion}: why").fill(reason)
        page.get_by_role("button", name="Save").click()
        page.wait_for_load_state()
    mark_complete(page, f"assessment_{role}")


def open_decision(owner: Page) -> str:
    """Open a decision, invite the four roles, and return its address."""
    owner.get_by_role("link", name="New decision").click()
    owner.get_by_label("Title").fill(TITLE)
    owner.get_by_role("button", name="Open the decision").click()
    say(owner, "is open.")
    record = re.sub(r"^https?://[^/]+", "", owner.url)
    owner.get_by_role("link", name="People", exact=True).click()
    for role, person in TEAM.items():
        owner.get_by_label("E-mail address").fill(person.email)
        owner.get_by_role("group", name="Role").get_by_label(str(role.label), exact=True).check()
        owner.locator("#id_is_signatory").check()
        owner.get_by_role("button", name="Give the role").click()
        say(owner, f"{person.name} is on the record.")
    return record


def fill_in_business(page: Page, record: str) -> None:
    page.goto(record)
    write(
        page,
        "Problem and scope",
        {
            "Problem": "Messages lie **unsorted** until the morning.",
            "Question": "What sorts them overnight?",
            "Scope": "Only the night, only a first pass.",
        },
    )
    write(
        page,
        "Focus and stakes",
        {
            "Product focus": "Niche",
            "Stakes of a wrong answer": "Low: easily noticed and put right",
        },
    )


def propose_goals(page: Page, record: str) -> None:
    page.goto(f"{record}goals/new/")
    page.get_by_label("Metric").select_option("accuracy")
    fill(page, {"Direction": "at least", "Target": "50", "Worst acceptable value": "40"})
    page.get_by_label("Proposed by").select_option("data_science")
    page.get_by_role("button", name="Save").click()
    say(page, "It counts once the owner has accepted it.")


def accept_goals(page: Page, record: str) -> None:
    page.goto(record)
    page.get_by_role("button", name="Accept").click()
    say(page, "“Accuracy” counts now.")


def write_candidates(page: Page, record: str) -> None:
    """Write two candidates and say how each is run."""
    for name, approach, technique in (
        ("Word index", "Retrieval-augmented generation", "rag/bm25_knn"),
        ("Prompt template", "Prompt engineering", "prompting/zero_shot"),
    ):
        page.goto(f"{record}candidates/new/")
        fill(page, {"Name": name, "Approach": approach})
        page.get_by_role("button", name="Save").click()
        say(page, "The candidate is on the list.")
        letter = "A" if name == "Word index" else "B"
        page.goto(f"{record}candidates/{letter}/spec/?technique={technique}")
        page.get_by_role("button", name="Save").click()
        page.wait_for_load_state()
    page.goto(record)
    mark_complete(page, "candidates")
    write(
        page,
        "Data",
        {
            "How often the data changes": "Static: rarely",
            "Labelled examples at hand": "Hundreds",
            "Domain language": "Plain, everyday language",
            "Sensitivity": "Personal or confidential",
        },
    )


def measure(owner: Page, record: str) -> None:
    """Press "Run evaluation" and wait, on the page that follows it, until the workers are done."""
    owner.goto(f"{record}runs/")
    owner.get_by_label("Case set").select_option(label="Support routing, version 1")
    owner.get_by_role("button", name="Run evaluation").click()
    expect(owner.locator("#runs .record-row")).to_have_count(2)
    expect(owner.locator("#runs").get_by_text("Finished")).to_have_count(2, timeout=240_000)
    owner.goto(f"{record}evidence/")
    expect(owner.locator("svg.chart").first).to_be_visible()
    expect(owner.get_by_role("table").first).to_contain_text("200")


def write_results(pages: dict[Role, Page], record: str) -> None:
    parts = {
        Role.DATA_SCIENCE: "Quality findings",
        Role.DEVOPS: "Load and cost findings",
        Role.UX: "Study findings",
        Role.BUSINESS: "Benefit and cost reading",
    }
    for role, part in parts.items():
        pages[role].goto(record)
        write(pages[role], part, {part: "The word index reaches [[E1]]."})


def recommend(owner: Page, record: str) -> None:
    owner.goto(record)
    owner.get_by_role("link", name="Edit Recommendation", exact=True).click()
    owner.get_by_role("group", name="Chosen candidates").get_by_label("A. Word index").check()
    fill(
        owner,
        {
            "Why": RATIONALE,
            "Consequences": "The early shift starts with sorted messages.",
            "Risks": "A stopgap that stays.",
            "Exit criteria": "Ends with the lasting decision.",
            "Look at it again on": "2031-05-01",
        },
    )
    owner.get_by_label("This part is complete").check()
    owner.locator("form.is-editing").get_by_role("button", name="Save").click()
    say(owner, "Saved.")
    expect(owner.get_by_role("button", name="Submit for review")).to_be_enabled()
    owner.get_by_role("button", name="Submit for review").click()
    say(owner, "The record is in review.")


def ask_for_changes(page: Page, record: str) -> None:
    page.goto(f"{record}review/")
    fill(page, {"Verdict": "Request changes", "On the whole": "Say what happens at weekends."})
    page.get_by_role("button", name="Send the review").click()
    say(page, "Your review is sent.")


def answer_the_request(business: Page, reviewer: Page, record: str) -> None:
    """Change the scope as asked; the reviewer lifts the request."""
    business.goto(record)
    write(business, "Problem and scope", {"Scope": "The night, and the whole weekend."})
    reviewer.goto(record)
    reviewer.get_by_role("button", name="Lift my request").click()
    say(reviewer, "Your request for changes is lifted.")


def sign(page: Page, record: str) -> str:
    """Read and sign; return the digest that was signed."""
    page.goto(record)
    page.get_by_role("link", name="Sign", exact=True).click()
    expect(page.locator(".sheet")).to_contain_text(RATIONALE)
    digest = page.locator("#digest").inner_text().replace(" ", "").replace("\n", "")
    page.get_by_label("I approve this recommendation").check()
    page.get_by_label("Your password, again").fill(PASSWORD)
    page.get_by_role("button", name="Sign", exact=True).click()
    say(page, "You have signed")
    return digest


def export(owner: Page, record: str) -> str:
    """Ask for the PDF, wait until a worker has made it, and return its text."""
    owner.goto(record)
    owner.get_by_role("button", name="Export PDF").click()
    ready = owner.get_by_role("link", name="Download").first
    expect(ready).to_be_visible(timeout=120_000)
    response = owner.request.get(str(ready.get_attribute("href")))
    assert response.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(response.body())).pages
    return "\n".join(page.extract_text() for page in pages)


def test_four_people_bring_a_decision_from_a_question_to_a_pdf(visit: Visit) -> None:
    owner = visit(OWNER)
    record = open_decision(owner)
    pages = {role: visit(person.name) for role, person in TEAM.items()}

    fill_in_business(pages[Role.BUSINESS], record)
    propose_goals(pages[Role.DATA_SCIENCE], record)
    accept_goals(owner, record)
    pages[Role.BUSINESS].goto(record)
    mark_complete(pages[Role.BUSINESS], "goals")
    write_candidates(pages[Role.DATA_SCIENCE], record)
    pages[Role.DEVOPS].goto(record)
    write(
        pages[Role.DEVOPS],
        "Operations",
        {
            "Expected load": "200 messages a night",
            "Latency budget": "A minute",
            "Compute at hand": "CPUs only",
            "Skills to run it": "Ours",
        },
    )
    pages[Role.UX].goto(record)
    write(
        pages[Role.UX],
        "Interaction",
        {
            "Interaction": "Simple: one question, one answer",
            "Tone and style": "None",
            "What a failure looks like to a person": "A message in the wrong pile.",
        },
    )
    reasons = {
        Role.BUSINESS: {"Cost": "Little.", "Time to deliver": "Days."},
        Role.DATA_SCIENCE: {"Data needed": "At hand.", "Technical risk": "Known."},
        Role.DEVOPS: {
            "Scalability": "Small.",
            "Monitoring": "Shows its matches.",
            "Refresh or retraining": "Nightly.",
        },
        Role.UX: {"Fit to the interaction": "Plain.", "How it fails": "Visibly."},
    }
    for role, criteria in reasons.items():
        rate(pages[role], record, role, criteria)

    measure(owner, record)
    write_results(pages, record)
    recommend(owner, record)

    ask_for_changes(pages[Role.DEVOPS], record)
    owner.goto(record)
    expect(owner.get_by_role("button", name="Approve")).to_be_disabled()
    answer_the_request(pages[Role.BUSINESS], pages[Role.DEVOPS], record)

    digests = {sign(pages[role], record) for role in TEAM}
    (digest,) = digests
    owner.goto(record)
    owner.get_by_role("button", name="Approve").click()
    say(owner, "The record is approved.")

    text = export(owner, record)
    assert RATIONALE in text
    for person in TEAM.values():
        assert person.name in text
    assert digest in re.sub(r"\s", "", text)
    assert "Draft, not signed" not in text


def test_an_outsider_finds_no_trace_of_a_closed_record(visit: Visit) -> None:
    outsider = visit("Ravi Menon")
    expect(outsider.get_by_role("heading", level=1)).to_contain_text("Nothing waits on you")
    response = outsider.goto("/decisions/DR-1/")
    assert response is not None
    assert response.status == 404


def test_a_signature_lapses_in_front_of_everyone_and_a_save_of_nothing_lapses_none(
    visit: Visit,
) -> None:
    business, ux = visit("Inês Carvalho"), visit("Lena Sørensen")
    sign_sample(business, "DR-1")
    ux.goto("/decisions/DR-1/")
    ux.get_by_role("link", name="Edit Interaction", exact=True).click()
    ux.locator("form.is-editing").get_by_role("button", name="Save").click()
    say(ux, "Saved.")
    expect(ux.locator("#signatures .is-signed")).to_have_count(1)
    ux.get_by_role("link", name="Edit Interaction", exact=True).click()
    ux.get_by_label("Tone and style").fill("None at all")
    ux.locator("form.is-editing").get_by_role("button", name="Save").click()
    expect(ux.locator("#signatures .is-lapsed")).to_contain_text("lapsed, the record has changed")
    business.goto("/decisions/DR-1/sign/")
    expect(business.get_by_text("Changed since you signed")).to_be_visible()


def sign_sample(page: Page, reference: str) -> None:
    page.goto(f"/decisions/{reference}/sign/")
    page.get_by_label("I approve this recommendation").check()
    page.get_by_label("Your password, again").fill(PASSWORD)
    page.get_by_role("button", name="Sign", exact=True).click()
    say(page, "You have signed")


def test_two_people_in_one_part_lose_nothing(visit: Visit) -> None:
    business, owner = visit("Inês Carvalho"), visit(OWNER)
    for page in (business, owner):
        page.goto("/decisions/DR-6/")
        page.get_by_role("link", name="Edit Problem and scope", exact=True).click()
        expect(page.locator("form.is-editing")).to_be_visible()
    business.get_by_label("Timeline").fill("By February")
    business.locator("form.is-editing").get_by_role("button", name="Save").click()
    say(business, "Saved.")
    owner.get_by_label("Timeline").fill("By Easter")
    owner.locator("form.is-editing").get_by_role("button", name="Save").click()
    both = owner.locator("#two-versions")
    expect(both).to_contain_text("Inês Carvalho saved this while you were writing.")
    expect(both.get_by_label("Timeline")).to_have_value("By Easter")
    both.get_by_label("Timeline").fill("By Easter, a draft by February")
    both.get_by_role("button", name="Save this").click()
    expect(owner.locator("#section-problem")).to_contain_text("a draft by February")


def test_a_part_is_written_and_a_list_exported_without_javascript(visit: Visit) -> None:
    page = visit("Inês Carvalho", java_script_enabled=False)
    page.goto("/decisions/DR-6/")
    page.get_by_role("link", name="Edit Focus and stakes", exact=True).click()
    page.get_by_label("In your words").fill("Goodwill, mostly.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#section-profile_business")).to_contain_text("Goodwill, mostly.")

    page.goto("/decisions/?whose=mine")
    page.get_by_text(re.compile("Export these . decisions")).click()
    page.get_by_label("Format").select_option(label="Evidence as a table (CSV)")
    page.get_by_role("button", name="Export as zip").click()
    say(page, "Asked for. It can be downloaded below once it is made.")
    names = zipfile.ZipFile(io.BytesIO(fetched_without_javascript(page))).namelist()
    assert names[-1] == "index.csv"
    assert any(name.startswith("DR-6-v") for name in names)


def fetched_without_javascript(page: Page) -> bytes:
    """Look again until there is something to download; return it."""
    ready = page.get_by_role("link", name="Download")
    while not ready.count():
        page.get_by_role("link", name="Look again").click()
    return page.request.get(str(ready.get_attribute("href"))).body()
