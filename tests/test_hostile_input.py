"""Whatever is typed into an address or a field: a page that says what is wrong, never a failure."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern, URLPattern, URLResolver

from decisions.exports.document import record_document
from decisions.models import Decision, User
from evaluations.models import CaseSet
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

HUGE = "9" * 40
# What stands in an address where it means something, and what is put there instead.
ARGUMENTS: dict[str, tuple[str, list[str]]] = {
    "reference": ("DR-1", ["DR-0", "DR-999999999", f"DR-{HUGE}", "DR-１", "dr-1"]),
    "action": ("withdraw", ["read", "no-such", "__class__"]),
    "key": ("adapting-an-llm", ["no-such", "-", "x" * 300]),
    "kind": ("problem", ["goals", "no-such", "x" * 300]),
    "letter": ("A", ["a", "ZZZ", "x" * 300]),
    "role": ("business", ["owner", "nobody", "x" * 300]),
    "slug": ("no-such", ["new", "x" * 300]),
    "token": ("x" * 40, ["x", "x" * 400, "%00", "..%2f..", "x" * 30 + "%0a"]),
    "pk": ("1", ["0", "-1", "2147483648", HUGE, "1.5", "%D9%A1"]),
    "name": ("matrix", ["latency", "goal-accuracy", "front-", "no-such", "x" * 300]),
    "number": ("1", ["0", "-1", "2147483648", HUGE]),
    "what": ("success", ["no-such", "x" * 300]),
}
QUERIES = {
    "words": "abc",
    "negative": "-1",
    "enormous": HUGE,
    "NUL": "%00",
    "lone surrogate": "%ED%A0%80",
    "not UTF-8": "%FF",
    "pattern": "%25_%5C%22%27",
    "empty": "",
    "long": "x" * 2000,
}
ASKED = [
    "after",
    "from",
    "label",
    "next",
    "order",
    "page",
    "part",
    "person",
    "q",
    "read",
    "role",
    "section",
    "show",
    "sort",
    "split",
    "status",
    "tag",
    "technique",
    "template",
    "to",
    "version",
    "w_accuracy",
    "w_ux",
    "whose",
]
TEXTS = {
    "huge": "x" * 200_000,
    "NUL": "before\0after",
    "lone surrogate": b"before \xed\xa0\x80 after",
    "control characters": "bell\x07 escape\x1b[31m delete\x7f line\u2028 none\ufffe\uffff",
    "right to left, and a long word": "שלום \u202egnp.exe עולם السلام عليكم " + "w" * 300,
    "emoji, and markup": "👩🏽‍🚀 🏳️‍🌈 e"
    + "\u0301" * 50
    + "<script>alert(1)</script> {{ 7*7 }} ]]> &amp; \" ' -- [x](javascript:alert)",
    "enormous number": "1e308",
    "not a number": "nan",
    "nested": "> " * 200 + "[" * 200 + "*" * 200,
    "lines": "one\r\ntwo\rthree\n\n\tfour",
}
PAGES = ("", "candidates/", "evidence/", "matrix/", "people/", "history/", "documents/", "runs/")


def patterns(found: Any, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every address of the product as (route, pattern), without the admin's."""
    for one in found.url_patterns:
        if not isinstance(one.pattern, RoutePattern) or str(one.pattern) == "admin/":
            continue
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        else:
            yield route, one


def filled(route: str, arguments: dict[str, str]) -> str:
    """Return a route as an address."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: arguments[found[1]], route)


def addresses(route: str) -> Iterator[str]:
    """Yield a route's address, then those with one argument at a time replaced."""
    known = {name: usual for name, (usual, _hostile) in ARGUMENTS.items()}
    yield filled(route, known)
    for name in re.findall(r"<(?:\w+:)?(\w+)>", route):
        for value in ARGUMENTS[name][1]:
            yield filled(route, known | {name: value})


