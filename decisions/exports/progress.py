"""How far the renderer is, read from what it logs for that purpose: pages laid out, file begun."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from decisions.models import DocumentStep

# Not more often, in seconds: each telling is a write, and nobody looks more often than that.
PAUSE = 1.0
_LOGGER = logging.getLogger("weasyprint.progress")
_LAYOUT, _WRITING = "Step 5 - Creating layout - Page %d", "Step 6"

Tell = Callable[[str, int | None], None]


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Call `tell` with the step, and with how many pages there are, while a document is made.

    The renderer numbers pages anew where it lays some out again; the number told never falls.
    """
    listener, level = _Listener(tell), _LOGGER.level
    _LOGGER.addHandler(listener)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.removeHandler(listener)
        _LOGGER.setLevel(level)
        _LOGGER.propagate = True


class _Listener(logging.Handler):
    """Hears the renderer's lines and tells of a step at once, of pages now and then."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.INFO)
        self._tell = tell
        self._pages = 0
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Tell what a line means, if it means anything to who waits."""
        if record.msg.startswith(_WRITING):
            self._tell(DocumentStep.WRITING, self._pages)
        elif record.msg.startswith(_LAYOUT) and isinstance(record.args, tuple):
            self._pages = max(self._pages, int(str(record.args[0])))
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + PAUSE
                self._tell(DocumentStep.LAYING_OUT, self._pages)
