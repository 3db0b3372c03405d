"""Load tests of k6, Locust, hey, wrk and tables of requests: what they say, and what is refused.

The files have our own figures in the shape of what each tool and version really prints or writes.
"""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.importers.load import read_load_test
from evaluations.importers.load.columns import NONE
from evaluations.importers.load.found import P50, P95, P99, LoadTest
from evaluations.importers.rows import Unreadable
from evaluations.load_tests import (
    Circumstances,
    figures,
    measurements,
    rounded_duration,
    told_duration,
)
from evaluations.statistics import wilson

DATA = Path(__file__).parents[2] / "data" / "load"


def read(name: str, **columns: str) -> LoadTest:
    return read_load_test(name, (DATA / name).read_bytes(), columns)[1]


def refused(name: str, content: str | bytes, **columns: str) -> str:
    with pytest.raises(Unreadable) as error:
        read_load_test(name, content.encode() if isinstance(content, str) else content, columns)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "has_p99"),
    [
        ("k6_summary_export.json", True),
        ("k6_handle_summary.json", False),
        ("k6_machine_readable.json", False),
    ],
)
def test_the_three_summaries_of_k6_say_the_same(name: str, has_p99: bool) -> None:
    test = read(name)
    assert (test.tool, test.requests, test.failed, test.users) == ("k6", 4500, 9, 50)
    assert (test.percentiles[P50], test.percentiles[P95]) == (140.25, 310.75)
    assert (P99 in test.percentiles) == has_p99
    assert test.duration == pytest.approx(60, abs=0.02)
    assert test.throughput == pytest.approx(75, abs=0.02)


def test_locust_is_read_from_the_row_of_all_requests() -> None:
    test = read("locust_stats.csv")
    assert (test.tool, test.requests, test.failed) == ("Locust", 3000, 12)
    assert test.percentiles == {P50: 110.0, P95: 250.0, P99: 450.0}
    assert (test.throughput, test.duration) == pytest.approx((50, 60), rel=1e-4)


def test_a_history_of_locust_has_the_median_of_the_whole_test_alone() -> None:
    test = read("locust_stats_history.csv")
    assert (test.requests, test.failed, test.users, test.duration) == (3000, 12, 40, 60)
    assert test.percentiles == {P50: 110.0}
    assert "last ten seconds" in " ".join(test.remarks)


def test_failures_of_locust_alone_are_sent_back() -> None:
    assert "_stats.csv" in refused("f.csv", (DATA / "locust_failures.csv").read_bytes())


def test_hey_counts_what_got_no_response_as_failed() -> None:
    test = read("hey.txt")
    assert (test.requests, test.failed, test.measured) == (2000, 40, 1980)
    assert test.percentiles == pytest.approx({P50: 33.5, P95: 115.2, P99: 147.0})
    assert (test.throughput, test.duration) == (pytest.approx(197.3664, rel=1e-5), 10.0321)


def test_newer_builds_of_hey_double_the_percent_sign_and_count_what_failed_in_their_rate() -> None:
    test = read("hey_newer.txt")
    assert (test.requests, test.failed, test.measured) == (5050, 150, 4950)
    assert test.percentiles == pytest.approx({P50: 7.3, P95: 22.9, P99: 55.1})
    assert test.throughput == pytest.approx(4950 / 10.0054)


def test_hey_lists_a_million_responses_at_most() -> None:
    told = (DATA / "hey_newer.txt").read_text()
    told = told.replace("504.7275", "130000.0").replace("4900 responses", "1000000 responses")
    test = read_load_test("h.txt", told.encode())[1]
    assert (test.failed, test.throughput) == (None, None)
    assert "first million" in " ".join(test.remarks)


def test_percentiles_of_hey_that_cannot_be_read_are_not_left_out_in_silence() -> None:
    told = (DATA / "hey.txt").read_text()
    assert "Latency distribution" in refused("h.txt", told.replace("% in", " percent:"))
    oha = told.replace("Summary:", "Summary:\n  Success rate:\t100.00%")
    assert "none of the known formats" in refused("o.txt", oha)


