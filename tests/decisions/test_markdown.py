"""What people write is shown as they meant it, and never does anything else."""

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.markdown import (
    EvidenceLike,
    GoalLike,
    document_link,
    plain,
    references,
    render,
    said,
)


@dataclass
class Measured:
    """A piece of evidence, as a text sees it."""

    reference: str = "E3"
    value: float = 91.5
    low: float | None = 86.8
    high: float | None = 94.6
    unit: str = "%"
    n: int = 200
    interval_method: str = "Wilson, 95%"
    withdrawn_reason: str = ""
    stale_because: str = ""

    @property
    def is_withdrawn(self) -> bool:
        return bool(self.withdrawn_reason)

    @property
    def is_stale(self) -> bool:
        return bool(self.stale_because)

    def get_absolute_url(self) -> str:
        return f"/decisions/DR-1/evidence/#{self.reference}"


@dataclass
class Wanted:
    """A goal, as a text sees it."""

    name: str = "Accuracy"
    target: float = 85.0
    direction: str = "at_least"
    unit: str = "%"

    def get_absolute_url(self) -> str:
        return "/decisions/DR-1/#section-goals"


EVIDENCE: dict[str, EvidenceLike | GoalLike] = {
    "E3": Measured(),
    "E4": Measured("E4", withdrawn_reason='Wrong <split> "B"'),
    "E5": Measured("E5", stale_because="Messages, v2 has come."),
    "accuracy": Wanted(),
}
FIGURE = "91.5\u00a0% (95% CI 86.8–94.6, n = 200) [E3]"


def test_a_reference_becomes_the_figure_linked_to_its_evidence() -> None:
    shown = render("It reaches [[E3]].", EVIDENCE)
    assert 'href="/decisions/DR-1/evidence/#E3"' in shown
    assert FIGURE.replace("\u00a0", "&nbsp;") in shown
    assert 'href="#E3"' in render("[[e3]]", EVIDENCE, link=document_link)


def test_evidence_that_no_longer_holds_is_struck_with_a_word_and_the_reason() -> None:
    withdrawn = render("[[E4]]", EVIDENCE)
    assert 'href="/decisions/DR-1/evidence/#E4"' in withdrawn
    assert 'title="Wrong &lt;split&gt; &quot;B&quot;"' in withdrawn
    assert re.search(r"<s>91\.5&nbsp;% \(95% CI 86\.8–94\.6, n = 200\) \[E4\]</s>", withdrawn)
    assert '<mark class="missing-evidence">(withdrawn)</mark>' in withdrawn
    stale = render("[[E5]]", EVIDENCE, link=document_link)
    assert 'href="#E5" title="Messages, v2 has come."' in stale
    assert '<mark class="missing-evidence">(out of date)</mark>' in stale


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[[E9]]", "[[E9]] (there is no such evidence)"),
        ("[[ Rubbish ]]", "[[Rubbish]] (there is no such goal)"),
        ("[[macro_f1]]", "[[macro_f1]] (there is no such goal)"),
    ],
)
def test_an_unknown_name_stays_as_it_was_typed_with_a_hint(text: str, shown: str) -> None:
    assert f'<mark class="missing-evidence">{shown}</mark>' in render(text, EVIDENCE)


def test_a_goals_metric_becomes_its_target_linked_to_the_goals() -> None:
    shown = render("It has to reach [[Accuracy]].", EVIDENCE)
    assert 'href="/decisions/DR-1/#section-goals"' in shown
    assert ">at least 85&nbsp;% [Accuracy]</a>" in shown
    assert 'href="#section-goals"' in render("[[accuracy]]", EVIDENCE, link=document_link)


def test_what_somebody_said_refers_to_evidence_alone_and_never_changes() -> None:
    spoken = "[[e3]], asked is [[Accuracy]]; [[E4]], [[E9]]"
    evidence = {name: one for name, one in EVIDENCE.items() if isinstance(one, Measured)}
    shown = said(spoken, evidence)
    assert 'href="/decisions/DR-1/evidence/#E3"' in shown
    assert FIGURE.replace("\u00a0", "&nbsp;") in shown
    assert ", asked is Accuracy; <a" in shown
    assert shown.endswith("[E4]</a>, E9</p>\n")
    assert "<mark" not in shown
    standing = evidence | {"E4": Measured("E4"), "E3": Measured(stale_because="v2 has come.")}
    assert said(spoken, standing) == shown
    assert 'href="#E3"' in said(spoken, evidence, link=document_link)


