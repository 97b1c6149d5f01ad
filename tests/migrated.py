"""What the migrations leave in the database, put back after a flush: to make it anew costs twice the flush."""

from collections.abc import Callable

from django.db import connection, transaction

COPIES = "migrated"


def keep() -> Callable[..., None]:
    """Copy every row there is; return what puts the copies back into empty tables."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {COPIES} CASCADE")
        cursor.execute(f"CREATE SCHEMA {COPIES}")
        filled = []
        for name in names:
            cursor.execute(f'CREATE TABLE {COPIES}."{name}" AS TABLE "{name}"')
            if cursor.rowcount:
                filled.append(name)
    statements = [f'INSERT INTO "{name}" SELECT * FROM {COPIES}."{name}"' for name in filled]

    def put_back(*_arguments: object, **_options: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("; ".join(statements))

    return put_back
