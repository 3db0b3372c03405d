"""When a notice was told and settled."""

from django.db import migrations, models

import decisions.clock


class Migration(migrations.Migration):

    dependencies = [("decisions", "0006_webhooks_as_set_up")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="told_at",
            field=models.DateTimeField(default=decisions.clock.now),
        ),
        migrations.AddField(
            model_name="notice",
            name="settled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("write", "A part is yours to write"),
                    ("sign", "A record is ready for your signature"),
                    ("lapsed", "A record changed after you signed it"),
                    ("owner", "A record you drive waits for your next step"),
                    ("mention", "Someone mentions you"),
                    ("discussion", "Someone comments on your part, or answers you"),
                    ("delegation", "Someone asks you to sign for them, or answers that"),
                    (
                        "outcome",
                        "A record you take part in is approved, rejected, reopened or given up",
                    ),
                    ("reminder", "A due date comes near or has passed"),
                ],
                max_length=20,
            ),
        ),
    ]
