"""What a webhook may carry, why it is off, and the secret it had before."""

from django.db import migrations, models

import decisions.crypto


class Migration(migrations.Migration):

    dependencies = [("decisions", "0005_append_only")]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="carries_restricted",
            field=models.BooleanField(default=False, verbose_name="restricted records in full"),
        ),
        migrations.AddField(
            model_name="webhook",
            name="off_because",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="webhook",
            name="former_secret",
            field=decisions.crypto.EncryptedTextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="webhook",
            name="former_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