def test_wrk_adds_socket_errors_to_what_failed() -> None:
    test = read("wrk.txt")
    assert (test.requests, test.failed, test.users) == (37072, 140, 64)
    assert test.percentiles == pytest.approx({P50: 48.2, P99: 190.44})
    assert test.duration == pytest.approx(30.02)


def test_wrk2_prints_the_corrected_percentiles_first() -> None:
    test = read("wrk2.txt")
    assert (test.tool, test.requests, test.failed) == ("wrk2", 119302, 0)
    assert (test.users, test.duration) == (64, 60)
    assert test.percentiles == pytest.approx({P50: 2.37, P99: 6.02})


def test_a_table_of_requests_says_what_its_columns_hold_by_their_names() -> None:
    test = read("jmeter.csv")
    assert (test.requests, test.failed, test.latencies) == (5, 1, (110, 130, 90, 120))
    assert (test.duration, test.throughput) == (4.0, 1.25)


def test_what_the_columns_hold_can_be_said() -> None:
    table = "took;code;note\n0.1;200;a\n0.2;404;b\n"
    said = {"latency": "took", "unit": "s", "outcome": "code"}
    test = read_load_test("t.csv", table.encode(), said)[1]
    assert (test.latencies, test.failed) == ((100.0,), 1)
    assert "which column" in refused("t.csv", table)
    assert "no column “lag”" in refused("t.csv", table, latency="lag")
    assert "does not say whether" in refused("t.csv", table, **said | {"outcome": "note"})
    assert table_of(table, **said | {"outcome": NONE}).failed is None


def table_of(table: str, **said: str) -> LoadTest:
    return read_load_test("t.csv", table.encode(), said)[1]


def test_heys_own_table_says_its_statuses_and_what_it_leaves_out() -> None:
    test = read("hey.csv")
    assert (test.requests, test.failed, test.duration) == (4, 1, pytest.approx(2))
    assert test.latencies == pytest.approx((101.2, 90.8, 87.1))
    assert "without a response" in " ".join(test.remarks)


@pytest.mark.parametrize(
    ("name", "told", "ms"),
    [
        ("latency_ms", "120", 120),
        ("latency_msec", "120", 120),
        ("response time (milliseconds)", "120", 120),
        ("responseTimeMs", "120", 120),
        ("duration_usec", "120000", 120),
        ("Latency µs", "120000", 120),
        ("elapsed-ns", "120000000", 120),
        ("time_in_seconds", "0.12", 120),
        ("DURATION_S", "0.12", 120),
    ],
)
def test_a_unit_is_a_whole_word_of_the_name_and_always_told(
    name: str, told: str, ms: float
) -> None:
    test = table_of(f"{name},ok\n{told},true\n", latency=name)
    assert test.latencies == (pytest.approx(ms),)
    assert f"“{name}” is read as times in" in test.remarks[0]


@pytest.mark.parametrize("name", ["latency", "elapsed", "process_s_ms", "requests", "DNS"])
def test_a_unit_that_no_word_gives_is_asked_for(name: str) -> None:
    table = f"{name},ok\n0.12,true\n"
    assert f"in which unit the times in “{name}”" in refused("t.csv", table, latency=name)
    assert table_of(table, latency=name, unit="s").latencies == (120,)


@pytest.mark.parametrize(
    ("column", "first", "last", "seconds"),
    [
        ("timestamp", "2026-11-21T10:00:00", "2026-11-21T10:00:30", 30),
        ("timestamp", "2026-11-21T10:00:00.5Z", "2026-11-21T11:00:30.5+01:00", 30),
        ("timestamp", "2026/11/21 10:00:00", "2026/11/21 10:00:30", 30),
        ("start", "1763719200", "1763719230", 30),
        ("start", "1763719200000", "1763719230000", 30),
        ("start", "1763719200000000", "1763719230000000", 30),
        ("start", "1763719200000000000", "1763719230000000000", 30),
        ("offset_ms", "0", "30000", 30),
        ("started_s", "0", "30", 30),
    ],
)
def test_moments_are_dates_or_count_from_1970_or_in_the_unit_of_their_name(
    column: str, first: str, last: str, seconds: float
) -> None:
    test = table_of(f"latency_ms,{column}\n12,{first}\n13,{last}\n")
    assert test.duration == pytest.approx(seconds, rel=1e-4)
    assert f"“{column}” is read as" in test.remarks[1]


