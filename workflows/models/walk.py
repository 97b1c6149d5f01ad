"""How far the passes of a schedule have come."""

from django.db import models


class Walk(models.Model):
    """The id after which the next pass of this name goes on; null: at the beginning."""

    name = models.CharField(max_length=40, primary_key=True)
    after = models.UUIDField(null=True)
    walked_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.name} after {self.after}"
