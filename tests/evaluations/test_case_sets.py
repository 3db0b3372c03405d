"""Bringing cases in: what is frozen, what is reported, and what is refused without a trace."""

import json
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from decisions.policies import BadInput
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile, Columns, guessed, read_labels
from evaluations.importers.rows import columns_of, detected
from evaluations.models import Case, CaseSet
from tests.evaluations.helpers import COLUMNS, make_case_set, rows, write_csv

TEXT_AND_LABEL = Columns(input="text", label="label")
LABELS = [{"slug": slug, "name": "", "description": ""} for slug in ("account", "billing")]


def file_of(folder: Path, text: str, name: str = "cases.csv") -> CaseFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return CaseFile(path)


def bring_in(*files: CaseFile, columns: Columns = TEXT_AND_LABEL, **fields: object) -> CaseSet:
    return import_case_set(name="Cases", files=files, columns=columns, **fields).case_set


def test_an_import_freezes_cases_splits_and_labels(case_set: CaseSet) -> None:
    assert case_set.counts == {"train": 18, "test": 12}
    assert [label["slug"] for label in case_set.labels] == ["account", "billing", "delivery"]
    first = case_set.cases.first()
    assert (first.key, first.split, first.expected) == ("train-billing-0", "train", "billing")


def test_the_same_content_again_is_the_same_case_set(case_set: CaseSet, tmp_path: Path) -> None:
    again = make_case_set(tmp_path)

    assert again == case_set
    assert CaseSet.objects.count() == 1
    assert Case.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_an_import_sent_four_times_at_once_is_one_case_set(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "messages.csv", rows(per_label=60))
    found: list[object] = []

    def bring_it_in() -> None:
        try:
            imported = import_case_set(name="New", files=[CaseFile(path)], columns=COLUMNS)
            found.append(imported.case_set.pk)
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [Thread(target=bring_it_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = CaseSet.objects.all()
    assert found == [only.pk] * 4
    assert only.cases.count() == only.total == 192


def test_a_case_set_called_new_has_an_address_of_its_own(db: None, tmp_path: Path) -> None:
    assert make_case_set(tmp_path, name="New").slug == "case-set-new"


@pytest.mark.parametrize("about", [{"name": "x" * 101}, {"name": " "}, {"licence": "x" * 201}])
def test_what_a_column_cannot_hold_is_refused(
    about: dict[str, str], db: None, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "messages.csv", rows())
    with pytest.raises(BadInput, match="at most"):
        import_case_set(**{"name": "Cases", "files": [CaseFile(path)], "columns": COLUMNS} | about)


def test_other_content_under_the_name_is_the_next_version(
    case_set: CaseSet, tmp_path: Path
) -> None:
    second = make_case_set(tmp_path, tests=5)

    assert (second.slug, second.version) == (case_set.slug, 2)
    assert case_set.cases.count() == 30


def test_the_digest_is_that_of_the_content_whatever_the_format(db: None, tmp_path: Path) -> None:
    found = rows()
    lines = tmp_path / "cases.jsonl"
    lines.write_text("\n".join(json.dumps(row) for row in found), encoding="utf-8")
    array = tmp_path / "cases.json"
    array.write_text(json.dumps(found, indent=2), encoding="utf-8")
    tabs = tmp_path / "cases.tsv"
    tabs.write_text(
        "\n".join(["\t".join(found[0]), *("\t".join(row.values()) for row in found)]),
        encoding="utf-8",
    )
    paths = [write_csv(tmp_path / "cases.csv", found), tabs, lines, array]

    sets = {bring_in(CaseFile(path), columns=COLUMNS) for path in paths}

    assert len(sets) == 1
    assert [detected(path).key for path in paths] == ["csv", "csv", "jsonl", "json"]


def test_another_label_another_order_or_another_split_is_other_content(
    db: None, tmp_path: Path
) -> None:
    texts = [
        "text,label\na,x\nb,y\n",
        "text,label\na,x\nb,x\n",
        "text,label\nb,y\na,x\n",
    ]
    sets = [bring_in(file_of(tmp_path, text)) for text in texts]
    trained = bring_in(CaseFile(tmp_path / "cases.csv", "train"))

    assert [one.version for one in [*sets, trained]] == [1, 2, 3, 4]


def test_two_files_make_one_set_with_both_splits(db: None, tmp_path: Path) -> None:
    train = file_of(tmp_path, "text,label\na,x\nb,y\n", "train.csv")
    test = file_of(tmp_path, "text,label\nc,x\n", "test.csv")

    found = bring_in(CaseFile(train.path, "train"), CaseFile(test.path, "test"))

    assert found.counts == {"train": 2, "test": 1}
    assert list(found.cases.values_list("key", flat=True)) == ["train-1", "train-2", "test-1"]


def test_duplicates_overlaps_and_contradictions_are_reported(db: None, tmp_path: Path) -> None:
    text = (
        "text,label,split\n"
        "Where is my card?,card,train\n"
        "where is  my CARD?,card,train\n"
        "Where is my card?,card,test\n"
        "Top up failed,topup,test\n"
        "Top up failed,card,train\n"
    )
    found = bring_in(file_of(tmp_path, text), columns=Columns("text", "label", split="split"))

    assert found.findings == {"duplicates": 1, "overlaps": 2, "contradictions": 1}


def test_given_labels_keep_their_order_names_and_descriptions(db: None, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text('{"y": {"name": "Why", "description": "Reasons"}, "x": "Ex"}')

    found = bring_in(file_of(tmp_path, "text,label\na,x\n"), labels=read_labels(path))

    assert found.labels == [
        {"slug": "y", "name": "Why", "description": "Reasons"},
        {"slug": "x", "name": "Ex", "description": ""},
    ]


def test_line_breaks_quotes_and_a_byte_order_mark_survive(db: None, tmp_path: Path) -> None:
    text = '\ufefftext,label\n"He said ""no"",\nthen left",x\n'

    assert bring_in(file_of(tmp_path, text)).cases.get().input == 'He said "no",\nthen left'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no header line"),
        ("text,label\n", "has no rows"),
        ("words,label\na,x\n", "has no column “text”; it has: words, label"),
        ("text,label\na,x\n,y\n", "row 2: the input is empty"),
        ("text,label\na,x\nb,\n", "row 2: the label is empty"),
        ("text,label\na,x\nb,y,z\n", "line 3 has 3 columns, the header has 2"),
        ('text,label\na,x\n"b,y\n', "line 3 is not valid CSV"),
        ("text,text\na,x\n", "two columns have the same name"),
        ("text,label\na\0,x\n", "characters that are not text"),
        ('{"text": "a", "label": "x"}\nnonsense\n', "line 2 is not valid JSON"),
        ('{"text": "a", "label": ["x"]}\n', "“label” holds a list or an object"),
        ('{"text": "\\ud800", "label": "x"}\n', "characters that are not text"),
        ('[{"text": "a", "label": "x"}, ', "row 2 is not valid JSON"),
        ('[{"text": "a", "label": "x"} {"text": "b"}]', "after row 1 the array is not continued"),
        ("[1, 2]", "row 1 is not an object"),
    ],
)
def test_bad_files_get_one_sentence_and_leave_nothing(
    db: None, tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(BadInput, match=r"cases\.csv") as refused:
        bring_in(file_of(tmp_path, text))

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not CaseSet.objects.exists()


def test_a_file_that_is_not_text_is_named_as_such(db: None, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(b"text,label\n\xff\xfe,x\n")

    with pytest.raises(BadInput, match=r"cases.csv is not UTF-8 text."):
        bring_in(CaseFile(path))


def test_a_missing_file_is_named(db: None, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none.csv cannot be read: No such file"):
        bring_in(CaseFile(tmp_path / "none.csv"))


def test_a_key_that_occurs_twice_is_named_and_leaves_nothing(db: None, tmp_path: Path) -> None:
    file = file_of(tmp_path, "text,label,id\na,x,7\nb,y,7\n")

    with pytest.raises(BadInput, match="The id “7” occurs twice"):
        bring_in(file, columns=Columns("text", "label", key="id"))

    assert not CaseSet.everything.exists()
    assert not Case.objects.exists()


def test_an_unknown_split_is_named(db: None, tmp_path: Path) -> None:
    file = file_of(tmp_path, "text,label,split\na,x,hold-out\n")

    with pytest.raises(BadInput, match="the split is “hold-out”; it has to be one of: train"):
        bring_in(file, columns=Columns("text", "label", split="split"))


def test_a_label_that_is_not_in_the_list_is_named(db: None, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="row 2: the label “delivery” is not in the list"):
        bring_in(file_of(tmp_path, "text,label\na,billing\nb,delivery\n"), labels=LABELS)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "7", '[{"name": "x"}]', '{"x": 7}', "null"])
def test_a_bad_list_of_labels_gets_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)

    with pytest.raises(BadInput, match=r"labels.json is not a list of labels"):
        read_labels(path)


def test_a_column_of_free_text_is_not_taken_for_labels(db: None, tmp_path: Path) -> None:
    lines = "\n".join(f"text {number},label {number}" for number in range(5001))

    with pytest.raises(BadInput, match="too many labels: is that the right column"):
        bring_in(file_of(tmp_path, f"text,label\n{lines}\n"))


def test_columns_are_guessed_by_their_names() -> None:
    assert guessed(["Text", "category"]) == Columns("Text", "category")
    assert guessed(["id", "split", "message", "team"]) == Columns("message", "team", "id", "split")
    assert guessed(["a", "b"]) == Columns("", "")


def test_columns_of_json_lines_are_those_of_the_first_rows(tmp_path: Path) -> None:
    file = file_of(tmp_path, '{"a": 1}\n{"b": 2, "a": 3}\n', "cases.jsonl")

    assert columns_of(file.path) == ["a", "b"]


def test_a_json_array_is_read_across_chunks(db: None, tmp_path: Path) -> None:
    told = [{"text": "x" * 500 + str(number), "label": "x"} for number in range(400)]

    assert bring_in(file_of(tmp_path, json.dumps(told))).count("test") == 400


def test_a_file_that_changes_while_it_is_read_is_refused(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluations import freezing

    file = file_of(tmp_path, "text,label\na,x\n")
    checked = freezing._surveyed_cases

    def check_then_change(*args: Any) -> object:
        found = checked(*args)
        file_of(tmp_path, "text,label\nb,x\n")
        return found

    monkeypatch.setattr(freezing, "_surveyed_cases", check_then_change)
    with pytest.raises(BadInput, match="changed while it was being read"):
        bring_in(file)
    assert not CaseSet.everything.exists()
