"""Forty texts that want a document to fetch something, and a record that is made of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.actions.lifecycle import approve, note_outcome, submit
from decisions.actions.records import edit_details
from decisions.actions.review import Remark, open_thread, reply, send_review
from decisions.actions.rows import add_candidate, add_goal, assess
from decisions.models import Decision, Meaning, Role, Verdict
from decisions.section_kinds import FieldType
from tests import factories
from tests.factories import People, fresh

# A file that is on every machine, and no part of the project.
SECRET = "/etc/passwd"


def hostile_texts(port: int) -> list[str]:
    """Return forty texts that lead to files of this machine, or to a server on 127.0.0.1."""
    at = f"http://127.0.0.1:{port}"
    outward = f"%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Cimage href='{at}/23'/%3E%3C/svg%3E"
    return [
        f"![picture]({at}/1.png)",
        f"![file](file://{SECRET})",
        f"[words](file://{SECRET})",
        f'<img src="{at}/4.png" srcset="{at}/4b.png 2x" onerror="x">',
        f'<link rel="stylesheet" href="{at}/5.css">',
        f'<link rel="attachment" href="file://{SECRET}">',
        f"<style>@import url({at}/7.css); @import '{at}/7b.css';</style>",
        f"<style>* {{ background: url('{at}/8.png') }}</style>",
        f"<style>@font-face {{ font-family: x; src: url({at}/9) }} p {{ font: 9pt x }}</style>",
        f'<p style="background-image: url({at}/10.png); list-style: url({at}/10b)">x</p>',
        f'<svg><image href="{at}/11.png" xlink:href="{at}/11b.png" width="9" height="9"/></svg>',
        f'<svg><use xlink:href="{at}/12.svg#a"/><use href="file://{SECRET}#a"/></svg>',
        f'<svg><style>@import "{at}/13.css";</style><rect fill="url({at}/13b.svg#g)"/></svg>',
        f'<object data="{at}/14.svg" type="image/svg+xml"></object>',
        f'<embed src="{at}/15.svg" type="image/svg+xml">',
        f'<iframe src="{at}/16" srcdoc="<img src={at}/16b>"></iframe>',
        f'<base href="{at}/17/"><img src="17.png">',
        f'<meta http-equiv="refresh" content="0; url={at}/18">',
        f'<video poster="{at}/19.png" src="{at}/19.mp4"></video><audio src="{at}/19b"></audio>',
        f'<script src="{at}/20.js"></script><script>fetch("{at}/20b")</script>',
        f"<style>a::after {{ content: url({at}/21) target-counter('{at}/21b', page) }}</style>",
        f'<p data-u="{at}/22">x</p><style>p {{ cursor: url({at}/22); content: attr(data-u url) }}'
        "</style>",
        f'<img src="data:image/svg+xml,{outward}">',
        f'![x](data:text/html,<img src="{at}/24">) [x](data:text/html,<script>x</script>)',
        f"[words](javascript:fetch('{at}/25')) [words](JaVaScRiPt:alert(1))",
        f"[words](&#102;ile:&#x2f;&#x2f;{SECRET}) ![x](&#104;ttp://127.0.0.1:{port}/26)",
        f"![x](file:%2F%2F{SECRET}) ![x](%68ttp://127.0.0.1:{port}/27) ![x](file:/%65tc/passwd)",
        f"![x](\\\\127.0.0.1\\share\\28.png) <img src='\\\\127.0.0.1@{port}\\28b.png'>",
        f"<img src=//127.0.0.1:{port}/29> ![x](//127.0.0.1:{port}/b) ![x](/static/../../manage.py)",
        f"<http://user:secret@127.0.0.1:{port}/30> ![x](http://elsewhere@127.0.0.1:{port}/30b)",
        f"![x](http://[::1]:{port}/31) ![x](http://[::ffff:127.0.0.1]:{port}/31b)",
        f"![x](http://2130706433:{port}/32) ![x](http://0x7f.1:{port}/32b) ![x](HTTP://127.1:{port}/c)",
        f"![x](ftp://127.0.0.1:{port}/33) ![x](gopher://127.0.0.1:{port}/33b)",
        f"![x](jar:{at}/34.jar!/a) ![x](view-source:{at}/34b) ![x](blob:{at}/34c)",
        f"<!DOCTYPE x [<!ENTITY f SYSTEM 'file://{SECRET}'><!ENTITY h SYSTEM '{at}/35'>]>&f;&h;",
        f"<?xml-stylesheet href='{at}/36.css'?><xi:include href='file://{SECRET}' parse='text'/>",
        f"![x][ref]\n\n[ref]: {at}/37.png 'title'\n\n[note]: file://{SECRET}",
        f"{at}/38 www.127.0.0.1:{port}/38b <{at}/38c> <mailto:x@127.0.0.1?attach={SECRET}>",
        f"![x]({at}/redirect?to=file://{SECRET}) <img src='{at}/39' crossorigin>",
        f"\"; }} @page {{ background: url({at}/40) }} @import url('file://{SECRET}'); /* */ \\\"",
    ]


def hostile_people(port: int) -> People:
    """Return the standing people, whose names are hostile too."""
    people = factories.people()
    for number, user in enumerate([people.owner, *people.signatories.values()]):
        user.name = hostile_texts(port)[7 * number][:150]
        user.save()
    return people


def hostile_record(port: int) -> Decision:
    """Return an approved record that says nothing but hostile texts, wherever people may write.

    One answer holds all forty; in the others each stands plain, in a table, as where a link
    leads, as a picture, and as code.
    """
    people, texts = hostile_people(port), hostile_texts(port)
    record = factories.complete_draft(people)
    edit_details(record, by=people.owner, title=texts[0][:200], tags=[texts[3][:30]])
    _add_rows(record, people, texts)
    _answer_all(record, people, texts)
    for section in record.sections.all():
        if not section.is_complete:
            factories.complete_section(section, people)
    _talk(fresh(record), people, texts)
    return fresh(record)


def everywhere(text: str) -> str:
    """Return a text as Markdown in all the places that Markdown has."""
    line = " ".join(text.split())
    cell = line.replace("|", "")
    return (
        f"{text}\n\n| a | b |\n|---|---|\n| {cell} | [x]({cell}) |\n\n"
        f"![{cell}]({cell}) [x](<{line}>) <{line}> `{line}` [[{line}]]\n\n"
    )


def _add_rows(record: Decision, people: People, texts: list[str]) -> None:
    """Add goals, candidates, ratings and evidence that say each text once and more."""
    for number in range(4):
        add_goal(
            record,
            by=people.owner,
            proposed_by_role=Role.UX,
            metric=f"hostile_{number}",
            name=texts[10 + number][:120],
            unit=texts[20 + number][:20],
            direction="at_least",
            target=4.0,
        )
    for number in range(3):
        said = texts[number::3]
        candidate = add_candidate(
            record,
            by=people.data_science,
            name=texts[30 + number][:120],
            approach="prompting",
            summary=everywhere(said[0]),
            data_needed=said[1],
            risks=said[2],
            spec={"technique": said[3], "parameters": {said[4]: said[5]}},
        )
        for role, user in people.signatories.items():
            asked = candidate.decision.criteria_of(role)
            ratings = {one.key: (4, said[at % len(said)]) for at, one in enumerate(asked)}
            assess(candidate, by=user, role=role, ratings=ratings)
        measured = [
            replace(
                factories.measurement(f"hostile_{at % 4}", 5.0 + at, low=None, high=None),
                metric_name=text[:120],
                method=text,
                origin=text[:200],
                origin_url=text[:300],
                unit=texts[20 + at % 4][:20],
                interval_method="",
                conditions={"case_set": f"{number} {at}"},
            )
            for at, text in enumerate(said)
        ]
        found = attach_evidence(candidate, by=people.data_science, measurements=measured)
        withdraw_evidence(found[-1], by=people.owner, reason=said[-1])


def _answer_all(record: Decision, people: People, texts: list[str]) -> None:
    """Answer every question in words with three texts each, everywhere; one answer holds all."""
    left, lines = cycle(texts), cycle(texts)
    for section in record.sections.all():
        answers = {}
        for field in section.definition.fields:
            if field.type == FieldType.MARKDOWN:
                answers[field.name] = "".join(everywhere(next(left)) for _three in range(3))
            elif field.type == FieldType.LINE:
                answers[field.name] = next(lines)
        if section.kind == "problem":
            answers["problem"] = "\n\n".join(texts)
        if answers:
            factories.edit(record, section.kind, people, **answers)


def _talk(record: Decision, people: People, texts: list[str]) -> None:
    """Discuss, review, sign with a reservation, approve and look back."""
    thread = open_thread(record, by=people.business, remark=Remark(texts[1]))
    reply(thread, by=people.devops, body=everywhere(texts[2]))
    submit(record, by=people.owner)
    send_review(record, by=people.ux, verdict=Verdict.COMMENT, body=everywhere(texts[4]))
    for number, (role, user) in enumerate(people.signatories.items()):
        said = {"meaning": Meaning.APPROVE_WITH_RESERVATION, "text": everywhere(texts[5 + number])}
        factories.sign(record, user, role, **said)
    approve(fresh(record), by=people.owner)
    note_outcome(fresh(record), by=people.owner, success="partly", text=everywhere(texts[9]))
