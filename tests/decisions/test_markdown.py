"""What people write is shown as they meant it, and never does anything else."""

from dataclasses import dataclass

import pytest

from decisions.markdown import document_link, plain, references, render


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
    is_withdrawn: bool = False

    def get_absolute_url(self) -> str:
        return f"/decisions/DR-1/evidence/#{self.reference}"


EVIDENCE = {"E3": Measured(), "E4": Measured("E4", is_withdrawn=True)}
FIGURE = "91.5\u00a0% (95% CI 86.8–94.6, n = 200) [E3]"


def test_a_reference_becomes_the_figure_linked_to_its_evidence() -> None:
    shown = render("It reaches [[E3]].", EVIDENCE)
    assert 'href="/decisions/DR-1/evidence/#E3"' in shown
    assert FIGURE.replace("\u00a0", "&nbsp;") in shown
    assert 'href="#E3"' in render("[[e3]]", EVIDENCE, link=document_link)


@pytest.mark.parametrize(
    ("text", "words"),
    [("[[E9]]", "there is no such evidence"), ("[[E4]]", "this evidence was withdrawn")],
)
def test_a_reference_that_leads_nowhere_is_marked_in_words(text: str, words: str) -> None:
    shown = render(text, EVIDENCE)
    assert '<mark class="missing-evidence">' in shown
    assert words in shown


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
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    import re

    shown = render(text, EVIDENCE)
    tags = " ".join(re.findall(r"<[^>]*>", shown))
    assert not re.search(r"<(?!/?(?:p|a|table|thead|tbody|tr|th|td|mark)\b)", tags)
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
    assert references("[[E3]] [[e1]] [[ E3 ]] [[X2]]") == ["E3", "E1"]
