"""Doing several things in the same moment, each on a database connection of its own."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from django.db import close_old_connections, connection


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """Run each at once, every one on its own connection; return what each returned or raised."""
    outcomes: list[Any] = [None] * len(works)
    barrier = Barrier(len(works))

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes[number] = works[number]()
        except Exception as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    return outcomes
