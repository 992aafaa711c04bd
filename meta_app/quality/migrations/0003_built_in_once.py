"""Two first users at once could each store the built-in checklist: the oldest stays, what used another takes it."""

from django.db import migrations, models


def keep_the_oldest(apps, schema_editor):
    """One that was changed by hand is no copy: it stays, under a name of its own."""
    oldest = {}
    for row in apps.get_model("quality", "Instrument").objects.filter(project=None).order_by("pk"):
        kept = oldest.setdefault((row.name, row.version), row)
        if kept is row:
            continue
        if any(getattr(row, name) != getattr(kept, name) for name in ("items", "cutoff")):
            row.name = f"{row.name[:30]}-{row.pk}"
            row.save(update_fields=["name"])
            continue
        apps.get_model("quality", "QualityScore").objects.filter(instrument=row.pk).update(instrument=kept.pk)
        row.delete()
    schema_editor.connection.check_constraints()


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_project_version"), ("quality", "0002_item_scores_are_versioned")]

    operations = [
        migrations.RunPython(keep_the_oldest, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("project", None)),
                fields=("name", "version"),
                name="built_in_instruments_are_unique",
            ),
        ),
    ]
