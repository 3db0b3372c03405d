"""Every technique answers from its material, the same way every time, and says what it is."""

import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisions.advisor_ways import WAYS
from evaluations.techniques import (
    TECHNIQUES,
    Example,
    Label,
    PrepareError,
    Question,
    SpecError,
    Technique,
    encoder_tuning,
    technique_for,
    techniques_of,
)
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.indexes import Bm25Index, FusedIndex, TfidfIndex
from evaluations.techniques.messages import fill
from evaluations.techniques.prompting import label_prompt
from evaluations.techniques.voting import best, closeness

TRAIN = [
    Example(text, label)
    for label, texts in {
        "billing": [
            "I was charged twice this month",
            "The invoice shows the wrong amount",
            "Please refund the duplicate payment",
            "Why is there an extra fee on my bill?",
            "My credit card was charged after I cancelled",
        ],
        "delivery": [
            "Where is my parcel?",
            "The courier left the package in the rain",
            "My order has not arrived yet",
            "Tracking says delivered but there is no parcel here",
            "Can you ship to another address?",
        ],
        "access": [
            "I forgot my password",
            "The login page does not accept my code",
            "My account is locked",
            "I cannot sign in on my new phone",
            "The reset link has expired",
        ],
    }.items()
    for text in texts
]
QUESTIONS = {
    "There are two charges for the same invoice": "billing",
    "The parcel never arrived, where is the courier?": "delivery",
    "My password is not accepted when I sign in": "access",
}
LABELS = [
    Label("billing", "Billing", "invoices, charges and refunds"),
    Label("delivery", "Delivery", "parcels and couriers"),
    Label("access", "Access", "passwords and signing in"),
]
# What runs here in the default install on labels alone; the others have tests of their own.
EXTRA = "fine_tuning/encoder"
OFFLINE = [
    one
    for one in TECHNIQUES.values()
    if not one.connects and not one.needs_corpus and one.key != EXTRA
]
every_technique = pytest.mark.parametrize("technique", OFFLINE, ids=lambda t: t.key)
trained_technique = pytest.mark.parametrize(
    "technique",
    [entry for entry in OFFLINE if entry.needs_training],
    ids=lambda t: t.key,
)


@every_technique
def test_a_technique_answers_clear_messages(technique: Technique, tmp_path: Path) -> None:
    answerer = technique.prepare({}, TRAIN, labels=LABELS, cache=tmp_path)
    assert {text: answerer.answer(Question(text)).output for text in QUESTIONS} == QUESTIONS


@every_technique
def test_the_same_spec_and_material_give_the_same_answers(
    technique: Technique, tmp_path: Path
) -> None:
    first, second = (
        technique.prepare({}, TRAIN, labels=LABELS, cache=tmp_path / part) for part in "ab"
    )
    texts = [*QUESTIONS, "my card", "hello", "🙂"]
    assert [first.answer(Question(text)) for text in texts] == [
        second.answer(Question(text)) for text in texts
    ]


@every_technique
def test_answers_and_facts_can_be_stored_as_json(technique: Technique, tmp_path: Path) -> None:
    answerer = technique.prepare({}, TRAIN, labels=LABELS, cache=tmp_path)
    answer = answerer.answer(Question("Where is my parcel?"))
    json.dumps([answer.details, dict(answerer.facts)], allow_nan=False)
    assert (answer.input_tokens, answer.output_tokens, answer.cost) == (None, None, None)
    assert answerer.facts["training_examples"] == (len(TRAIN) if technique.needs_training else 0)
    assert answerer.facts["labels"] == 3
    assert answerer.facts["index_bytes"] > 0


@every_technique
@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "?!", "{name} {0} %s", "long " * 5000, "日本語"]
)
def test_any_text_gets_an_answer(technique: Technique, text: str, tmp_path: Path) -> None:
    answerer = technique.prepare({}, TRAIN, labels=LABELS, cache=tmp_path)
    assert answerer.answer(Question(text)).output in {"billing", "delivery", "access", ""}


