"""When a notice was told and settled; what happened before there were notices is told to no one."""

from django.db import migrations, models
from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

import decisions.clock


def pass_over_the_past(apps, schema_editor):
    """Put the cursor of every record behind its last event."""
    decision_model = apps.get_model("decisions", "Decision")
    events = apps.get_model("decisions", "Event").objects.filter(decision=OuterRef("pk"))
    last = events.order_by().values("decision").annotate(last=Max("sequence")).values("last")
    decision_model.objects.update(told_up_to=Coalesce(Subquery(last), 0))


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
        migrations.RunPython(pass_over_the_past, migrations.RunPython.noop),
    ]
