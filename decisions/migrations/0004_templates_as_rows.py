"""Record templates become rows; records opened before name the one they were opened from."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Max

from decisions.record_templates import SHIPPED


def add_templates(apps, schema_editor):
    template = apps.get_model("decisions", "RecordTemplate")
    for one in SHIPPED:
        template.objects.get_or_create(key=one.key, defaults=one.row)


def bring_up_to_date(apps, schema_editor):
    """Tell nobody of what happened before, and write every copied policy out in full."""
    decisions = apps.get_model("decisions", "Decision").objects
    for decision in decisions.annotate(last=Max("events__sequence")):
        policy = decision.policy
        if policy:
            quorum = {role: "any" for role in policy["signing_roles"]}
            policy = {"order": "any", "author_may_sign_alone": False} | policy | {"quorum": quorum}
        decisions.filter(pk=decision.pk).update(told_up_to=decision.last or 0, policy=policy)


class Migration(migrations.Migration):

    dependencies = [("decisions", "0003_review_and_sign_off")]

    operations = [
        migrations.RunPython(add_templates, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='decision',
            name='template',
            field=models.ForeignKey(db_column='template', editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='decisions.recordtemplate', to_field='key', verbose_name='record template'),
        ),
        migrations.RunPython(bring_up_to_date, migrations.RunPython.noop),
    ]