@trained_technique
def test_without_training_examples_the_reason_is_a_sentence(technique: Technique) -> None:
    with pytest.raises(PrepareError, match=r"examples.*\.$"):
        technique.prepare({}, [], labels=LABELS)


@every_technique
def test_a_technique_says_what_it_is(technique: Technique) -> None:
    assert technique.approach in {"prompting", "rag", "fine_tuning", "hybrid"}
    told = [way.key for way in WAYS.values() if technique.key in way.techniques]
    assert len(told) == (technique.approach == "hybrid"), "the advisor knows which hybrid it is"
    assert technique.key.split("/")[0] == technique.approach
    for words in (technique.title, technique.description, technique.kind_note):
        assert str(words)


@every_technique
def test_a_completed_spec_is_whole_and_stays_the_same(technique: Technique) -> None:
    complete = technique.complete({})
    assert complete["technique"] == technique.key
    assert set(complete) == {"technique", *(field.name for field in technique.fields)}
    assert technique.complete(json.loads(json.dumps(complete))) == complete
    assert technique_for(complete) is technique


@every_technique
def test_a_form_can_be_made_from_the_fields(technique: Technique) -> None:
    for field in technique.fields:
        assert str(field.label)
        assert field.type in {"text", "line", "choice", "endpoint", "integer", "number"}
        assert field.problem(field.default) is None
        assert bool(field.choices) == (field.type in {"choice", "endpoint"})


def test_a_spec_names_its_technique() -> None:
    for spec in ({}, {"technique": "rag/none"}, {"technique": 3}, {"technique": ["rag"]}):
        with pytest.raises(SpecError) as caught:
            technique_for(spec)
        assert "prompting/zero_shot" in caught.value.problems["technique"]


def test_each_approach_lists_its_techniques() -> None:
    assert [entry.key for entry in techniques_of("rag")] == [
        "rag/tfidf_knn",
        "rag/bm25_knn",
        "rag/dense_knn",
        "rag/fused_knn",
        "rag/retrieval",
        "rag/extraction",
        "rag/generation",
    ]


def test_a_bad_spec_names_every_field_at_fault() -> None:
    spec = {"neighbours": 0, "k1": "high", "stemming": "klingon", "b": float("nan"), "colour": 1}
    with pytest.raises(SpecError) as caught:
        TECHNIQUES["rag/bm25_knn"].validate(spec)
    assert caught.value.problems == {
        "colour": "There is no such setting.",
        "neighbours": "Must be at least 1.",
        "stemming": "Must be one of: none, english, french, german, italian, portuguese, spanish.",
        "k1": "Must be a number.",
        "b": "Must be a number.",
    }


@pytest.mark.parametrize(
    ("key", "spec", "problem"),
    [
        ("rag/bm25_knn", {"neighbours": True}, "Must be a whole number."),
        ("rag/bm25_knn", {"neighbours": 2.5}, "Must be a whole number."),
        ("rag/bm25_knn", {"neighbours": None}, "Must be a whole number."),
        ("rag/bm25_knn", {"b": 1.5}, "Must be at most 1."),
        ("rag/bm25_knn", {"stemming": ["english"]}, "Must be one of:"),
        ("prompting/zero_shot", {"message_template": 5}, "Must be text."),
        ("prompting/zero_shot", {"message_template": " "}, "Must not be empty."),
        ("prompting/zero_shot", {"message_template": "Hello"}, "Must contain {text}."),
        ("prompting/zero_shot", {"message_template": "{text} {x}"}, "Unknown placeholder: {x}."),
        ("prompting/zero_shot", {"message_template": "{text}" * 1000}, "at most 4000 characters"),
        ("prompting/zero_shot", {"label_template": "{description}"}, "Must contain {name}."),
        ("fine_tuning/encoder_head", {"examples": 1}, "Must be at least 2."),
    ],
)
def test_each_kind_of_mistake_has_its_sentence(
    key: str, spec: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SpecError) as caught:
        TECHNIQUES[key].validate(spec)
    (sentence,) = caught.value.problems.values()
    assert problem in sentence


