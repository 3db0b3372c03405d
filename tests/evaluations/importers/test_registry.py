from pathlib import Path

import pytest

from evaluations.importers.measured import Source
from evaluations.importers.results import registry
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import shared_file, written

FILES = {
    "promptfoo": (
        *("pf_v2flat_nodeapi_d368.json", "pf_v2flat_ts_09cb.json", "pf_share_v3_wrapped.json"),
        *("pf_v3_early_1e8e.json", "pf_v3_http_fail.json"),
        *(f"generated/pf_0.123.1_errors_repeat2.{end}" for end in ("json", "jsonl", "csv")),
    ),
    "lm_eval": (
        *("v02_ja_partial_result2.json", "v03_pythia12b_5shot.json", "v03_winobias_1.4b.json"),
        "generated/results_2026-11-21T00-57-09.615671.json",
        "generated/samples_sent_demo_first40.jsonl",
    ),
    "openai_evals": ("gpt-4-cot_semantic_role_recognition.jsonl",),
}


@pytest.mark.parametrize(
    ("key", "name"), [(key, name) for key, names in FILES.items() for name in names]
)
def test_a_file_is_known_by_its_content(key: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(shared_file(key, name).read_bytes())
    assert registry.detected(Source(path)).key == key


def test_keys_are_unique_and_lead_to_their_format() -> None:
    keys = [one.key for one in registry.FORMATS]
    assert len(set(keys)) == len(keys) >= 3
    assert [registry.format_named(key).key for key in keys] == keys


def test_an_unknown_file_is_told_what_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, "photo.jpg", "\0\1\2")
    with pytest.raises(Unreadable, match=r"photo\.jpg is in none of the known formats: promptfoo"):
        registry.detected(Source(path))


def test_an_unknown_format_and_an_absent_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="“excel” is none of the formats: promptfoo"):
        registry.format_named("excel")
    with pytest.raises(Unreadable, match="absent does not exist"):
        registry.detected(Source(tmp_path / "absent"))