def test_moments_whose_unit_nothing_tells_are_asked_for_or_left_out() -> None:
    table = "latency_ms,offset\n12,0\n13,30000\n"
    assert "in which unit “offset” counts" in refused("t.csv", table)
    assert table_of(table, at_unit="ms").duration == 30
    left_out = table_of(table, at=NONE)
    assert (left_out.duration, left_out.throughput) == (None, None)
    assert "is no moment" in refused("t.csv", table.replace("0", "today"))


@pytest.mark.parametrize(
    "well", ["", "null", "None", "-", "n/a", "OK", "false", "0", "nil", "NaN", "success"]
)
def test_a_column_of_errors_is_empty_where_all_went_well(well: str) -> None:
    table = f"latency_ms,error\n10,{well}\n20,timed out\n30,503\n40,true\n"
    assert table_of(table).failed == 3


def test_a_number_in_a_column_of_errors_is_unclear_unless_it_is_a_status() -> None:
    for unclear in ("200", "2", "111"):
        assert "does not say whether" in refused("t.csv", f"latency_ms,error\n10,{unclear}\n")


def test_a_table_of_very_many_columns_is_refused() -> None:
    names = ",".join(f"c{n}" for n in range(201))
    assert "200 columns" in refused("t.csv", f"{names}\n{names}\n")


@pytest.mark.parametrize(
    "name",
    [
        "k6_summary_export.json",
        "k6_handle_summary.json",
        "k6_machine_readable.json",
        "locust_stats.csv",
        "hey.txt",
        "hey_newer.txt",
        "wrk.txt",
        "wrk2.txt",
    ],
)
def test_a_file_that_is_cut_off_is_refused_in_one_sentence(name: str) -> None:
    whole = (DATA / name).read_text().rstrip()
    cut = whole[: int(len(whole) * 0.55)]
    said = refused(name, cut)
    assert said.startswith(name)
    assert said.endswith(".")
    assert "\n" not in said


