"""The append-only record of an instance."""

from django.db import models

from workflows.models.json import RawJsonField
from workflows.states import EventType, choices


class Event(models.Model):
    """One row of a log. `seq` is dense from 1 and given inside the append; see workflows/eventlog.py."""

    pk = models.CompositePrimaryKey("instance_id", "seq")
    instance_id = models.UUIDField()
    seq = models.IntegerField()
    type = models.CharField(max_length=20, choices=choices(EventType))
    correlation_id = models.TextField()
    data = RawJsonField()
    at = models.DateTimeField()

    class Meta:
        managed = True

    def __str__(self) -> str:
        return f"{self.instance_id}#{self.seq} {self.type}"
