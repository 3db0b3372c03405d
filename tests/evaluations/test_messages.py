"""Prompts: what is set becomes messages, and a reply becomes an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.techniques import Example, Label, Question
from evaluations.techniques.messages import Prompt, as_label, concluded, numbered, placeholders

LABELS = [
    Label("card_arrival", "Card arrival", "Where is my card?"),
    Label("card_payment"),
    Label("card_payment_wrong_rate", "Wrong rate"),
]


def test_the_parts_of_a_prompt_become_one_system_turn_and_empty_ones_are_left_out() -> None:
    prompt = Prompt(
        "{text}",
        context="You serve a bank.",
        tone="friendly",
        rules="- Never guess.\n\n* Be brief.",
        output_format="One label.",
    )

    assert prompt.instructions() == (
        "You serve a bank.\n\nTone: friendly\n\n"
        "Rules:\n- Never guess.\n- Be brief.\n\nOutput format: One label."
    )


def test_a_prompt_without_parts_is_the_message_alone() -> None:
    assert Prompt("{text}").messages(Question("Hello?")) == [{"role": "user", "content": "Hello?"}]


def test_examples_are_turns_before_the_question() -> None:
    messages = Prompt("Say: {text}").messages(
        Question("Where is it?"), examples=[Example("Lost card", "card_arrival")]
    )

    assert [(one["role"], one["content"]) for one in messages] == [
        ("user", "Say: Lost card"),
        ("assistant", "card_arrival"),
        ("user", "Say: Where is it?"),
    ]


def test_labels_and_passages_stand_where_the_message_wants_them() -> None:
    prompt = Prompt("{labels}\n\n{passages}\n\n{text}")

    (only,) = prompt.messages(Question("Where?"), LABELS[:2], passages=["One.", "Two."])

    assert only["content"] == (
        "- card_arrival: Where is my card?\n- card_payment\n\n[1] One.\n\n[2] Two.\n\nWhere?"
    )


@given(text=st.text(max_size=80))
def test_braces_in_a_question_stay_as_they_are(text: str) -> None:
    (only,) = Prompt("Q {text} Q").messages(Question(text))

    assert only["content"] == f"Q {text} Q"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{text}", None),
        ("{labels} {text}", None),
        ("no place", "Must contain {text}."),
        ("{text} {other}", "Unknown placeholder: {other}."),
    ],
)
def test_a_template_is_held_against_what_can_be_filled_in(
    template: str, problem: str | None
) -> None:
    assert placeholders("text", "labels")(template) == problem


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Paris", "Paris"),
        ("First, France. Then its capital.\nAnswer: Paris", "Paris"),
        ("Answer: Lyon? No.\n**Answer:** Paris", "Paris"),
        ("thinking\nANSWER :  `Paris`  ", "Paris"),
        ("The answer: is in the middle", "The answer: is in the middle"),
        ("Answer: Paris\nor so", "Paris\nor so"),
        ("", ""),
    ],
)
def test_what_follows_the_last_answer_is_the_answer(reply: str, answer: str) -> None:
    assert concluded(reply) == answer


@given(st.text(alphabet="aAnswer:*> \n", max_size=60))
def test_any_reply_comes_to_some_answer(reply: str) -> None:
    assert concluded(reply) in reply.strip() + reply


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("card_arrival", "card_arrival"),
        ("Card arrival.", "card_arrival"),
        ("The label is **card_arrival**.", "card_arrival"),
        ("wrong rate", "card_payment_wrong_rate"),
        ("It is card_payment_wrong_rate, I think.", "card_payment_wrong_rate"),
        ("card_arrival or card_payment", "card_arrival or card_payment"),
        ("no idea ", "no idea"),
        ("", ""),
    ],
)
def test_a_reply_names_one_label_or_stays_as_it_is(reply: str, label: str) -> None:
    assert as_label(reply, LABELS) == label


def test_passages_are_numbered_for_citing() -> None:
    assert numbered(["a", "b"]) == "[1] a\n\n[2] b"
    assert numbered([]) == ""