HOSTILE = {
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "a picture": b"\x89PNG\r\n\x1a\n\x00",
    "deep": b'{"vus_max": ' + b"[" * 200_000,
    "no metrics": b'{"metrics": {}, "vus_max": 1}',
    "not a number": b'{"metrics": {"http_reqs": {"count": NaN}}}',
    "longer than a float": b'{"metrics":{"http_reqs":{"count":1' + b"0" * 400 + b"}}}",
    "longer than a number": b'{"metrics":{"http_reqs":{"count":1' + b"0" * 9_000 + b"}}}",
    "hardly any": b'{"metrics":{"http_reqs":{"count":100,"rate":1e-320}}}',
    "too fast": b'{"metrics":{"http_reqs":{"count":100,"rate":1e300}}}',
    "text": b'{"metrics": {"http_reqs": {"count": "many"}}}',
    "true": b'{"metrics": {"http_reqs": {"count": true}}}',
    "list": b'{"metrics": ["http_reqs"], "vus_max": 1}\n"http_req',
    "none": b'{"metrics": {"http_reqs": {"count": 0}}}',
    "more failed": b'{"metrics": {"http_reqs": {"count": 3}, "http_req_failed": {"passes": 4}}}',
    "negative": b'{"metrics": {"http_reqs": {"count": 3}, "http_req_duration": {"med": -4}}}',
    "crossed": b'{"metrics": {"http_reqs":{"count":3},"http_req_duration":{"med":9,"p(95)":4}}}',
    "infinite rows": b"latency_ms,ok\n1e999,true\n",
    "other columns": b"latency_ms,ok\n1,true,2\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_sentence(name: str) -> None:
    said = refused("h.json", HOSTILE[name])
    assert said.startswith("h.json")
    assert said.endswith(".")


LONG = {
    "wrk": ("Running 1s test @ http://x\n", "\n"),
    "wrk's percentiles": ("Running 1s test @ http://x\nLatency Distribution\n", " \n"),
    "hey": (
        "Summary:\nRequests/sec: 1 secs\nStatus code distribution:\nError distribution:\n",
        "\n",
    ),
    "one line": ("Summary:\nRequests/sec: 1 secs\nError distribution:\n[1]", " "),
    "digits": ("Running 1s test @ http://x\n", "1"),
    "times": ("latency_ms,error\n", "12,\n"),
    "columns": ("latency_ms", " ,"),
}


def work(content: bytes) -> float:
    """Return the seconds of processor time that reading takes, at best of several."""
    found = []
    for _repeat in range(5):
        before = time.process_time()
        with suppress(Unreadable):
            read_load_test("f", content)
        found.append(time.process_time() - before)
    return min(found)


@pytest.mark.parametrize("name", LONG)
def test_reading_takes_longer_only_as_the_text_does(name: str) -> None:
    start, more = LONG[name]
    short, long = (work((start + more * n).encode()) for n in (500, 8_000))
    # Sixteen times the text; in the square of it, it would be 256 times the work.
    assert long < 64 * short


def test_what_is_longer_than_any_tool_prints_is_refused() -> None:
    assert "longer than" in refused("w.txt", LONG["wrk"][0] + "x\n" * 100_001)


@given(st.binary(max_size=300), st.sampled_from(sorted(DATA.iterdir())))
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(noise: bytes, path: Path) -> None:
    content = path.read_bytes()
    at = len(noise) * 7 % len(content)
    with suppress(Unreadable):
        read_load_test("f", content[:at] + noise + content[at + len(noise) :])


# The figures


def test_percentiles_of_a_summary_have_no_interval_and_say_so() -> None:
    found = {one.metric: one for one in figures(read("k6_summary_export.json"))}
    assert list(found) == [P50, P95, P99, "error_rate", "throughput"]
    assert (found[P95].low, found[P95].n) == (None, 4500)
    assert "no interval" in found[P95].how
    assert "no interval" in found["throughput"].how


def test_each_figure_says_which_requests_it_counts() -> None:
    found = {one.metric: one for one in figures(read("jmeter.csv"))}
    assert (found[P50].n, found["throughput"].n) == (4, 5)
    assert "4 of 5 requests count." in found[P50].how
    assert "All 5 requests count, also those that failed." in found["throughput"].how
    for one in figures(read("k6_summary_export.json")):
        if one.metric != "error_rate":
            assert "All 4,500 requests count, also those that failed." in one.how


def test_a_duration_is_told_as_the_form_asks_for_it() -> None:
    timed = LoadTest("k6", requests=9, measured=9, throughput=0.45, duration=19.9512)
    (rate,) = figures(timed)
    assert "over 19.95 s" in rate.how
    assert told_duration(19.9512) == 19.95


def test_the_error_rate_has_wilsons_interval_in_percent() -> None:
    rate = next(
        one for one in figures(read("k6_summary_export.json")) if one.metric == "error_rate"
    )
    expected = wilson(9, 4500)
    assert (rate.value, rate.n) == (pytest.approx(0.2), 4500)
    assert (rate.low, rate.high) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_single_times_bound_their_percentiles() -> None:
    table = "latency_ms,n\n" + "\n".join(f"{one},0" for one in range(1, 401))
    found = {one.metric: one for one in figures(read_load_test("t.csv", table.encode())[1])}
    assert found[P95].low is not None
    assert found[P95].low < found[P95].value < found[P95].high


def test_load_and_duration_are_what_must_agree() -> None:
    about = Circumstances("busy hour", 50, 60.0125)
    told = measurements(read("k6_machine_readable.json"), about, origin="f", source_digest="0" * 64)
    assert told[0].conditions == {
        "tool": "k6",
        "scenario": "busy hour",
        "virtual_users": "50",
        "duration": "60 s",
    }
    assert [one.unit for one in told] == ["ms", "ms", "%", "/s"]
    json.dumps(told[0].conditions)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30.02, "30 s"), (10.0321, "10 s"), (0.512, "0.51 s"), (3599.0, "3600 s"), (None, "")],
)
def test_no_test_ends_to_the_second(seconds: float | None, words: str) -> None:
    assert rounded_duration(seconds) == words
