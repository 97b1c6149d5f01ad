"""Bulk actions for tests: made, and run to their end by this process."""

from collections.abc import Callable
from typing import Any

from workflows.audit import Actor
from workflows.intake import bulk, slices
from workflows.models import BulkAction

ADA = Actor("ada")


def make(verb: str, text: str, **fields: Any) -> BulkAction:
    return bulk.create(verb, text, **({"actor": ADA, "reason": "mended"} | fields))


def never() -> bool:
    return False


def run(action: BulkAction, stop: Callable[[], bool] = never) -> BulkAction:
    """Work until it has ended or is put off."""
    while slices.run(action.pk, stop) is False and not stop():
        pass
    action.refresh_from_db()
    return action
