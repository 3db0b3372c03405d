"""Waking a worker once something has been committed; the rows own the work."""

# After this many seconds the sweep has found what there is to do.
WAKE_EXPIRES = 600


def wake_teller(decision_id: int) -> None:
    """Tell a worker that a record's log has grown.

    Tried once: where the queue cannot be reached nobody waits for it, and the sweep comes by.
    """
    from decisions.tasks import tell_people

    tell_people.apply_async((decision_id,), retry=False, expires=WAKE_EXPIRES)


def wake_writer(user_id: int) -> None:
    """Tell a worker that somebody was called by name and is written to at once."""
    from decisions.tasks import write_mail_at_once

    write_mail_at_once.apply_async((user_id,), retry=False, expires=WAKE_EXPIRES)


def wake_sender(mail_id: int) -> None:
    """Tell a worker that there is a message to send; likewise tried once."""
    from decisions.tasks import send_mail

    send_mail.apply_async((mail_id,), retry=False, expires=WAKE_EXPIRES)
