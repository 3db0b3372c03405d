"""The sample's case set: complete, balanced, and without messages that give each other away."""

import csv
import json
import re
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import median

import pytest

ROUTING = Path(__file__).resolve().parents[2] / "samples" / "routing"
COLUMNS = ["id", "split", "text", "team", "urgency"]
TRAIN, TEST = 30, 20
ALIKE = 0.6

Message = dict[str, str]
Labels = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    with (ROUTING / "messages.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def teams() -> Labels:
    return labels("teams.json")


@pytest.fixture(scope="module")
def urgencies() -> Labels:
    return labels("urgency.json")


def labels(name: str) -> Labels:
    found: Labels = json.loads((ROUTING / name).read_text(encoding="utf-8"))
    return found


def words(text: str) -> list[str]:
    """Return the words without case, accents and typographic apostrophes."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("’", "'")
    return re.findall(r"[\w']+", "".join(c for c in plain if not unicodedata.combining(c)))


def overlap(one: set[str], other: set[str]) -> float:
    """Return the Jaccard index of two sets of words."""
    return len(one & other) / len(one | other)


def test_the_columns_are_the_ones_that_the_sample_loads(messages: list[Message]) -> None:
    assert all(list(message) == COLUMNS for message in messages)
    assert all(value for message in messages for value in message.values())


def test_there_are_300_training_and_200_test_messages(messages: list[Message]) -> None:
    assert Counter(message["split"] for message in messages) == {"train": 300, "test": 200}


def test_every_team_has_as_many_messages_as_the_others(
    messages: list[Message], teams: Labels
) -> None:
    counted = Counter((message["team"], message["split"]) for message in messages)
    assert counted == {(team, "train"): TRAIN for team in teams} | {
        (team, "test"): TEST for team in teams
    }


def test_every_urgency_is_known_and_occurs_in_both_splits(
    messages: list[Message], urgencies: Labels
) -> None:
    found = {(message["urgency"], message["split"]) for message in messages}
    assert found == {(urgency, split) for urgency in urgencies for split in ("train", "test")}


@pytest.mark.parametrize("name", ["teams.json", "urgency.json"])
def test_every_label_has_a_slug_a_name_and_one_sentence(name: str) -> None:
    for slug, label in labels(name).items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
        assert set(label) == {"name", "description"}
        assert label["name"].strip()
        assert re.fullmatch(r"[A-Z][^.!?]{20,}\.", label["description"])


def test_names_and_descriptions_tell_the_teams_apart(teams: Labels) -> None:
    for part in ("name", "description"):
        assert len({team[part] for team in teams.values()}) == len(teams)


def test_ids_are_unique_and_in_order(messages: list[Message]) -> None:
    expected = [f"m{number:03d}" for number in range(1, len(messages) + 1)]
    assert [message["id"] for message in messages] == expected


def test_no_message_occurs_twice_even_if_case_and_punctuation_differ(
    messages: list[Message],
) -> None:
    assert len({" ".join(words(message["text"])) for message in messages}) == len(messages)


def test_no_two_messages_are_nearly_the_same(messages: list[Message]) -> None:
    texts = [(message["id"], set(words(message["text"]))) for message in messages]
    alike = [
        (one, other)
        for (one, first), (other, second) in combinations(texts, 2)
        if overlap(first, second) >= ALIKE
    ]
    assert not alike


def test_no_opening_is_worn_out(messages: list[Message]) -> None:
    openings = Counter(tuple(words(message["text"])[:4]) for message in messages)
    assert max(openings.values()) <= 3


def test_messages_are_as_short_and_as_long_as_people_write(messages: list[Message]) -> None:
    lengths = [len(message["text"].split()) for message in messages]
    assert min(lengths) <= 4
    assert 12 <= median(lengths) <= 25
    assert 60 <= max(lengths) <= 80
    assert sum(length <= 8 for length in lengths) >= 25
    assert sum(length >= 40 for length in lengths) >= 15


def test_texts_are_tidy_enough_to_show(messages: list[Message]) -> None:
    for message in messages:
        assert message["text"] == message["text"].strip()
        assert message["text"].isprintable()
        assert "  " not in message["text"]


def test_the_read_me_counts_what_the_file_holds(messages: list[Message], teams: Labels) -> None:
    read_me = (ROUTING / "README.md").read_text(encoding="utf-8")
    for team in teams:
        urgent = Counter(message["urgency"] for message in messages if message["team"] == team)
        counts = (TRAIN, TEST, urgent["now"], urgent["soon"], urgent["whenever"])
        assert f"| {team} | {' | '.join(map(str, counts))} |" in read_me
