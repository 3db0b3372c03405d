"""The only writers of a record: each checks the refusal, writes, and logs, in one transaction."""
