"""Events, signatures and versions only grow: the database refuses to change or delete them.

They also keep their record from being deleted, as the events did already.
"""

import django.db.models.deletion
from django.db import migrations, models

from decisions import append_only

TABLES = ["decisions_event", "decisions_signoff", "decisions_version"]


def protect(apps, schema_editor):
    append_only.protect(schema_editor.connection, TABLES)


def unprotect(apps, schema_editor):
    append_only.unprotect(schema_editor.connection, TABLES)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {append_only.FUNCTION}()")


class Migration(migrations.Migration):

    dependencies = [("decisions", "0004_templates_as_rows")]

    operations = [
        migrations.AlterField(
            model_name="signoff",
            name="decision",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="sign_offs", to="decisions.decision"),
        ),
        migrations.AlterField(
            model_name="version",
            name="decision",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="decisions.decision"),
        ),
        migrations.RunPython(protect, unprotect),
    ]
