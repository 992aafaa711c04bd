"""The database itself refuses to change or delete audit entries.

A later migration that alters the table makes it anew on SQLite, which drops the triggers: it must end with
`RunPython(make_triggers)`. A test looks for them after the last migration.
"""

from typing import Any

from django.db import migrations

SENTENCE = "An audit entry never changes and is never deleted."
SQLITE = [
    f"""
    CREATE TRIGGER audit_entries_are_never_{word}d BEFORE {verb} ON audit_auditentry
    BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END
    """
    for word, verb in (("change", "UPDATE"), ("delete", "DELETE"))
]
POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION audit_entries_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER audit_entries_never_change BEFORE UPDATE OR DELETE ON audit_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_entries_never_change()
    """,
    """
    CREATE TRIGGER audit_entries_are_never_emptied BEFORE TRUNCATE ON audit_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_never_change()
    """,
]
SQLITE_GONE = [f"DROP TRIGGER audit_entries_are_never_{word}d" for word in ("change", "delete")]
POSTGRESQL_GONE = [
    "DROP TRIGGER audit_entries_are_never_emptied ON audit_auditentry",
    "DROP TRIGGER audit_entries_never_change ON audit_auditentry",
    "DROP FUNCTION audit_entries_never_change()",
]


def make_triggers(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    _execute(schema_editor, SQLITE, POSTGRESQL)


def drop_triggers(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    _execute(schema_editor, SQLITE_GONE, POSTGRESQL_GONE)


def _execute(schema_editor: Any, sqlite: list[str], postgresql: list[str]) -> None:
    for statement in sqlite if schema_editor.connection.vendor == "sqlite" else postgresql:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(make_triggers, drop_triggers)]
