"""Trying an endpoint: one list of models and one short reply, told in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from asgiref.sync import async_to_sync, sync_to_async
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluations.endpoints import budget
from evaluations.endpoints.client import Client
from evaluations.endpoints.errors import EndpointError, Kind
from evaluations.endpoints.page import price_words
from evaluations.endpoints.prices import price_of
from evaluations.endpoints.replies import Reply, quoted
from evaluations.endpoints.wire import Server
from evaluations.models import Endpoint
from evaluations.techniques.chat import Message
from evaluations.techniques.interface import Halt

PATIENCE = 10.0  # seconds for each of the two questions
MOST_LISTED = 50
# What a server without a list of its models answers; `transformers serve` fails when it has no hub.
NO_LIST = {Kind.MISSING, Kind.FORBIDDEN, Kind.MALFORMED, Kind.REQUEST, Kind.SERVER}
HELLO: list[Message] = [{"role": "user", "content": "Say OK."}]


@dataclass
class Checked:
    """What came of a check: a sentence, what was seen besides, and the models that were listed."""

    is_ok: bool = True
    sentence: str = ""
    notes: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    @property
    def listed(self) -> list[str]:
        """Return the first models, in alphabetical order."""
        return sorted(self.models)[:MOST_LISTED]

    @property
    def unlisted(self) -> int:
        """Return how many models are not among them."""
        return max(len(self.models) - MOST_LISTED, 0)


def checked(endpoint: Endpoint, model: str) -> Checked:
    """Ask a server for its models and, where one is named, that for a word; never raises."""
    try:
        server = Server.of(endpoint)
    except EndpointError as error:
        return Checked(False, error.sentence)
    quick = replace(server, timeout=min(server.timeout, PATIENCE), retries=0)
    return async_to_sync(_checked)(endpoint, quick, model)


async def _checked(endpoint: Endpoint, server: Server, model: str) -> Checked:
    client = Client(server, await sync_to_async(price_of)(endpoint, model) if model else None)
    try:
        found = await _listed(client, model)
        return await _tried(endpoint, client, model, found) if model and found.is_ok else found
    finally:
        await client.close()


async def _listed(client: Client, model: str) -> Checked:
    """Return what the server says of its models; one that keeps no list is asked for a word."""
    try:
        models = await client.models()
    except EndpointError as error:
        if error.kind not in NO_LIST:
            return Checked(False, error.sentence)
        if model:
            return Checked(notes=[_("The server lists no models.")])
        hint = _("It may still answer: name a model and test again.")
        return Checked(False, error.sentence, [hint])
    count = len(models)
    told = ngettext(
        "The server answers and lists %(count)s model.",
        "The server answers and lists %(count)s models.",
        count,
    )
    found = Checked(sentence=told % {"count": count}, models=models)
    if model and models and model not in models:
        found.notes.append(_("“%(model)s” is not among the models listed.") % {"model": model})
    return found


async def _tried(endpoint: Endpoint, client: Client, model: str, found: Checked) -> Checked:
    """Ask a model for a word, count it, and add what came of it."""
    try:
        await sync_to_async(budget.reserve)(endpoint)
        reply = await _said(client, model)
    except (EndpointError, Halt) as error:
        found.is_ok, found.sentence = False, str(error.args[0])
        return found
    counted = (reply.input_tokens, reply.output_tokens, reply.cost)
    await sync_to_async(budget.charge)(endpoint, None, *counted)
    found.sentence = _("“%(model)s” answers, after %(ms)s ms: “%(text)s”") % {
        "model": reply.model,
        "ms": number_format(round(reply.latency_ms)),
        "text": quoted(reply.text),
    }
    found.notes += _notes(client, model, reply)
    return found


async def _said(client: Client, model: str) -> Reply:
    """Return a short reply; of a model that thinks before it speaks, one cut short will do."""
    try:
        return await client.chat(HELLO, model=model, max_tokens=1)
    except EndpointError as error:
        if error.reply is None or error.kind != Kind.EMPTY:
            raise
        return error.reply


def _notes(client: Client, model: str, reply: Reply) -> list[str]:
    notes = []
    if reply.model != model:
        told = {"asked": model, "answered": reply.model}
        notes.append(_("“%(asked)s” was asked for; “%(answered)s” says it answered.") % told)
    if reply.input_tokens is None or reply.output_tokens is None:
        notes.append(_("The server does not say how many tokens it used: cost unknown."))
    notes.append(price_words(client.price))
    return notes
