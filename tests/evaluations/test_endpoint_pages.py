"""The pages of endpoints: who may see them, what they take, and the key that they never show."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.models import User
from decisions.policies import BadInput, Refused
from evaluations.endpoints import actions
from evaluations.endpoints.page import dollars
from evaluations.models import Endpoint, Flavour
from tests import factories
from tests import openai_faults as faults
from tests.factories import People
from tests.openai_server import KEY, ModelServer, serving

SignIn = Callable[[User], Client]
SAID = {
    "name": "GPU server",
    "flavour": "openai",
    "base_url": "http://10.0.0.5:8000/v1/",
    "api_version": "",
    "key": "",
    "timeout": "60",
    "retries": "5",
    "concurrency": "8",
}


@pytest.fixture
def admin(people: People) -> User:
    return factories.person("ada", "Ada Min", is_staff=True)


@pytest.fixture
def browser(admin: User, sign_in: SignIn) -> Client:
    """The administrator's browser."""
    return sign_in(admin)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=lambda messages: "OK", models=["small", "large"]) as found:
        yield found


@pytest.fixture
def endpoint(admin: User, server: ModelServer) -> Endpoint:
    return actions.add_endpoint(
        by=admin, name="Ours", base_url=server.url, key=KEY, timeout=5, retries=1
    )


def html_of(response: Any) -> str:
    return str(response.content.decode())


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html_of(response)).split())


def url_of(name: str, *args: Any) -> str:
    return reverse(f"endpoints:{name}", args=args)


