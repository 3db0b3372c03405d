"""The seals that documents were sealed with here."""

from django.db import models

from decisions import clock


class SealCertificate(models.Model):
    """The certificate of a seal, kept from its first document on, and as long as they are read.

    The public part alone; it is what this installation trusts when a document comes back.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    pem = models.TextField()
    first_used_at = models.DateTimeField(default=clock.now)
    # Since when it is trusted no longer, because others have its key. The row stays, so that
    # nothing is sealed with that key again.
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.sha256
