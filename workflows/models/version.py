"""The one number that tells every process that something it keeps in memory changed."""

from typing import Any

from django.db import models, transaction


class SnapshotVersion(models.Model):
    """A single row, id 1. Its lock orders writers, so versions become visible in order."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    deleted_at_version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)

    @classmethod
    def advance(cls, *, deleted: bool = False) -> int:
        """Take the next version inside the caller's transaction, and hold the row until it ends."""
        row, _ = cls.objects.select_for_update().get_or_create(id=1)
        row.version += 1
        if deleted:
            row.deleted_at_version = row.version
        row.save()
        return row.version


class Versioned(models.Model):
    """A row that processes keep a copy of: each save and each delete moves the version on."""

    version = models.BigIntegerField(default=0, editable=False, db_index=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            self.version = SnapshotVersion.advance()
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            SnapshotVersion.advance(deleted=True)
            return super().delete(*args, **kwargs)
