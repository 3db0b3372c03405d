"""Forms of the record; each mirrors one action."""
