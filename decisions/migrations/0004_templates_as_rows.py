"""Record templates become rows; records opened before name the one they were opened from."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Max

# What shipped when records began to name a row, frozen: the program's own list goes on changing.
# Key → title, description, and the parts as (kind, role).
SHIPPED = {
    "adapting-an-llm": (
        "Adapting an LLM",
        "Prompt engineering, retrieval, fine-tuning or a hybrid: which, and why.",
        (
            ("problem", "business"),
            ("goals", "business"),
            ("profile_business", "business"),
            ("profile_data", "data_science"),
            ("profile_operations", "devops"),
            ("profile_interaction", "ux"),
            ("candidates", "data_science"),
            ("assessment_business", "business"),
            ("assessment_data_science", "data_science"),
            ("assessment_devops", "devops"),
            ("assessment_ux", "ux"),
            ("results_data_science", "data_science"),
            ("results_devops", "devops"),
            ("results_ux", "ux"),
            ("results_business", "business"),
            ("recommendation", "owner"),
        ),
    ),
    "general-technical-decision": (
        "General technical decision",
        "A platform, a migration, build or buy: any choice that many have to live with.",
        (
            ("problem", "business"),
            ("goals", "business"),
            ("constraints_business", "business"),
            ("constraints_data", "data_science"),
            ("constraints_operations", "devops"),
            ("constraints_people", "ux"),
            ("options", "devops"),
            ("rating_business", "business"),
            ("rating_data_science", "data_science"),
            ("rating_devops", "devops"),
            ("rating_ux", "ux"),
            ("results_data_science", "data_science"),
            ("results_devops", "devops"),
            ("results_ux", "ux"),
            ("results_business", "business"),
            ("recommendation", "owner"),
        ),
    ),
}
ROLES = ("business", "data_science", "devops", "ux")
POLICY = {
    "signing_roles": list(ROLES),
    "order": "any",
    "quorum": {role: "any" for role in ROLES},
    "author_may_sign_alone": False,
}


def add_templates(apps, schema_editor):
    """Add the rows that the records there are will name; what else ships comes after migrating."""
    template = apps.get_model("decisions", "RecordTemplate")
    named = set(apps.get_model("decisions", "Decision").objects.values_list("template", flat=True))
    for key, (title, description, parts) in SHIPPED.items():
        if key not in named:
            continue
        known = {
            "title": title,
            "description": description,
            "sections": [{"kind": kind, "role": role} for kind, role in parts],
            "goals": [],
            "policy": POLICY,
        }
        template.objects.get_or_create(key=key, defaults=known)


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