def test_a_template_takes_braces_in_a_message_as_text() -> None:
    assert fill("{text}!", {"text": "{name} {0.__class__}"}) == "{name} {0.__class__}!"


def test_a_label_without_name_or_description_still_makes_a_prompt() -> None:
    template = "About {name}: {description}"
    assert label_prompt(template, Label("card_not-working")) == "About card not working"
    assert label_prompt(template, LABELS[1]) == "About Delivery: parcels and couriers"


def test_zero_shot_needs_labels_and_takes_them_from_the_examples() -> None:
    technique = TECHNIQUES["prompting/zero_shot"]
    assert technique.prepare({}, TRAIN).facts["labels"] == 3
    with pytest.raises(PrepareError, match="no labels"):
        technique.prepare({}, [])


def test_bm25_gives_no_answer_when_no_word_is_known() -> None:
    answer = TECHNIQUES["rag/bm25_knn"].prepare({}, TRAIN).answer(Question("xyzzy plugh"))
    assert (answer.output, answer.details) == ("", {"reason": "nothing similar was found"})


def test_bm25_finds_other_endings_of_a_word_by_its_stem() -> None:
    texts = ["charged twice", "a parcel"]
    assert Bm25Index(texts, "english", 1.5, 0.75).scores("charging")[0] > 0
    assert not Bm25Index(texts, "none", 1.5, 0.75).scores("charging").any()


def test_bm25_agrees_with_the_formula() -> None:
    # Lucene's variant: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), without the factor k1 + 1.
    texts = ["red red car", "blue car here today", "green"]
    found = Bm25Index(texts, "none", 1.5, 0.75).scores("red car")
    mean = 8 / 3

    def term(tf: int, df: int, length: int) -> float:
        idf = np.log(1 + (3 - df + 0.5) / (df + 0.5))
        return float(idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * length / mean)))

    expected = [term(2, 1, 3) + term(1, 2, 3), term(1, 2, 4), 0]
    assert found == pytest.approx(expected, abs=1e-5)


def test_tfidf_agrees_with_the_formula() -> None:
    # Smoothed idf = 1 + ln((1 + N) / (1 + df)), weights (1 + ln tf) * idf, texts of length one.
    texts = ["red red car", "blue car", "green"]
    found = TfidfIndex(texts, "none").scores("red car")
    red, car = 1 + np.log(4 / 2), 1 + np.log(4 / 3)
    asked = np.array([red, car]) / np.hypot(red, car)
    first = np.array([(1 + np.log(2)) * red, car])
    expected = [asked @ first / np.linalg.norm(first), asked[1] * car / np.hypot(red, car), 0]
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_matches_of_an_answer_are_shown_with_it() -> None:
    answer = TECHNIQUES["rag/bm25_knn"].prepare({}, TRAIN).answer(Question("Where is my parcel?"))
    first = answer.details["matches"][0]
    assert (first["text"], first["label"]) == ("Where is my parcel?", "delivery")
    assert answer.details["labels"][0]["label"] == "delivery"


def test_equal_scores_keep_their_order() -> None:
    scores = np.array([1.0, 2.0, 2.0, 2.0, 0.0, -1.0])
    assert list(best(scores, 2)) == [1, 2]
    assert list(best(scores, 10)) == [1, 2, 3, 0]
    assert list(best(np.zeros(3), 2)) == []
    assert list(best(np.zeros(0), 2)) == []


def test_sharpness_zero_gives_every_match_one_vote() -> None:
    assert list(closeness(np.array([0.9, 0.3]), 0)) == [1, 1]
    assert list(closeness(np.array([0.8, 0.4]), 2)) == pytest.approx([1, 0.25])


def test_fusion_adds_reciprocal_ranks() -> None:
    fused = FusedIndex([], constant=5, depth=2)
    scores = fused.fuse([np.array([3.0, 2.0, 1.0]), np.array([0.0, 5.0, 6.0])])
    assert scores == pytest.approx([1 / 6, 1 / 7 + 1 / 7, 1 / 6])


