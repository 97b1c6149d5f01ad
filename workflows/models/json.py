"""A column that keeps JSON as the text it was written as."""

import json
from typing import Any

import msgspec
from django.db import models


class RawJsonField(models.Field):  # type: ignore[type-arg]  # not subscriptable at run time
    """Python value in and out, PostgreSQL `json` in between.

    `jsonb` sorts keys, so a workflow would see another order in a replay than when it ran.
    """

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Ask for the text: the driver's own value may be a text, which is not JSON again."""
        return f"{sql}::text", params

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()
