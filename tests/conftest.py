"""What every test starts from: a file database, fast hashing, a quiet broker, standing people."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from celery.signals import before_task_publish
from django.conf import settings as project_settings
from django.db import connection, connections
from django.test import Client, TransactionTestCase

from decisions.models import Decision, User
from tests import append_only, factories, migrated, walks
from tests.factories import People

# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# Whole requests through middleware, view and template, against unit tests of what lies behind.
PAGES = re.compile(r"(_pages|_views|test_views|test_hostile_input|test_admin|test_desk)\.py$")
# Whole lives of records, runs and files, many steps each, against units of a step or two.
WHOLE = re.compile(
    r"test_(audit\w*|lapses|workflow|lifecycle|mail|migrations|query_counts|delegation|looks|notify"
    r"|outcomes_of_decisions|provider_tuning|encoder|rag|generation|rating|comparing|spread|runs"
    r"|runs_at_endpoints|shift|bringing|every_file|shapes|scoring|endpoint_chats"
    r"|archive_\w+|import_command|madr_export|relations|record_templates|seal)\.py$"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what goes through whole pages and lives, so that units can be run by themselves."""
    for item in items:
        if WHOLE.search(item.path.name):
            item.add_marker(pytest.mark.whole)
        if PAGES.search(item.path.name):
            item.add_marker(pytest.mark.page)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep SQLite's test database in a file: only there do threads lock as they do for real."""
    default = connections["default"]
    if default.vendor == "sqlite":
        path = tmp_path_factory.mktemp("database") / "countersign.sqlite3"
        migrated.copy_migrated(path)
        default.settings_dict.setdefault("TEST", {})["NAME"] = str(path)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Go on with the copied file, where there is one; it lies in a folder that goes by itself."""
    return connections["default"].vendor == "sqlite"


@pytest.fixture(scope="session", autouse=True)
def _quick_and_quiet() -> Iterator[None]:
    """Hash passwords fast, serve plain HTTP, and keep jobs in this process's memory."""
    from config.celery import app

    with pytest.MonkeyPatch.context() as patch:
        hasher = "django.contrib.auth.hashers.MD5PasswordHasher"
        patch.setattr(project_settings, "PASSWORD_HASHERS", [hasher])
        patch.setattr(project_settings, "SECURE_SSL_REDIRECT", False)
        patch.setattr(project_settings, "STORAGES", _plain_storages())
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", append_only.emptied_without_triggers
        )
        app.conf.update(broker_url="memory://", result_backend=None, task_always_eager=False)
        yield


def _plain_storages() -> dict[str, Any]:
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    return project_settings.STORAGES | {"staticfiles": {"BACKEND": plain}}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Watch what the tests write: a walk is put back only where nothing else was written."""
    with connection.execute_wrapper(walks.path.watch):
        yield


@pytest.fixture(autouse=True)
def _walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin every test without a walk; once parts are replaced, walks are taken for real."""
    walks.path.begin(monkeypatch)


@pytest.fixture(autouse=True)
def _media(tmp_path: Path, settings: Any) -> None:
    """Keep each test's files to itself."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.AUDIT_ANCHOR_DIR = tmp_path / "anchors"
    settings.SEAL_DIR = tmp_path / "seal"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, settings: Any) -> None:
    """Keep what each test counts to itself."""
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}


@pytest.fixture
def eager(_quick_and_quiet: None) -> Iterator[None]:
    """Run jobs where they are sent, and raise what they raise."""
    from config.celery import app

    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def jobs(_quick_and_quiet: None) -> Iterator[list[tuple[str, list[Any]]]]:
    """Return what is sent to the workers, as (task, arguments), while the test runs."""
    sent: list[tuple[str, list[Any]]] = []

    def note(sender: str, body: tuple[Any, ...], **_message: Any) -> None:
        sent.append((sender, list(body[0])))

    before_task_publish.connect(note, weak=False)
    yield sent
    before_task_publish.disconnect(note)


@pytest.fixture
def people(db: None) -> People:
    """Olivia the owner, one person per role, and Xaver the outsider."""
    return factories.people()


@pytest.fixture
def draft(people: People) -> Decision:
    """A draft with a signatory for every role, and every part empty."""
    return factories.fresh(factories.open_record(people))


@pytest.fixture
def complete_draft(people: People) -> Decision:
    """A draft whose every part is complete."""
    return factories.complete_draft(people)


@pytest.fixture
def in_review(people: People) -> Decision:
    """A complete record in review that no one has signed yet."""
    return factories.in_review(people)


@pytest.fixture
def signed(people: People) -> Decision:
    """A record in review that every role has signed."""
    return factories.signed(people)


@pytest.fixture
def approved(people: People) -> Decision:
    """An approved record."""
    return factories.approved(people)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """Return a browser-like client in which a person is signed in."""

    def as_person(user: User, **headers: Any) -> Client:
        client = Client(**headers)
        client.force_login(user)
        return client

    return as_person
