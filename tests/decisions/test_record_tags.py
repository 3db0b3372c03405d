"""The filters and tags that pages and documents share."""

from datetime import UTC, datetime

import pytest
from django.template import Context, Template

from decisions.models import Evidence, EvidenceKind
from decisions.outcomes import Outcome
from decisions.templatetags import record

MOMENT = datetime(2025, 11, 18, 14, 3, 22, tzinfo=UTC)


def test_a_moment_is_given_in_utc_and_on_the_signers_clock() -> None:
    assert ">18 November 2025, 14:03:22 UTC<" in record.exact(MOMENT)
    assert record.exact_in(MOMENT, "Asia/Kolkata") == (
        "18 November 2025, 19:33:22 Asia/Kolkata (UTC+05:30)"
    )


@pytest.mark.parametrize("zone", ["Nowhere/None", "", "../../etc/passwd"])
def test_an_unknown_zone_is_given_as_it_was_stored(zone: str) -> None:
    assert record.exact_in(MOMENT, zone) == zone


def test_a_digest_is_grouped_for_the_eye_and_copies_whole() -> None:
    assert record.digest("0123456789abcdef") == "<span>01234567</span><span>89abcdef</span>"


def test_a_spec_is_spelled_out_with_its_nested_names() -> None:
    spec = {"technique": "rag", "parameters": {"top_k": 5, "fields": ["a", "b"]}}
    assert record.spec_words(spec) == "technique: rag; top k: 5; fields: a, b"
    assert (
        record.spec_words({"technique": "prompting/zero_shot"}) == "technique: prompting, zero shot"
    )


def test_a_run_says_itself_that_it_is_one() -> None:
    run = Evidence(kind=EvidenceKind.RUN, origin="Run 8")
    assert record.source_words(run) == "Run 8"
    run.origin = "Nightly"
    assert record.source_words(run) == "Run · Nightly"


def test_marks_are_drawn_in_place_with_a_title() -> None:
    shown = record.printed_outcome(Outcome.OPEN)
    assert "<title>not decisive</title>" in shown
    assert "<use" not in shown
    assert record.printed_outcome(None) == ""
    assert "<title>4 of 5</title>" in record.printed_rating(4)
    assert "role-data_science" in record.printed_role("data_science")


def test_markdown_in_a_template_is_safe_html() -> None:
    template = Template("{% load record %}{{ text|markdown }}{{ text|plain_text }}")
    shown = template.render(Context({"text": "**a** <b>"}))
    assert shown == "<p><strong>a</strong> &lt;b&gt;</p>\na &lt;b&gt;"
