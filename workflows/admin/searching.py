"""What the instances page is asked: the search box and the lists beside it, as one filter."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import urlencode

from workflows import search
from workflows.intake import narrowing, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import Filters
from workflows.search import STATUSES, Filter, SearchInvalid

NO_TERMS, NOTHING = Filter(), Filters()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed and chosen, and what it means; with a `fault` it means nothing yet."""

    text: str = ""
    status: str = ""
    definition: str = ""
    env_text: str = ""
    filter: Filter = NO_TERMS
    filters: Filters = NOTHING
    env: Env | None = None
    fault: str = ""

    @property
    def narrowed(self) -> bool:
        return bool(self.text or self.status or self.definition or self.env_text)

    @property
    def query(self) -> str:
        """Return it as the query string of another page."""
        return urlencode({"q": str(self.filter)})


def ask(given: Mapping[str, str]) -> Asked:
    """Read the query string of the page."""
    text, env_text = given.get("q", "").strip(), given.get("env", "").strip()
    status = given.get("status", "") if given.get("status") in STATUSES else ""
    definition = given.get("definition", "").strip()
    shown = (text, status, definition, env_text)
    try:
        found = search.compose(text, status=status, definition=definition, env=env_text.replace(" ", ""))
        envs = refresher.current().envs
        narrowed = narrowing.resolve(found, envs.values(), everywhere=True)
    except SearchInvalid as error:
        return Asked(*shown, fault=str(error))
    sole = narrowed.env_ids[0] if narrowed.env_ids and len(narrowed.env_ids) == 1 else None
    filters = Filters(search=narrowed) if found else NOTHING
    return Asked(*shown, filter=found, filters=filters, env=envs.get(sole) if sole else None)
