"""Telling other systems what happens to records: signed, retried, and written down."""

from decisions.webhooks.queue import enqueue

__all__ = ["enqueue"]
