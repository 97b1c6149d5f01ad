"""Who did something, and why: the columns that every record of an act has."""

from django.conf import settings
from django.db import models


class Reasoned(models.Model):
    """A row that says why, and who, by the name that was theirs then."""

    actor_name = models.CharField(max_length=150)
    reason = models.TextField()

    class Meta:
        abstract = True


class Acted(Reasoned):
    """One that knows the user too, as long as there is that user."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        abstract = True
