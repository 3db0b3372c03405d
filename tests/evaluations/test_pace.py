"""Fair shares of a server's seats, and the pace that a server bears."""

from hypothesis import given
from hypothesis import strategies as st

from evaluations.endpoints.pace import Pace, fair_shares


def paced(granted: int, refusals: int = 1) -> Pace:
    """Return a pace after that many bursts in which everything was refused."""
    pace = Pace()
    for _burst in range(refusals):
        for _request in range(pace.within(granted)):
            pace.slower(granted)
    return pace


def succeed(pace: Pace, times: int, granted: int) -> int:
    for _request in range(times):
        pace.faster(granted)
    return pace.within(granted)


def test_one_worker_has_every_seat() -> None:
    assert fair_shares(32, [32]) == [32]


def test_what_cannot_be_divided_goes_to_those_who_came_first() -> None:
    assert fair_shares(32, [32, 32, 32]) == [11, 11, 10]
    assert fair_shares(2, [9, 9, 9]) == [1, 1, 0]


def test_who_wants_less_leaves_the_rest_to_the_others() -> None:
    assert fair_shares(32, [2, 32]) == [2, 30]
    assert fair_shares(32, [0, 4, 32, 32]) == [0, 4, 14, 14]


@given(st.integers(0, 300), st.lists(st.integers(0, 300), max_size=40))
def test_shares_are_never_more_than_allowed_nor_than_wanted(cap: int, wanted: list[int]) -> None:
    shares = fair_shares(cap, wanted)

    assert sum(shares) == min(cap, sum(wanted))
    assert all(share <= want for share, want in zip(shares, wanted, strict=True))
    unsatisfied = [share for share, want in zip(shares, wanted, strict=True) if share < want]
    assert max(shares, default=0) <= min(unsatisfied, default=300) + 1


def test_nothing_is_held_back_before_a_server_complains() -> None:
    assert succeed(Pace(), 100, granted=32) == 32


def test_one_burst_of_refusals_halves_once() -> None:
    assert paced(32).within(32) == 16
    assert paced(32, refusals=2).within(32) == 8


def test_it_never_stops_altogether() -> None:
    assert paced(32, refusals=9).within(32) == 1
    assert paced(32, refusals=9).within(0) == 0


def test_a_round_of_successes_lets_one_more_be_tried() -> None:
    pace = paced(8)

    assert succeed(pace, 3, granted=8) == 4
    assert succeed(pace, 1, granted=8) == 5
    assert succeed(pace, 5, granted=8) == 6


def test_it_recovers_up_to_what_is_granted_and_no_further() -> None:
    assert succeed(paced(8), 100, granted=8) == 8
    pace = paced(32)
    assert succeed(pace, 1000, granted=4) == 4


def test_successes_of_before_the_cut_do_not_count() -> None:
    pace = Pace()
    pace.slower(8)  # the first of eight; the other seven were sent before it came back

    assert succeed(pace, 7 + 3, granted=8) == 4
    assert succeed(pace, 1, granted=8) == 5
