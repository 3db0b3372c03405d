"""Telling people: who must act is told once, in the app and by mail.

`rules` says who is told of which event, `matters` what it is called and how long it holds,
`telling` works through the log after commit, `mailing` and `sending` bring it to a mailbox.
"""