ROUTES = sorted(route for route, _pattern in patterns(get_resolver()))


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_no_address_fails_whatever_is_written_in_it(
    method: str, people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    client.raise_request_exception = False
    failed = {}
    # What no page answers to is refused before anybody reads what else the address says.
    most = None if method in {"get", "post"} else 1
    for route in ROUTES:
        if route == "sign-out/":
            continue
        for address in islice(addresses(route), most):
            response = getattr(client, method)(address)
            if response.status_code >= 500:
                failed[address] = response.status_code
    assert not failed


@pytest.mark.parametrize("first", range(0, len(QUERIES), 3))
def test_no_page_fails_whatever_its_query_says(
    first: int, people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    hostile = list(QUERIES.values())
    for number, route in enumerate(ROUTES):
        # Names and pages take turns: each value stands behind each name, on one page in three.
        values = [hostile[(first + number + place) % len(hostile)] for place in range(len(ASKED))]
        query = "&".join(f"{name}={value}" for name, value in zip(ASKED, values, strict=True))
        address = f"{next(addresses(route))}?{query}"
        assert client.get(address).status_code < 500, address


def answer(field: forms.Field, text: str | bytes) -> Any:
    """Return an answer to a form's field: the hostile text wherever text can be typed."""
    if isinstance(field, forms.ChoiceField):
        choices = [value for value, _label in field.choices if value]
        return choices[:1]
    if isinstance(field, forms.BooleanField):
        return ""
    if isinstance(field.widget, forms.PasswordInput):
        return factories.PASSWORD
    if isinstance(field, forms.DateField):
        return date(9999, 12, 31).isoformat()
    return text


# Which page asks for text, and who may write there; the record is in review, where all of them are.
FORMS: dict[str, str] = {
    "decisions/DR-1/sign/": "business",
    "decisions/new/": "owner",
    "decisions/DR-1/details/": "owner",
    "decisions/DR-1/people/": "owner",
    "decisions/DR-1/parts/problem/": "business",
    "decisions/DR-1/parts/recommendation/": "owner",
    "decisions/DR-1/parts/profile_operations/": "devops",
    "decisions/DR-1/goals/new/": "owner",
    "decisions/DR-1/candidates/new/": "data_science",
    "decisions/DR-1/candidates/A/": "owner",
    "decisions/DR-1/candidates/A/spec/?technique=prompting/zero_shot": "owner",
    "decisions/DR-1/candidates/B/assess/ux/": "ux",
    "decisions/DR-1/evidence/1/withdraw/": "owner",
    "decisions/DR-1/evidence/add/study/success/": "ux",
    "decisions/DR-1/evidence/add/study/scale/": "ux",
    "decisions/DR-1/evidence/add/estimate/": "devops",
    "decisions/DR-1/threads/new/": "ux",
    "decisions/DR-1/review/": "devops",
    "decisions/DR-1/runs/": "owner",
    "case-sets/new/": "owner",
}


def filled_in(form: forms.BaseForm, text: str | bytes) -> dict[str, Any]:
    """Return a form's answers: what it offers, and the hostile text wherever text can be typed."""
    initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    kept = {name for name, field in form.fields.items() if field.widget.is_hidden}
    return {
        name: initial[name] if name in kept else answer(field, text)
        for name, field in form.fields.items()
    }


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_form_fails_whatever_is_typed(
    text: str | bytes, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    for address, writer in FORMS.items():
        client = sign_in(people.everyone[writer])
        form = client.get(f"/{address}").context["form"]
        said = urlencode(filled_in(form, text), doseq=True)
        kind = "application/x-www-form-urlencoded"
        response = client.post(f"/{address}", said, content_type=kind)
        assert response.status_code in {302, 409, 422}, address
    reader = sign_in(people.owner)
    for page in PAGES:
        assert reader.get(f"{in_review.get_absolute_url()}{page}").status_code == 200
    record_document(factories.fresh(in_review))


HEADER = b"text,label,id,split\n"
FILES: dict[str, bytes] = {
    "empty": b"",
    "only a byte order mark": b"\xef\xbb\xbf",
    "only a header": HEADER,
    "blank lines": b"\n\n\n\n",
    "binary": bytes(range(256)) * 40,
    "zeros": b"\0" * 5000,
    "UTF-16": "text,label\nhello,greeting\n".encode("utf-16"),
    "a line of two million letters": HEADER + b"x" * 2_000_000 + b",a,1,test\n",
    "a header of two million letters": b"x" * 2_000_000,
    "no such columns": b"a,b\n1,2\n",
    "one column": b"text\nhello\n",
    "the same column twice": b"text,label,text\na,b,c\n",
    "an unclosed quote": HEADER + b'"hello,a,1,test\nhello,a,2,test\n',
    "text after a quote": HEADER + b'"hel"lo,a,1,test\n',
    "a missing column": HEADER + b"hello,a,1\n",
    "the same id twice": HEADER + b"hello,a,1,test\nbye,a,1,test\n",
    "an unknown split": HEADER + b"hello,a,1,tset\n",
    "an empty input": HEADER + b" ,a,1,test\n",
    "an empty label": HEADER + b"hello,,1,test\n",
    "a label of a thousand letters": HEADER + b"hello," + b"a" * 1000 + b",1,test\n",
    "NUL": HEADER + b"hel\0lo,a,1,test\n",
    "JSON cut off": b'[{"text": "hello", "label": "a"}, {"text": "b',
    "JSON without end": b'[{"text": "hello", "label": "a"}',
    "JSON of numbers": b"[1, 2, 3]",
    "JSON nested deeply": b"[" * 100_000,
    "JSON lines nested deeply": b'{"text": ' + b"[" * 100_000,
    "JSON with a number of 5,000 digits": b'{"text": ' + b"9" * 5000 + b', "label": "a"}',
    "JSON with lists": b'{"text": ["a"], "label": "b"}\n',
    "JSON with half a character": b'{"text": "\\ud800", "label": "a"}\n',
    "JSON with a column that is half a character": b'{"\\ud800": "x", "text": "a", "label": "b"}\n',
    "JSON lines broken off": b'{"text": "a", "label": "b"}\n{"text": \n',
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_makes_no_sense_is_refused_in_a_sentence_and_nothing_is_kept(
    content: bytes, people: People, sign_in: SignIn, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    client = sign_in(people.owner)
    about = {"name": "Messages", "cases": SimpleUploadedFile("cases.csv", content)}
    told = client.post("/case-sets/new/", about)
    if told.status_code == 302:
        address = told["Location"]
        asked = client.get(address).context
        columns = asked["form"].initial if asked.get("form") else {}
        told = client.post(address, {"import": "1", **columns})
    assert told.status_code == 422
    page = told.content.decode()
    assert any(why in page for why in ("cases.csv", "file is empty", "occurs twice"))
    assert not CaseSet.objects.exists()


def test_a_load_test_that_makes_no_sense_is_refused_and_nothing_is_attached(
    people: People, in_review: Decision, sign_in: SignIn, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    client = sign_in(people.devops)
    before = in_review.evidence.count()
    about = {"scenario": "busy hour", "users": "5", "duration": "60"}
    for name, content in FILES.items():
        file = SimpleUploadedFile("load.csv", content)
        address = "/decisions/DR-1/evidence/add/load-test/"
        told = client.post(address, {"candidate": "A", "file": file})
        if told.status_code == 302:
            told = client.post(told["Location"], about)
        assert told.status_code == 422, name
    assert in_review.evidence.count() == before


@pytest.mark.parametrize(
    "labels",
    [b"", b"[]", b"{}", b'{"a": 1}', b'"a"', b"[" * 100_000, b"\xff", b'{"a": "\\ud800"}'],
)
def test_labels_that_make_no_sense_are_refused_in_a_sentence(
    labels: bytes, people: People, sign_in: SignIn, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    client = sign_in(people.owner)
    cases = SimpleUploadedFile("cases.csv", HEADER + b"hello,a,1,test\n")
    about = {"name": "Messages", "cases": cases, "labels": SimpleUploadedFile("l.json", labels)}
    told = client.post("/case-sets/new/", about)
    if told.status_code == 302:
        form = client.get(told["Location"]).context["form"]
        told = client.post(told["Location"], {"import": "1", **form.initial})
    assert told.status_code == 422
    assert not CaseSet.objects.exists()