def every_page(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return every address with the method that it takes."""
    return [
        ("get", url_of("list")),
        ("get", url_of("new")),
        ("post", url_of("new")),
        ("get", url_of("endpoint", endpoint.pk)),
        ("get", url_of("edit", endpoint.pk)),
        ("post", url_of("edit", endpoint.pk)),
        ("post", url_of("test", endpoint.pk)),
        ("post", url_of("archive", endpoint.pk)),
    ]


# Who may


@pytest.mark.parametrize("who", ["owner", "business", "data_science", "devops", "ux", "outsider"])
def test_only_administrators_see_anything(
    who: str, endpoint: Endpoint, people: People, sign_in: SignIn, server: ModelServer
) -> None:
    browser = sign_in(people.everyone[who])
    before = factories.all_rows()
    for method, address in every_page(endpoint):
        response = getattr(browser, method)(address)
        assert response.status_code == 403, address
        assert "Only administrators can set up endpoints." in html_of(response)
        assert "127.0.0.1" not in html_of(response)
    assert factories.all_rows() == before
    assert not server.requests


def test_who_is_not_signed_in_is_asked_to(client: Client, endpoint: Endpoint) -> None:
    for method, address in every_page(endpoint):
        response = getattr(client, method)(address)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))


def test_the_menu_leads_there_for_administrators_only(
    browser: Client, people: People, sign_in: SignIn
) -> None:
    link = f'href="{url_of("list")}"'
    assert link in html_of(browser.get(reverse("desk")))
    assert link not in html_of(sign_in(people.owner).get(reverse("desk")))


def test_every_action_refuses_who_is_no_administrator(
    endpoint: Endpoint, people: People, server: ModelServer
) -> None:
    by = people.owner
    for act in (
        lambda: actions.add_endpoint(by=by, name="x", base_url="https://x.example/v1"),
        lambda: actions.edit_endpoint(endpoint, by=by, base_url=endpoint.base_url),
        lambda: actions.archive_endpoint(endpoint, by=by),
        lambda: actions.restore_endpoint(endpoint, by=by),
        lambda: actions.check_endpoint(endpoint, by=by),
    ):
        with pytest.raises(Refused):
            act()
    assert not server.requests


# Setting up


def test_an_endpoint_is_set_up_with_a_short_name_of_its_own(browser: Client) -> None:
    for slug in ("gpu-server", "gpu-server-2"):
        response = browser.post(url_of("new"), SAID)
        row = Endpoint.objects.get(slug=slug)
        assert response["Location"] == row.get_absolute_url()
        assert row.base_url == "http://10.0.0.5:8000/v1"
        assert (row.timeout, row.retries, row.concurrency) == (60, 5, 8)
        assert row.budget_money is None


def test_a_name_without_letters_still_gets_a_short_name(admin: User) -> None:
    row = actions.add_endpoint(by=admin, name="★", base_url="https://x.example/v1")
    assert row.slug == "endpoint"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Fill this in."),
        ({"base_url": "models.example"}, "The address has to start with https://"),
        ({"base_url": "http://169.254.169.254/v1"}, "only machines ask about themselves"),
        ({"base_url": "https://a:b@x.example/v1"}, "the key has a field of its own"),
        ({"flavour": "azure"}, "Azure needs an API version."),
        ({"flavour": "other"}, "other"),
        ({"key": "two words"}, "without spaces"),
        ({"key": "schlüssel"}, "without spaces"),
        ({"timeout": "0"}, "greater than or equal to 1"),
        ({"concurrency": "257"}, "less than or equal to 256"),
        ({"retries": "-1"}, "greater than or equal to 0"),
        ({"budget_tokens": "-5"}, "greater than or equal to 0"),
        ({"budget_money": "1.234"}, "no more than 2 decimal places"),
        ({"budget_money": "NaN"}, "Enter a number."),
        ({"price_input": "1"}, "Give both prices, or neither."),
        ({"price_output": "1"}, "Give both prices, or neither."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    browser: Client, changes: dict[str, str], words: str
) -> None:
    response = browser.post(url_of("new"), SAID | changes)

    assert response.status_code == 422
    assert words in text_of(response).replace("&#x27;", "'")
    assert not Endpoint.objects.exists()


def test_budgets_and_prices_are_taken_as_they_are_written(browser: Client) -> None:
    said = {
        "budget_requests": "5000",
        "budget_tokens": "2000000",
        "budget_money": "12.50",
        "price_input": "0.000001",
        "price_output": "150",
    }
    browser.post(url_of("new"), SAID | said)
    row = Endpoint.objects.get()

    assert (row.budget_requests, row.budget_tokens) == (5000, 2_000_000)
    assert row.budget_money == Decimal("12.50")
    page = text_of(browser.get(row.get_absolute_url()))
    assert "US$ 0.000001 in and US$ 150 out a million tokens" in page
    assert "US$ 0.00 of US$ 12.50" in page


def test_an_action_takes_no_address_that_a_form_would_refuse(
    admin: User, endpoint: Endpoint
) -> None:
    for url in ("http://169.254.169.254/v1", "ftp://x.example"):
        with pytest.raises(BadInput):
            actions.add_endpoint(by=admin, name="x", base_url=url)
        with pytest.raises(BadInput):
            actions.edit_endpoint(endpoint, by=admin, base_url=url)


# The key


def test_the_key_is_shown_nowhere_and_stored_encrypted(browser: Client, endpoint: Endpoint) -> None:
    wrong = SAID | {"key": KEY, "name": ""}
    pages = [
        browser.get(url_of("list")),
        browser.get(endpoint.get_absolute_url()),
        browser.get(url_of("edit", endpoint.pk)),
        browser.post(url_of("new"), wrong),
        browser.post(url_of("edit", endpoint.pk), wrong),
        browser.post(url_of("test", endpoint.pk), {"model": "small"}),
    ]
    assert not [page for page in pages if KEY in html_of(page)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM evaluations_endpoint")
        (stored,) = cursor.fetchone()
    assert KEY not in stored


def edited(browser: Client, endpoint: Endpoint, **changes: str) -> Any:
    said = SAID | {"base_url": endpoint.base_url, "name": endpoint.name} | changes
    return browser.post(url_of("edit", endpoint.pk), said)


def test_a_key_stays_when_nothing_is_entered(browser: Client, endpoint: Endpoint) -> None:
    assert edited(browser, endpoint, name="Theirs").status_code == 302
    row = Endpoint.objects.get()

    assert (row.name, row.slug, row.key) == ("Theirs", "ours", KEY)


def test_a_key_is_replaced_or_forgotten_when_asked(browser: Client, endpoint: Endpoint) -> None:
    edited(browser, endpoint, key="sk-newer")
    assert Endpoint.objects.get().key == "sk-newer"
    edited(browser, endpoint, removes_key="on")
    assert Endpoint.objects.get().key == ""


def test_a_key_never_goes_to_a_server_that_it_was_not_entered_for(
    browser: Client, admin: User, endpoint: Endpoint
) -> None:
    elsewhere = "https://collector.example/v1"
    response = edited(browser, endpoint, base_url=elsewhere)

    assert response.status_code == 422
    assert "enter the key for that one" in text_of(response)
    with pytest.raises(BadInput):
        actions.edit_endpoint(endpoint, by=admin, base_url=elsewhere)
    assert Endpoint.objects.get().base_url == endpoint.base_url
    assert edited(browser, endpoint, base_url=elsewhere, key="sk-theirs").status_code == 302
    assert Endpoint.objects.get().key == "sk-theirs"


def test_another_path_at_the_same_server_keeps_the_key(browser: Client, endpoint: Endpoint) -> None:
    assert edited(browser, endpoint, base_url=f"{endpoint.base_url}/beta").status_code == 302
    assert Endpoint.objects.get().key == KEY


def test_a_key_that_cannot_be_read_says_what_to_do(
    browser: Client, endpoint: Endpoint, settings: Any, server: ModelServer, admin: User
) -> None:
    Endpoint.objects.update(key="gAAAAA-of-another-key")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE evaluations_endpoint SET key = 'of-another-key'")

    assert browser.get(url_of("list")).status_code == 200
    assert "manage.py renew_secrets" in html_of(browser.get(endpoint.get_absolute_url()))
    tried = browser.post(url_of("test", endpoint.pk), {"model": "small"})
    assert "The key can no longer be read here." in text_of(tried)
    assert edited(browser, endpoint).status_code == 302
    assert edited(browser, endpoint, key=KEY).status_code == 302
    assert Endpoint.objects.get().key == KEY
    assert not server.requests


def test_renewing_secrets_renews_keys_of_endpoints(
    endpoint: Endpoint, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "a-later-key-of-this-installation-0123456789"
    settings.SECRET_KEY_FALLBACKS = [former]
    call_command("renew_secrets")

    assert capsys.readouterr().out == "1 secret renewed.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert Endpoint.objects.get().key == KEY


# Testing


def tried(browser: Client, endpoint: Endpoint, model: str = "") -> str:
    response = browser.post(url_of("test", endpoint.pk), {"model": model})
    assert response.status_code == 200
    return text_of(response)


def test_a_test_lists_the_models(browser: Client, endpoint: Endpoint) -> None:
    page = tried(browser, endpoint)

    assert "The server answers and lists 2 models." in page
    assert "large" in page
    assert Endpoint.objects.get().spent_requests == 0


def test_a_test_of_a_model_asks_it_for_a_word_and_counts_that(
    browser: Client, endpoint: Endpoint, server: ModelServer
) -> None:
    page = tried(browser, endpoint, " small ")

    assert "“small” answers, after" in page
    assert "cost unknown" in page
    assert server.chats[0].json["max_tokens"] == 1
    row = Endpoint.objects.get()
    assert row.spent_requests == 1
    assert row.spent_tokens > 0
    assert row.spent_unpriced == 1


def test_a_test_says_what_the_word_costs(browser: Client, endpoint: Endpoint) -> None:
    Endpoint.objects.update(price_input=Decimal("2.5"), price_output=10)
    page = tried(browser, endpoint, "small")

    assert "It costs US$ 2.5 in and US$ 10 out a million tokens" in page
    assert Endpoint.objects.get().spent_cost > 0


@pytest.mark.parametrize(
    ("fault", "model", "words"),
    [
        (faults.failing(401), "", "The server does not take the key (401)."),
        (faults.failing(500, "Out of order."), "", "The server failed (500): Out of order."),
        (faults.failing(404), "", "It may still answer: name a model and test again."),
        (faults.web_page(), "", "A web page came back"),
        (faults.hanging_up(), "", "The connection broke"),
        (faults.failing(404), "small", "The server lists no models."),
        (faults.web_page(), "small", "“small” answers"),
    ],
)
def test_a_test_says_what_is_wrong_in_plain_words(
    browser: Client,
    endpoint: Endpoint,
    server: ModelServer,
    fault: faults.Fault,
    model: str,
    words: str,
) -> None:
    server.faults += [fault]
    assert words in tried(browser, endpoint, model)


def test_a_test_names_a_model_that_is_not_there(browser: Client, endpoint: Endpoint) -> None:
    page = tried(browser, endpoint, "tiny")

    assert "“tiny” is not among the models listed." in page
    assert "The server does not know this model or address (404)" in page


def test_a_test_keeps_to_the_budget(
    browser: Client, endpoint: Endpoint, server: ModelServer
) -> None:
    Endpoint.objects.update(budget_requests=0)

    assert "used up its budget of 0 requests" in tried(browser, endpoint, "small")
    assert not server.chats


def test_a_test_says_when_nobody_is_there(
    browser: Client, endpoint: Endpoint, server: ModelServer
) -> None:
    Endpoint.objects.update(base_url=server.unheard)
    assert "Nobody answers at the server's address." in tried(browser, endpoint).replace(
        "&#x27;", "'"
    )


def test_what_a_server_says_is_shown_as_text(
    browser: Client, endpoint: Endpoint, server: ModelServer
) -> None:
    server.models = ["<script>alert(1)</script>"]
    server.faults += [lambda sent: sent, faults.with_message(content="<b>OK</b>")]
    response = browser.post(url_of("test", endpoint.pk), {"model": server.models[0]})

    assert "<script>alert" not in html_of(response)
    assert "<b>OK" not in html_of(response)


def test_htmx_gets_the_part_with_the_result(browser: Client, endpoint: Endpoint) -> None:
    response = browser.post(url_of("test", endpoint.pk), headers={"HX-Request": "true"})

    assert html_of(response).lstrip().startswith('<section class="block" id="test"')
    assert "<html" not in html_of(response)


# Archiving


def test_an_archived_endpoint_is_kept_and_can_be_used_again(
    browser: Client, endpoint: Endpoint, admin: User
) -> None:
    browser.post(url_of("archive", endpoint.pk), {"archived": "1"})
    assert not Endpoint.objects.usable().exists()
    page = text_of(browser.get(endpoint.get_absolute_url()))
    assert "Archived by Ada Min" in page
    assert "1 archived" in text_of(browser.get(url_of("list")))

    browser.post(url_of("archive", endpoint.pk), {"archived": "0"})
    row = Endpoint.objects.usable().get()
    assert row.archived_by is None


def test_the_list_says_where_nothing_is_left(browser: Client, endpoint: Endpoint) -> None:
    Endpoint.objects.update(budget_tokens=100, spent_input_tokens=90, spent_output_tokens=15)

    assert "Tokens: used up" in text_of(browser.get(url_of("list")))
    page = text_of(browser.get(endpoint.get_absolute_url()))
    assert "Tokens: 105 of 100" in page
    assert "used up: runs rest" in page


def test_an_empty_list_offers_the_first_one(browser: Client) -> None:
    assert "No model server is known here yet." in text_of(browser.get(url_of("list")))


# Figures and tables


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "US$ 0.00"),
        ("0.000000100", "US$ 0.000001"),
        ("0.00123", "US$ 0.00123"),
        ("0.01", "US$ 0.01"),
        ("1234.5", "US$ 1,234.50"),
    ],
)
def test_small_sums_are_not_shown_as_nothing(amount: str, words: str) -> None:
    assert dollars(Decimal(amount)) == words


@pytest.mark.parametrize(
    "wrong",
    [
        {"flavour": "other"},
        {"flavour": Flavour.AZURE},
        {"timeout": 0},
        {"retries": 21},
        {"concurrency": 0},
        {"concurrency": 257},
        {"budget_money": -1},
        {"spent_cost": -1},
        {"price_input": 1},
        {"price_input": -1, "price_output": 1},
        {"archived_at": clock.now},
        {"slug": "ours"},
    ],
)
def test_the_tables_refuse_what_cannot_be(
    admin: User, endpoint: Endpoint, wrong: dict[str, Any]
) -> None:
    known = {"name": "Other", "slug": "other", "base_url": "https://x.example", "created_by": admin}
    wrong = {name: value() if callable(value) else value for name, value in wrong.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Endpoint.objects.create(**(known | wrong))
