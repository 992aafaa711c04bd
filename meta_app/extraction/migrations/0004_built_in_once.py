"""Two first users at once could each store the built-in form: the oldest stays, what used another takes it."""

from django.db import migrations, models


def keep_the_oldest(apps, schema_editor):
    """One that was changed by hand is no copy: it stays, under a name of its own."""
    oldest = {}
    for row in apps.get_model("extraction", "ExtractionForm").objects.filter(project=None).order_by("pk"):
        kept = oldest.setdefault((row.name, row.version), row)
        if kept is row:
            continue
        if any(getattr(row, name) != getattr(kept, name) for name in ("fields",)):
            row.name = f"{row.name[:30]}-{row.pk}"
            row.save(update_fields=["name"])
            continue
        apps.get_model("extraction", "Extraction").objects.filter(form=row.pk).update(form=kept.pk)
        row.delete()
    schema_editor.connection.check_constraints()


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_project_version"), ("extraction", "0003_two_reviewers")]

    operations = [
        migrations.RunPython(keep_the_oldest, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="extractionform",
            constraint=models.UniqueConstraint(
                condition=models.Q(("project", None)), fields=("name", "version"), name="built_in_forms_are_unique"
            ),
        ),
    ]
