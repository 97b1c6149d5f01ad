"""What people call orgs and environments, for the mollifier's own command."""

from collections.abc import Mapping, Sequence

from django.db import InterfaceError, OperationalError
from django.db.models import Q

from workflows.models import Environment, Organization
from workflows.search import as_uuid


class SlugNames:
    """Slugs; while the database is away what is said is taken for an id, so that the buffer can be looked at."""

    def org(self, said: str) -> str | None:
        try:
            found = Organization.objects.filter(_named(said)).values_list("pk", flat=True).first()
        except (InterfaceError, OperationalError):
            return said
        return str(found) if found else None

    def env(self, org: str, said: str) -> str | None:
        if (org_id := as_uuid(org)) is None:
            return said
        try:
            found = Environment.objects.filter(_named(said), org_id=org_id).values_list("pk", flat=True).first()
        except (InterfaceError, OperationalError):
            return said
        return str(found) if found else None

    def of_orgs(self, ids: Sequence[str]) -> Mapping[str, str]:
        wanted = [id_ for said in ids if (id_ := as_uuid(said))]
        try:
            found = Organization.objects.filter(pk__in=wanted).values_list("pk", "slug")
            return {str(id_): slug for id_, slug in found}
        except (InterfaceError, OperationalError):
            return {}


def _named(said: str) -> Q:
    return Q(pk=id_) if (id_ := as_uuid(said)) else Q(slug=said)
