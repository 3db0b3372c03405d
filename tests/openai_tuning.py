"""Files and fine-tuning jobs as OpenAI's protocol has them, kept in memory."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from tests.openai_faults import Sent, refused

FEWEST = 10  # examples a provider wants
ENDED = ("succeeded", "failed", "cancelled")
STEPS = ("validating_files", "queued", "running", "succeeded")


@dataclass
class File:
    """An uploaded file."""

    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class Job:
    """A fine-tuning job. It goes one step further whenever somebody has looked `patience` times."""

    id: str
    asked: dict[str, Any]
    created_at: int
    examples: int
    trained_tokens: int
    complaint: str = ""
    status: str = "validating_files"
    finished_at: int | None = None
    looks: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tuned(self) -> str:
        """Return the name that the model is served under afterwards."""
        return f"ft:{self.asked['model']}:test:{self.asked.get('suffix') or ''}:{self.id[-4:]}"

    def look(self, patience: int) -> None:
        """Count a look at it; go a step further when it is time."""
        self.looks += 1
        if self.status not in ENDED and self.looks % patience == 0:
            is_refused = self.complaint and self.status == "validating_files"
            self.move("failed" if is_refused else STEPS[STEPS.index(self.status) + 1])

    def move(self, status: str) -> None:
        """Come to a state, and note it as an event."""
        self.status = status
        self.finished_at = _now() if status in ENDED else None
        self.note(self.complaint if status == "failed" else f"The job is {status}.")

    def note(self, message: str) -> None:
        number = len(self.events) + 1
        self.events.append(
            {
                "id": f"ftevent-{self.id[-4:]}-{number}",
                "object": "fine_tuning.job.event",
                "created_at": _now(),
                "level": "error" if self.status == "failed" else "info",
                "message": message,
                "type": "message",
                "data": None,
            }
        )

    def told(self) -> dict[str, Any]:
        is_done = self.status == "succeeded"
        error = {"code": "invalid_training_file", "message": self.complaint, "param": None}
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": self.created_at,
            "finished_at": self.finished_at,
            "model": self.asked["model"],
            "fine_tuned_model": self.tuned if is_done else None,
            "organization_id": "org-test",
            "status": self.status,
            "hyperparameters": self.asked.get("hyperparameters") or {"n_epochs": "auto"},
            "training_file": self.asked["training_file"],
            "validation_file": self.asked.get("validation_file"),
            "result_files": [],
            "trained_tokens": self.trained_tokens if is_done else None,
            "error": error if self.status == "failed" else None,
            "seed": self.asked.get("seed") or 42,
        }


@dataclass
class Tuning:
    """Everything uploaded and every job. A job is done after `4 * patience` looks at it.

    With a status in `no_cancelling` jobs cannot be stopped: that is what is answered instead.
    """

    patience: int = 1
    no_cancelling: int = 0
    files: dict[str, File] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    def models(self) -> list[str]:
        """Return the models that jobs have made."""
        return [job.tuned for job in self.jobs.values() if job.status == "succeeded"]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Sent | None:
        """Return the answer to a request for files or jobs, None if it is for something else."""
        match method, path.strip("/").split("/"):
            case "POST", ["files"]:
                return self._upload(headers["content-type"], body)
            case "GET", ["files"]:
                return _list([file.told() for file in self.files.values()])
            case _, ["files", name, *rest]:
                return self._file(method, name, rest)
            case "POST", ["fine_tuning", "jobs"]:
                return self._create(json.loads(body))
            case "GET", ["fine_tuning", "jobs"]:
                return _list([job.told() for job in self.jobs.values()])
            case _, ["fine_tuning", "jobs", name, *rest]:
                return self._job(method, name, rest)
        return None

    def _upload(self, content_type: str, body: bytes) -> Sent:
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in message_from_bytes(head + body, policy=policy.HTTP).iter_parts()
        }
        if "file" not in parts or "purpose" not in parts:
            return refused(400, "'file' and 'purpose' are required properties")
        content, purpose = (parts[key].get_payload(decode=True) for key in ("file", "purpose"))
        name = parts["file"].get_filename() or "file"
        made = File(f"file-{len(self.files) + 1:04}", name, purpose.decode(), content, _now())
        self.files[made.id] = made
        return Sent().saying(made.told())

    def _file(self, method: str, name: str, rest: list[str]) -> Sent:
        file = self.files.get(name)
        if file is None:
            return refused(404, f"No such File object: {name}")
        if method == "DELETE":
            del self.files[name]
            return Sent().saying({"id": name, "object": "file", "deleted": True})
        if rest == ["content"]:
            return Sent(body=file.content, content_type="application/octet-stream")
        return Sent().saying(file.told())

    def _create(self, asked: dict[str, Any]) -> Sent:
        file = self.files.get(asked.get("training_file", ""))
        if file is None or file.purpose != "fine-tune":
            return refused(400, f"invalid training_file: {asked.get('training_file')}")
        examples, complaint = checked(file.content)
        tokens = len(file.content) // 4
        job = Job(
            f"ftjob-{len(self.jobs) + 1:04}", asked, _now(), examples, tokens, complaint=complaint
        )
        job.note(f"Created fine-tuning job: {job.id}")
        self.jobs[job.id] = job
        return Sent().saying(job.told())

    def _job(self, method: str, name: str, rest: list[str]) -> Sent:
        job = self.jobs.get(name)
        if job is None:
            return refused(404, f"Could not find fine tune: {name}")
        if rest == ["events"]:
            return _list(job.events[::-1])
        if rest == ["cancel"] and self.no_cancelling:
            return refused(self.no_cancelling, "Not with this key.")
        if rest == ["cancel"] and method == "POST":
            if job.status in ENDED:
                return refused(400, f"Job has already completed: {name}")
            job.move("cancelled")
        elif not rest:
            job.look(self.patience)
        return Sent().saying(job.told())


def checked(content: bytes) -> tuple[int, str]:
    """Return the number of examples of a training file, and what is wrong with it."""
    lines = content.decode(errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not _is_example(line):
            return number, f"Invalid file format. Line {number} is not a chat example."
    if len(lines) < FEWEST:
        few = f"Training file has {len(lines)} example(s), but must have at least {FEWEST}."
        return len(lines), few
    return len(lines), ""


def _is_example(line: str) -> bool:
    """Return whether a line is a chat that ends with the assistant's word."""
    try:
        messages = json.loads(line)["messages"]
        spoken = all(isinstance(one["content"], str) for one in messages)
    except (ValueError, TypeError, KeyError):
        return False
    return spoken and bool(messages) and messages[-1]["role"] == "assistant"


def _list(data: list[dict[str, Any]]) -> Sent:
    return Sent().saying({"object": "list", "data": data, "has_more": False})


def _now() -> int:
    return int(time.time())
