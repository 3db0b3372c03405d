"""The demo's parent process: real children, a real Redis, real signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import processes
from config.demo import (
    Demo,
    answers_redis,
    demo_environment,
    private_folder,
    redis_program,
    redis_socket,
    redis_url,
    refuse_taken_port,
    sole_use,
    start_redis,
)
from config.processes import Program, Refused, StopRequested, Supervisor

pytestmark = pytest.mark.slow

# Writes "NAME up" when it can be signalled and "NAME down" when it was asked to end.
POLITE = """
import signal, sys, time
def tell(word):
    with open("events", "a") as events:
        events.write(f"{sys.argv[1]} {word}\\n")
def end(*_):
    tell("down")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
tell("up")
while True:
    time.sleep(0.05)
"""

# Ignores TERM and leaves a child of its own; writes both numbers to "stubborn".
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    with open("stubborn.new", "w") as numbers:
        numbers.write(f"{os.getpid()} {child}")
    os.rename("stubborn.new", "stubborn")
while True:
    time.sleep(0.05)
"""

# A parent as the demo is one: supervises one polite program until it is told to end.
PARENT = """
import os, signal, sys
from pathlib import Path
from config.processes import Program, Supervisor
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
folder = Path(sys.argv[1])
with Supervisor(folder, folder / "log", dict(os.environ), print) as supervisor:
    child = supervisor.start(Program("polite", [sys.executable, "-c", sys.argv[2], "polite"]))
    (folder / "child.new").write_text(str(child.process.pid))
    (folder / "child.new").rename(folder / "child")
    supervisor.watch()
"""

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, tmp_path / "log", dict(os.environ), said.append) as supervisor:
        yield supervisor


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACKOFF", (0.0, 0.0, 0.0, 0.0))


def python(
    name: str, code: str, *, grace: float = 10.0, arguments: tuple[str, ...] = ()
) -> Program:
    return Program(name, [sys.executable, "-c", code, *arguments], grace=grace)


def polite(name: str) -> Program:
    return python(name, POLITE, arguments=(name,))


def events(folder: Path) -> list[str]:
    path = folder / "events"
    return path.read_text().splitlines() if path.exists() else []


