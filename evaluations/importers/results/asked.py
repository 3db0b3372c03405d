"""What a system was asked and what it said, as text that is the same under every provider."""

import json
from collections.abc import Mapping
from typing import Any

from evaluations.importers.results.values import canonical, digest, items, mapping, name, text

LONGEST_KEY = 100
SETTINGS = {
    *("model", "temperature", "top_p", "max_tokens", "stream", "seed", "stop", "user"),
    *("tools", "tool_choice", "response_format", "max_completion_tokens", "n", "timeout"),
}


def asked(value: Any) -> str:
    """Return a question as text: itself, its messages, or a line for each variable by name.

    Of a request to a model the messages alone count: the model is another one elsewhere.
    """
    if isinstance(value, dict):
        if messages := items(value.get("messages")):
            return conversation(messages)
        return _variables({one: value[one] for one in value if one not in SETTINGS} or value)
    return conversation(value) if is_conversation(value) else text(value)


def said(value: Any) -> str | None:
    """Return an answer as text: itself or the message in a chat completion; None for none."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return conversation(value) if is_conversation(value) else text(value)
    choice = mapping(next(iter(items(value.get("choices"))), None))
    content = mapping(choice.get("message")).get("content", choice.get("text"))
    if choice:
        return None if content is None else content_text(content)
    for one in ("content", "output", "answer", "response", "text"):
        if isinstance(value.get(one), str) and len(value) == 1:
            return text(value[one])
    return text(value)


def case_key(key: Any, question: str) -> str:
    """Return a case's own key where it has one that fits, else the digest of its question."""
    own = text(key).strip() if isinstance(key, str | int) and not isinstance(key, bool) else ""
    return own if 0 < len(own) <= LONGEST_KEY else digest(own or question)


def is_conversation(value: Any) -> bool:
    """Return whether it is a list of messages."""
    return bool(value) and all("role" in mapping(one) for one in items(value) or [None])


def conversation(messages: list[Any]) -> str:
    """Return messages to read; one message of a user alone is its text."""
    told = [(name(mapping(one).get("role")), mapping(one).get("content")) for one in messages]
    if len(told) == 1 and told[0][0] in ("", "user"):
        return content_text(told[0][1])
    return text("\n\n".join(f"{role}: {content_text(content)}" for role, content in told))


def content_text(content: Any) -> str:
    """Return a message's content; of several parts the texts, and the rest as JSON."""
    pieces = items(content)
    if not pieces:
        return text(content)
    texts = (mapping(one).get("text", one) for one in pieces)
    return text("\n".join(map(text, texts)))


def parsed(value: Any) -> Any:
    """Return what a text of JSON says, where it is an object or a list; else the value."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _variables(found: Mapping[str, Any]) -> str:
    """Return one variable's value, or a line “name: value” for each of several, by name."""
    if len(found) == 1:
        only = next(iter(found.values()))
        return asked(only) if is_conversation(only) else text(only)
    return text("\n".join(f"{one}: {text(found[one])}" for one in sorted(found)) or canonical({}))