@pytest.mark.parametrize(
    "text", ["[[1, 2], [3, 4]]", "[[two words]]", "[[]]", "[[é]]", "[[" + "a" * 61 + "]]"]
)
def test_other_brackets_are_left_alone(text: str) -> None:
    assert render(text, EVIDENCE) == f"<p>{text}</p>\n"


def test_brackets_in_a_links_words_are_no_reference() -> None:
    assert ">[accuracy]</a>" in render("[[accuracy]](https://a.example)", EVIDENCE)
    assert references("[[accuracy]](https://a.example)") == []


def test_code_and_escaped_brackets_are_no_references() -> None:
    assert "<code>[[E3]]</code>" in render("`[[E3]]`", EVIDENCE)
    assert "91.5" not in render(r"\[[E3]]", EVIDENCE)


HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "[x](JaVa&#115;cript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](//elsewhere.example)",
    "<javascript:alert(1)>",
    "![x](https://elsewhere.example/pixel.png)",
    '<a href="x" onclick="alert(1)">x</a>',
    "<style>*{display:none}</style>",
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    "[x]: javascript:alert(1)\n\n[x]",
    "| a |\n|--:|\n| <b style='position:fixed'>b</b> |",
    "[[E3]]<svg onload=alert(1)>",
    "[[E4]] [[accuracy]] [[E9]]<img src=x>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    shown = render(text, EVIDENCE)
    tags = " ".join(re.findall(r"<[^>]*>", shown))
    assert not re.search(r"<(?!/?(?:p|a|s|table|thead|tbody|tr|th|td|mark)\b)", tags)
    assert not re.search(r"\s(?:on\w+|style|src)\s*=", re.sub(r'"[^"]*"', '""', tags))
    for address in re.findall(r'href="([^"]*)"', tags):
        assert address.startswith(("https://", "/decisions/"))


def test_links_to_the_web_and_to_mail_survive_and_name_their_relation() -> None:
    shown = render("[a](https://a.example/?q=1) <mailto:b@c.example>")
    assert 'href="https://a.example/?q=1" rel="noopener noreferrer"' in shown
    assert 'href="mailto:b@c.example"' in shown


def test_headings_start_below_the_pages_own_and_never_skip_a_level() -> None:
    assert render("# One\n### Three\n## Two\n# Again").replace("\n", "") == (
        "<h4>One</h4><h5>Three</h5><h5>Two</h5><h4>Again</h4>"
    )
    assert "<h6>" in render("# a\n## b\n### c\n#### d", heading=5)
    assert "<h7>" not in render("# a\n## b\n### c\n#### d", heading=5)


@given(st.integers(3, 5), st.lists(st.tuples(st.sampled_from(["", "> ", "- "]), st.integers(1, 6))))
def test_headings_of_any_text_start_where_its_place_says_and_never_skip_a_level(
    first: int, headings: list[tuple[str, int]]
) -> None:
    text = "\n\n".join(f"{before}{'#' * level} Heading" for before, level in headings)
    for shown in (render(text, heading=first), said(text, {}, heading=first)):
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", shown)]
        assert len(levels) == len(headings)
        assert all(first <= level <= before + 1 for before, level in pairwise([first - 1, *levels]))


def test_columns_of_numbers_are_marked_by_a_class() -> None:
    shown = render("| a | b |\n|---|--:|\n| x | 1 |")
    assert '<th class="num">b</th>' in shown
    assert "style=" not in shown


def test_plain_text_has_the_figures_and_none_of_the_marks() -> None:
    assert plain("# It\n\n**reaches** [[E3]] & more <b>", EVIDENCE) == (
        f"It\nreaches {FIGURE} & more <b>"
    )


def test_nothing_gives_nothing() -> None:
    assert render("") == ""
    assert plain("") == ""


def test_references_are_listed_once_in_order() -> None:
    assert references("[[E3]] [[e1]] [[ E3 ]] [[X2]]") == ["E3", "E1", "x2"]


def test_what_stands_in_code_refers_to_nothing() -> None:
    assert references("`[[E1]]`\n\n    [[E2]]\n\n```\n[[E3]]\n```\n\n\\[[E4]] and [[E5]]") == ["E5"]
