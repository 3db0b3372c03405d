"""What the demo is made of: a lock on its folder, a free port, a private Redis, four programs.

Nothing here knows Django. The parent starts programs and looks after them; whatever touches the
record is one of them.
"""

import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from config.processes import Program, Refused, Say, StopRequested, Supervisor

SOCKET_PATH_LIMIT = 100  # bytes; the kernel's own limit is 104 on macOS and 108 on Linux


# One demo per folder and port


@contextmanager
def sole_use(lock: Path, note: str) -> Iterator[None]:
    """Hold a folder for one demo; raise Refused with the holder's note if another holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise Refused(
                f"Countersign already runs from this folder ({held.read().strip()}). Stop that one"
                " first, or give this one another folder with COUNTERSIGN_VAR."
            ) from None
        held.truncate(0)
        held.write(f"{note}\n")
        held.flush()
        yield


def refuse_taken_port(host: str, port: int) -> None:
    """Raise Refused if a server could not listen there."""
    if not 0 < port < 65536:
        raise Refused(f"{port} is no port: choose a number from 1 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
    except OSError as error:
        raise Refused(port_trouble(host, port, error)) from None


def port_trouble(host: str, port: int, error: OSError) -> str:
    """Say in one sentence why a server cannot listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken. Stop what uses it, or choose another: make run PORT={port + 1}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that you do not have. Choose one above 1023."
    return f"Countersign cannot listen on {host}, port {port}: {error}."


def answers_http(host: str, port: int) -> bool:
    """Say whether a web server answers there, whatever it answers."""
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared only
    connection = http.client.HTTPConnection(loopback.get(host, host), port, timeout=15)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


# A private Redis


def redis_socket(var_dir: Path) -> Path:
    """Return where the private Redis listens: in var/, or, if that path is too long for a socket,
    in a folder of this user's that is always the same for this var/.
    """
    path = var_dir / "run" / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"countersign-{os.getuid()}-{digest}" / path.name


def redis_url(path: Path) -> str:
    """Return a socket's address as REDIS_URL."""
    return f"redis+socket://{path}"


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter; raise Refused if it is someone else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise Refused(f"{folder} belongs to someone else; remove it or set COUNTERSIGN_VAR.")
    folder.chmod(0o700)


def redis_program(path: Path) -> Program:
    """Return a Redis on a socket only, which keeps nothing: the database owns the work."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise Refused(
            "redis-server is not installed. Run bin/bootstrap, or set REDIS_URL to your own Redis."
        )
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(path.parent),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Program("redis", [binary, *flags])


def answers_redis(url: str) -> bool:
    """Say whether a Redis answers at an address."""
    address = url.replace("redis+socket://", "unix://")
    try:
        with redis.Redis.from_url(address, socket_connect_timeout=5, socket_timeout=5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


# The demo


@dataclass(frozen=True)
class Demo:
    """What the demo needs to know: the project's folder, its data's folder, and where to serve."""

    base_dir: Path
    var_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    setup_only: bool = False

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    @property
    def note(self) -> str:
        """What a second demo is told about this one."""
        return f"process {os.getpid()}, " + ("setting up" if self.setup_only else self.address)

    def manage(self, command: str, *options: str, speaks: bool = False) -> Program:
        """Return one of manage.py's commands."""
        return Program(command, [sys.executable, "manage.py", command, *options], speaks=speaks)

    def worker(self) -> Program:
        """Two children; the settings renew them, so that a heavy document's memory is given back.

        Without its parent it has no broker either, so it drops its work at once (QUIT) instead of
        finishing it first (TERM).
        """
        flags = "--concurrency 2 -O fair --without-gossip --without-mingle --loglevel INFO"
        command = [sys.executable, "-m", "celery", "-A", "config", "worker"]
        return Program("worker", [*command, *flags.split()], orphaned=signal.SIGQUIT)

    def beat(self) -> Program:
        """Without a pid file: one left by a killed beat would keep the next from starting."""
        return Program("beat", [sys.executable, "-m", "celery", "-A", "config", "beat"])

    def web(self) -> Program:
        """The app is loaded before the port opens, so an open port means a working app."""
        bind = f"{self.address.removeprefix('http://').removesuffix('/')}"
        flags = "--preload --workers 2 --threads 4 --graceful-timeout 5 --no-control-socket"
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", bind]
        return Program("web", [*command, *flags.split(), "--access-logfile", "-"])


