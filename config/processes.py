"""Programs under one parent: started in order, looked after, stopped together.

Nothing here knows Django, nor what the programs do.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

Say = Callable[[str], None]

TICK = 0.1  # seconds between two looks at the children
BOOT = 5.0  # a program that gives up by itself sooner than this after its first start cannot run
BACKOFF = (0.0, 1.0, 2.0, 4.0)  # seconds before the first, second, ... restart
WINDOW = 60.0  # restarts are counted over this many seconds
LOG_LIMIT = 5_000_000  # bytes after which a log is set aside when its program starts
PR_SET_PDEATHSIG = 1

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Refused(Exception):
    """Work cannot go on; the message is a sentence for the person who started it."""


class StopRequested(Exception):
    """Someone asked for the end: Ctrl-C, a closed terminal or a TERM signal."""


# One program


@dataclass(frozen=True)
class Program:
    """What to start: a name for people, a command, and the seconds it gets to end by itself."""

    name: str
    command: list[str]
    grace: float = 10.0
    orphaned: signal.Signals = signal.SIGTERM  # what Linux sends it when the parent is killed
    speaks: bool = False  # its standard output goes to the terminal, not to its log


@dataclass
class Child:
    """A program and its current process, if one runs."""

    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    log_start: int = 0
    deaths: deque[float] = field(default_factory=deque)
    restart_at: float | None = None

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll() if self.process else None

    def cannot_run(self) -> bool:
        """Say whether it ended by itself right after its first start: a restart would not help."""
        gave_up = (self.code or 0) > 0
        return gave_up and len(self.deaths) <= 1 and time.monotonic() - self.started < BOOT

    def last_words(self, lines: int = 8) -> str:
        """Return the end of what the latest process wrote to its log."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            text = log.read()[-8000:].decode(errors="replace")
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def how_it_ended(code: int) -> str:
    """Put an exit code into words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def die_with(parent: int, orphaned: signal.Signals) -> None:
    """Have Linux signal this process when its parent dies, however that happens.

    Runs in the child between fork and exec. The parent may already be gone by then.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, orphaned)
        if os.getppid() != parent:
            os._exit(1)


def spawn(
    program: Program, log: IO[bytes], environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a process in its own session: a terminal's Ctrl-C reaches the parent only."""
    parent = os.getpid()
    return subprocess.Popen(
        program.command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=None if program.speaks else log,
        stderr=log,
        start_new_session=True,
        preexec_fn=lambda: die_with(parent, program.orphaned),
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a process's session, its orphans included."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# All of them


class Supervisor:
    """Starts programs, starts again those that fall, and stops them in the reverse order."""

    def __init__(self, folder: Path, logs: Path, environment: Mapping[str, str], say: Say) -> None:
        self.folder = folder
        self.logs = logs
        self.environment = environment
        self.say = say
        self.children: list[Child] = []
        self.signals = 0

    def __enter__(self) -> "Supervisor":
        self.logs.mkdir(parents=True, exist_ok=True)
        self._handlers = {
            number: signal.signal(number, self._note_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN  # nohup
        }
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    def start(self, program: Program) -> Child:
        """Start a program that should run until the end."""
        child = self._launch(program)
        self.children.append(child)
        return child

    def run(self, program: Program) -> None:
        """Run a program to its end while looking after the others; raise Refused if it fails."""
        child = self._launch(program)
        try:
            while child.code is None:
                self.look()
        finally:
            self._end(child)
        if child.code:
            raise Refused(
                f"The step {program.name} {how_it_ended(child.code)}:\n{child.last_words()}"
            )

    def wait_until(self, ready: Callable[[], bool], else_say: str, seconds: float = 60.0) -> None:
        """Look after the programs until something is so; raise Refused when it takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.look()
            if time.monotonic() > deadline:
                raise Refused(else_say)

    def watch(self) -> None:
        """Look after the programs until someone asks for the end."""
        with suppress(StopRequested):
            while True:
                self.look()

    def look(self) -> None:
        """Look once: raise StopRequested after a signal, and start again whatever fell."""
        if self.signals:
            raise StopRequested
        for child in self.children:
            self._look_at(child)
        time.sleep(TICK)

    def stop(self) -> None:
        """Stop everything, the latest started first; a second signal ends the patience."""
        while self.children:
            self._end(self.children.pop())

    def _launch(self, program: Program) -> Child:
        log = self.logs / f"{program.name}.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        child = Child(program, log)
        self._start_process(child)
        return child

    def _start_process(self, child: Child) -> None:
        with child.log.open("ab") as log:
            child.log_start = log.tell()
            child.process = spawn(child.program, log, self.environment, self.folder)
        child.started, child.restart_at = time.monotonic(), None

    def _look_at(self, child: Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                self._start_process(child)
        elif child.code is not None:
            self._plan_restart(child)

    def _plan_restart(self, child: Child) -> None:
        """Plan another start after a pause, or raise Refused if that would not help."""
        now = time.monotonic()
        child.deaths.append(now)
        while child.deaths[0] < now - WINDOW:
            child.deaths.popleft()
        ended = f"The {child.program.name} process {how_it_ended(child.code or 0)}"
        if child.cannot_run() or len(child.deaths) > len(BACKOFF):
            raise Refused(f"{ended}:\n{child.last_words()}\nThe whole log is {child.log}")
        if child.process:
            end_group(child.process)
        child.restart_at = now + BACKOFF[len(child.deaths) - 1]
        self.say(f"{ended}; starting it again.")

    def _end(self, child: Child) -> None:
        if child.process is None:
            return
        if child.code is None:
            child.process.terminate()
        deadline = time.monotonic() + child.program.grace
        while child.code is None and time.monotonic() < deadline and self.signals < 2:
            time.sleep(TICK / 5)
        end_group(child.process)
