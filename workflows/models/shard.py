"""The lanes of the engine and who runs each."""

from django.db import models

from workflows.models.json import RawJsonField


class Shard(models.Model):
    """One lane. Its pump holds it until `deadline`; each takeover adds one to `epoch`. A parallelism of 0 pauses it.

    `counts` is what its pumps have done since ever, by word: outcomes of appends, events of steps, endings.
    """

    index = models.SmallIntegerField(primary_key=True)
    owner = models.CharField(max_length=100, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    deadline = models.DateTimeField(null=True)
    max_parallelism = models.PositiveIntegerField(default=200)
    counts = RawJsonField(default=dict)

    def __str__(self) -> str:
        return f"shard {self.index}"