def demo_environment(demo: Demo, given: Mapping[str, str]) -> dict[str, str]:
    """Return what the demo's programs find in their environment; what is given there stays."""
    defaults = {
        "COUNTERSIGN_DEMO": "1",
        "COUNTERSIGN_DEBUG": "1",
        "REDIS_URL": redis_url(redis_socket(demo.var_dir)),
        "PUBLIC_URL": demo.address,
        # Mail that can be seen within a minute or two, and not of a sample half told.
        "MAIL_QUIET_SECONDS": "60",
    }
    fixed = {"COUNTERSIGN_VAR": str(demo.var_dir), "PYTHONUNBUFFERED": "1"}
    return defaults | {name: value for name, value in given.items() if value} | fixed


def start_redis(supervisor: Supervisor, demo: Demo) -> None:
    """Start the private Redis, or make sure of the one that REDIS_URL names."""
    url = supervisor.environment["REDIS_URL"]
    path = redis_socket(demo.var_dir)
    if url != redis_url(path):
        if not answers_redis(url):
            raise Refused("The Redis that REDIS_URL names does not answer.")
        return
    private_folder(path.parent)
    # One left by a demo that was killed is about to end; it would take the new socket with it.
    supervisor.wait_until(lambda: not answers_redis(url), "An earlier Redis still runs.", 10)
    supervisor.start(redis_program(path))
    supervisor.wait_until(lambda: answers_redis(url), "redis-server does not answer.")


def set_up(supervisor: Supervisor, demo: Demo) -> None:
    """Bring up the broker, the database and the workers, and load the sample."""
    start_redis(supervisor, demo)
    supervisor.say("Preparing the database")
    supervisor.run(demo.manage("migrate", "--no-input", "--verbosity", "0"))
    supervisor.start(demo.worker())
    supervisor.start(demo.beat())
    # Before the sample: what is approved in it is sealed.
    if not (demo.var_dir / "seal").exists():
        supervisor.run(demo.manage("make_seal_key", "--organisation", "Larkspur (demo)"))
    supervisor.say("Loading the sample; the first time, its candidates are measured now")
    supervisor.run(demo.manage("load_sample", speaks=True))


def serve(supervisor: Supervisor, demo: Demo, people: Callable[[], list[str]]) -> None:
    """Start the web server, tell where it is and who can sign in, and stay until the end."""
    supervisor.start(demo.web())
    supervisor.wait_until(
        lambda: answers_http(demo.host, demo.port), "The web server does not answer."
    )
    supervisor.say(f"\nCountersign is ready: {demo.address}\n")
    for line in people():
        supervisor.say(line)
    supervisor.say(f"\nCtrl-C stops it. Logs are in {demo.var_dir / 'log'}")
    supervisor.watch()


def run_demo(demo: Demo, people: Callable[[], list[str]], say: Say) -> None:
    """Set the demo up and, unless that is all, serve it; raise Refused when it cannot go on."""
    if not demo.setup_only:
        refuse_taken_port(demo.host, demo.port)
    environment = demo_environment(demo, os.environ)
    with (
        sole_use(demo.var_dir / "run" / "demo.lock", demo.note),
        Supervisor(demo.base_dir, demo.var_dir / "log", environment, say) as supervisor,
    ):
        with suppress(StopRequested):
            set_up(supervisor, demo)
            if not demo.setup_only:
                serve(supervisor, demo, people)
        say("Stopping")