def eventually(true: Callable[[], bool], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def runs(number: int) -> bool:
    """Say whether a process runs; one that has ended but was not collected does not."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout.strip()) and not shown.stdout.strip().startswith("Z")


def start_parent(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a supervising parent; return it and its child's number once that one is up."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder), POLITE], cwd=PROJECT)
    assert eventually(lambda: (folder / "child").exists() and events(folder) == ["polite up"])
    return parent, int((folder / "child").read_text())


# Starting and stopping


def test_programs_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    with Supervisor(tmp_path, tmp_path / "log", dict(os.environ), print) as supervisor:
        supervisor.start(polite("first"))
        supervisor.wait_until(lambda: events(tmp_path) == ["first up"], "not up")
        supervisor.start(polite("second"))
        supervisor.wait_until(lambda: len(events(tmp_path)) == 2, "not up")

    assert events(tmp_path) == ["first up", "second up", "second down", "first down"]


def test_a_program_that_ignores_the_request_is_killed_with_its_children(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(python("stubborn", STUBBORN, grace=0.2))
    supervisor.wait_until((tmp_path / "stubborn").exists, "not up")
    numbers = [int(number) for number in (tmp_path / "stubborn").read_text().split()]
    assert all(runs(number) for number in numbers)

    supervisor.stop()

    assert eventually(lambda: not any(runs(number) for number in numbers))


def test_a_program_has_a_terminal_session_of_its_own(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    child = supervisor.start(polite("apart"))
    assert child.process
    assert os.getsid(child.process.pid) == child.process.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_parent_ends_its_programs_and_itself_calmly(
    tmp_path: Path, number: signal.Signals
) -> None:
    parent, child = start_parent(tmp_path)

    parent.send_signal(number)

    assert parent.wait(timeout=10) == 0
    assert events(tmp_path) == ["polite up", "polite down"]
    assert not runs(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_programs_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent, child = start_parent(tmp_path)

    parent.kill()
    parent.wait(timeout=10)

    assert eventually(lambda: not runs(child))
    assert events(tmp_path)[-1] == "polite down"


# Steps


def test_a_step_runs_to_its_end(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.run(python("step", "open('done', 'w').close()"))

    assert (tmp_path / "done").exists()


def test_a_failing_step_is_refused_with_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(Refused, match="The step migrate ended with exit code 3") as refusal:
        supervisor.run(python("migrate", "print('no such table'); raise SystemExit(3)"))

    assert "no such table" in str(refusal.value)


def test_only_the_words_of_this_start_are_shown(supervisor: Supervisor) -> None:
    supervisor.run(python("step", "print('yesterday')"))
    with pytest.raises(Refused) as refusal:
        supervisor.run(python("step", "print('today'); raise SystemExit(1)"))

    assert "today" in str(refusal.value)
    assert "yesterday" not in str(refusal.value)


def test_a_request_to_stop_ends_the_step_under_way(tmp_path: Path, supervisor: Supervisor) -> None:
    asks = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"

    started = time.monotonic()
    with pytest.raises(StopRequested):
        supervisor.run(python("slow", asks))

    assert time.monotonic() - started < 5


# Falling and getting up


def test_a_killed_program_is_started_again_and_people_are_told(
    tmp_path: Path, supervisor: Supervisor, said: list[str]
) -> None:
    child = supervisor.start(polite("worker"))
    supervisor.wait_until(lambda: events(tmp_path) == ["worker up"], "not up")
    assert child.process
    child.process.kill()

    supervisor.wait_until(lambda: events(tmp_path) == ["worker up", "worker up"], "not up again")

    assert said == ["The worker process was ended by SIGKILL; starting it again."]


def test_what_a_killed_program_leaves_behind_ends_before_it_starts_again(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    child = supervisor.start(python("stubborn", STUBBORN, grace=0.2))
    supervisor.wait_until((tmp_path / "stubborn").exists, "not up")
    orphan = int((tmp_path / "stubborn").read_text().split()[1])
    (tmp_path / "stubborn").unlink()
    assert child.process
    child.process.kill()

    supervisor.wait_until((tmp_path / "stubborn").exists, "not up again")

    assert not runs(orphan)


def test_a_program_that_cannot_run_is_refused_at_once(supervisor: Supervisor) -> None:
    supervisor.start(python("web", "raise SystemExit('no module named decisions')"))

    with pytest.raises(Refused, match="The web process ended with exit code 1") as refusal:
        supervisor.wait_until(lambda: False, "not up")

    assert "no module named decisions" in str(refusal.value)
    assert "web.log" in str(refusal.value)


@pytest.mark.usefixtures("short_pauses")
def test_after_five_falls_in_a_minute_the_parent_gives_up(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(python("worker", "import os; os.kill(os.getpid(), 9)"))

    with pytest.raises(Refused, match="The worker process was ended by SIGKILL"):
        supervisor.wait_until(lambda: False, "not up")

    assert len(said) == 4


def test_what_does_not_get_ready_is_refused_with_the_given_sentence(
    supervisor: Supervisor,
) -> None:
    with pytest.raises(Refused, match="It does not answer"):
        supervisor.wait_until(lambda: False, "It does not answer.", seconds=0.2)


# The port and the folder


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} is taken"):
            refuse_taken_port("127.0.0.1", port)

    refuse_taken_port("127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(Refused, match="is no port"):
        refuse_taken_port("127.0.0.1", port)


def test_a_folder_serves_one_demo_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "demo.lock"
    with (
        sole_use(lock, "process 7, http://127.0.0.1:8000/"),
        pytest.raises(Refused, match=r"already runs .*process 7, http://127.0.0.1:8000/"),
        sole_use(lock, "process 8"),
    ):
        pass

    with sole_use(lock, "process 9"):
        assert lock.read_text() == "process 9\n"


# The private Redis


def test_the_private_redis_listens_on_a_socket_that_only_its_owner_can_reach(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    demo = Demo(base_dir=tmp_path, var_dir=tmp_path)
    path = redis_socket(demo.var_dir)
    supervisor.environment = demo_environment(demo, {})

    start_redis(supervisor, demo)

    assert answers_redis(redis_url(path))
    assert path.parent.stat().st_mode & 0o077 == 0
    supervisor.stop()
    assert not answers_redis(redis_url(path))
    assert not path.exists()


def test_a_redis_that_is_killed_comes_back_on_the_same_socket(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    path = redis_socket(tmp_path)
    private_folder(path.parent)
    child = supervisor.start(redis_program(path))
    supervisor.wait_until(lambda: answers_redis(redis_url(path)), "no answer")
    assert child.process
    number = child.process.pid
    child.process.kill()

    supervisor.wait_until(
        lambda: (
            child.process is not None
            and child.process.pid != number
            and answers_redis(redis_url(path))
        ),
        "no answer",
    )


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_stays_the_same(tmp_path: Path) -> None:
    var_dir = tmp_path / ("long" * 40)

    path = redis_socket(var_dir)

    assert path == redis_socket(var_dir)
    assert path != redis_socket(var_dir / "other")
    assert len(os.fsencode(path)) <= 100
    assert redis_socket(Path("/srv/var")) == Path("/srv/var/run/redis.sock")


def test_a_redis_named_by_the_environment_must_answer(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    demo = Demo(base_dir=tmp_path, var_dir=tmp_path)
    elsewhere = redis_url(tmp_path / "nothing.sock")
    supervisor.environment = demo_environment(demo, {"REDIS_URL": elsewhere})

    with pytest.raises(Refused, match="REDIS_URL"):
        start_redis(supervisor, demo)

    assert supervisor.children == []


def test_what_the_environment_says_stays(tmp_path: Path) -> None:
    demo = Demo(base_dir=tmp_path, var_dir=tmp_path)
    given = {"COUNTERSIGN_DEBUG": "0", "DATABASE_URL": "postgres:///countersign", "REDIS_URL": ""}

    environment = demo_environment(demo, given)

    assert environment["COUNTERSIGN_DEMO"] == "1"
    assert environment["COUNTERSIGN_DEBUG"] == "0"
    assert environment["DATABASE_URL"] == "postgres:///countersign"
    assert environment["REDIS_URL"] == redis_url(redis_socket(tmp_path))
    assert environment["COUNTERSIGN_VAR"] == str(tmp_path)
