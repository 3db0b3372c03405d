"""How many requests to have under way: a fair share, and less where a server cannot bear it.

Nothing here knows of tables, clocks or servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


def fair_shares(cap: int, wanted: Sequence[int]) -> list[int]:
    """Return what each may have of `cap`, in the order in which they came.

    Whoever wants less than an equal part leaves the rest to the others (max-min fairness, Bertsekas
    and Gallager, Data Networks, 6.5.2); what cannot be divided goes to those who came first.
    """
    level, rest = _level(cap, sorted(wanted))
    shares = []
    for want in wanted:
        extra = int(rest > 0 and want > level)
        rest -= extra
        shares.append(min(want, level + extra))
    return shares


def _level(cap: int, ascending: Sequence[int]) -> tuple[int, int]:
    """Return the most that everybody who wants it can have, and what is left then."""
    for place, want in enumerate(ascending):
        others = len(ascending) - place
        if want * others > cap:
            return divmod(cap, others)
        cap -= want
    return max(ascending, default=0), 0


class Pace:
    """How many requests one worker finds a server to bear: halved when it is too much.

    After as many successes as are allowed at once, one more is tried (additive increase,
    multiplicative decrease: Chiu and Jain 1989). What was sent before the last cut says nothing of
    the new pace, so one burst of refusals halves once. May be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._limit: int | None = None  # never too much yet
        self._successes = 0
        self._old = 0  # outcomes to come of what was sent before the last cut

    def within(self, granted: int) -> int:
        """Return how many to have under way of those granted: at least 1 if any are."""
        return granted if self._limit is None else min(granted, self._limit)

    def slower(self, granted: int) -> None:
        """Note that the server had too much to do."""
        with self._lock:
            if self._is_old():
                return
            under_way = self.within(granted)
            self._limit = max(under_way // 2, 1)
            self._successes = 0
            self._old = under_way - 1

    def faster(self, granted: int) -> None:
        """Note that the server has answered."""
        with self._lock:
            if self._is_old() or self._limit is None:
                return
            self._successes += 1
            if self._successes >= self._limit:
                self._successes = 0
                self._limit = min(self._limit + 1, max(granted, 1))

    def _is_old(self) -> bool:
        if self._old:
            self._old -= 1
            return True
        return False