def test_training_examples_are_drawn_evenly_and_smaller_draws_are_part_of_larger() -> None:
    train = [Example(f"text {n}", "rare" if n % 10 == 0 else "common") for n in range(100)]
    draws = [drawn(train, count, seed=1) for count in (2, 6, 30, 99)]
    assert [len(draw) for draw in draws] == [2, 6, 30, 99]
    assert Counter(example.expected for example in draws[1]) == {"rare": 3, "common": 3}
    assert Counter(example.expected for example in draws[2]) == {"rare": 10, "common": 20}
    for smaller, larger in itertools.pairwise(draws):
        assert set(smaller) <= set(larger)
    assert drawn(train, 6, seed=2) != draws[1]
    assert drawn(train, None, seed=1) == drawn(train, 500, seed=1) == train


def test_a_draw_does_not_depend_on_the_order_of_the_file() -> None:
    again = drawn(TRAIN[::-1], 6, seed=3)
    assert set(again) == set(drawn(TRAIN, 6, seed=3))


def test_a_head_says_how_many_examples_it_saw(tmp_path: Path) -> None:
    technique = TECHNIQUES["fine_tuning/encoder_head"]
    answerer = technique.prepare({"examples": 6, "seed": 1}, TRAIN, cache=tmp_path)
    assert answerer.facts["training_examples"] == 6


def test_a_head_for_two_labels_gives_probabilities_that_add_up(tmp_path: Path) -> None:
    two = [example for example in TRAIN if example.expected != "access"]
    answerer = TECHNIQUES["fine_tuning/encoder_head"].prepare({}, two, cache=tmp_path)
    answer = answerer.answer(Question("Where is my parcel?"))
    assert answer.output == "delivery"
    assert sum(one["score"] for one in answer.details["labels"]) == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("key", ["fine_tuning/encoder_head", "hybrid/fused"])
def test_a_head_cannot_learn_from_one_label(key: str, tmp_path: Path) -> None:
    with pytest.raises(PrepareError, match="two labels"):
        TECHNIQUES[key].prepare({}, TRAIN[:5], cache=tmp_path)


def test_a_hybrid_with_the_whole_share_is_the_head(tmp_path: Path) -> None:
    head = TECHNIQUES["fine_tuning/encoder_head"].prepare({}, TRAIN, cache=tmp_path)
    hybrid = TECHNIQUES["hybrid/fused"].prepare({"head_share": 1}, TRAIN, cache=tmp_path)
    for text in QUESTIONS:
        assert (
            hybrid.answer(Question(text)).details["labels"]
            == head.answer(Question(text)).details["labels"]
        )


def test_a_second_preparation_reads_the_embeddings_of_the_first(tmp_path: Path) -> None:
    technique = TECHNIQUES["rag/dense_knn"]
    seen = [
        technique.prepare({}, TRAIN, cache=tmp_path).facts["embeddings_from_cache"] for _ in "ab"
    ]
    assert seen == [False, True]


def test_listing_the_techniques_loads_no_heavy_library() -> None:
    heavy = ("sklearn", "scipy", "onnxruntime", "bm25s", "tokenizers")
    code = (
        "import sys, evaluations.techniques as t; [e.fields for e in t.TECHNIQUES.values()];"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_can_never_run_says_so_before_it_is_asked_for(monkeypatch: Any) -> None:
    model = {"endpoint": "lab", "model": "tiny"}
    provider, encoder = TECHNIQUES["fine_tuning/provider"], TECHNIQUES["fine_tuning/encoder"]
    assert provider.obstacle
    assert encoder.obstacle
    curve, plain = (provider.validate(model | one) for one in ({"curve_sizes": "10, 50"}, {}))
    assert "there are none" in provider.obstacle(curve, False)
    assert [provider.obstacle(curve, True), provider.obstacle(plain, False)] == ["", ""]
    monkeypatch.setattr(encoder_tuning, "NEEDED", ("a_package_that_nobody_has",))
    assert "finetune" in encoder.obstacle(encoder.validate({}), True)
