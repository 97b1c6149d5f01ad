"""Lists of what is made by hand: newest first, page by page."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of a list, and the cursor of the page below; None: there is none."""

    data: tuple[Item, ...]
    next_cursor: UUID | None


def newest(rows: QuerySet[Row], cursor: UUID | None, limit: int) -> Page[Row]:
    """Return up to `limit` rows below the cursor. Their ids are UUIDv7, and so grow with time."""
    ordered = rows.order_by("-id")
    found = list((ordered.filter(id__lt=cursor) if cursor else ordered)[: limit + 1])
    return Page(tuple(found[:limit]), found[limit - 1].pk if len(found) > limit else None)
