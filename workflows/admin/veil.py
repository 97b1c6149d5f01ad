"""What instances hold, as it may be shown: pretty, cut, without the values of secrets."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from workflows import masking, models, secrets
from workflows.redaction import Redactor, Secret
from workflows.secrets import SecretMissing, SecretUnreadable

LONGEST = 20_000
UNKNOWN = "Hidden: {}. Until then what holds it can't be told apart."
TOO_DEEP = "Nested too deep to be shown."
# No environment has it, so only the org's own secrets are found.
NO_ENV = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Veil:
    """Takes out known secrets, and what goes under the name of one. With `trouble` it lets nothing through."""

    redactor: Redactor
    trouble: str = ""

    def text(self, said: str) -> str:
        """Show a text, as of an error."""
        return UNKNOWN.format(self.trouble) if self.trouble else masking.text(self.redactor.text(said))

    def json(self, content: str | bytes) -> str:
        """Show JSON indented; what is very long is cut, and says so."""
        if self.trouble:
            return UNKNOWN.format(self.trouble)
        try:
            shown = json.dumps(self._clean(content), indent=2, ensure_ascii=False)
        except RecursionError:
            return TOO_DEEP
        return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}\n… {len(shown) - LONGEST:,} more characters"

    def value(self, content: str | bytes) -> Any:
        """Give JSON out as a value, whole; where nothing may be let through, a text that says why."""
        if self.trouble:
            return UNKNOWN.format(self.trouble)
        try:
            return self._clean(content)
        except RecursionError:
            return TOO_DEEP

    def _clean(self, content: str | bytes) -> Any:
        return masking.value(self.redactor.value(json.loads(content)))


def of(org_id: UUID, env_id: UUID, others: Iterable[Secret] = ()) -> Veil:
    """Return what hides the secrets of an environment and its org, and `others`; without secrets 1 query."""
    named = models.Secret.objects.filter(Q(env_id=env_id) | Q(env__isnull=True), org_id=org_id)
    rows = list(named.only("name", "env_id"))
    own, shared = {row.name for row in rows if row.env_id}, {row.name for row in rows if not row.env_id}
    try:
        known = [*secrets.resolve(org_id, env_id, own | shared).values()]
        # The org's value that the environment's stands before may have come from another environment.
        known += secrets.resolve(org_id, NO_ENV, own & shared).values()
    except (SecretMissing, SecretUnreadable) as error:
        return Veil(Redactor(), str(error))
    return Veil(Redactor([*known, *others]))
