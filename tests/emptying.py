"""Empties the database after a test with real transactions, quickly.

Django truncates every table and makes the permissions anew, which takes most of a second however little there was.
Here rows are deleted from the tables that have any, and what migrations made stays. It takes a superuser, as the tests'
own PostgreSQL gives them.
"""

from unittest import mock

import pytest
from django.core.management.commands import flush
from django.db import connection

MADE_BY_MIGRATIONS = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def _quick_flush():
    with (
        mock.patch.object(flush, "sql_flush", _deletions),
        mock.patch.object(flush, "emit_post_migrate_signal"),
    ):
        yield


def _deletions(*args: object, **options: object) -> list[str]:
    """Without triggers, which would refuse it to what is append-only, and without the checks of foreign keys."""
    names = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    tables = sorted(names - MADE_BY_MIGRATIONS)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables))  # noqa: S608
        filled = [table for (table,) in cursor.fetchall()]
    return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {table}" for table in filled)]  # noqa: S608
