"""The port: what people call the orgs and environments of which the mollifier knows ids only."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.utils.module_loading import import_string

from mollifier import conf


class Names(Protocol):
    """Ids for names and names for ids. Never raises: what can't be asked now is taken for an id."""

    def org(self, said: str) -> str | None:
        """Return the id of an org that is named, or given by its id; None: there is none."""
        ...

    def env(self, org: str, said: str) -> str | None:
        """Return the id of an environment of this org, as `org` does."""
        ...

    def of_orgs(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those of the orgs that have one."""
        ...


class Ids:
    """Where the host gives no names ids are all there is."""

    def org(self, said: str) -> str | None:
        return said

    def env(self, _org: str, said: str) -> str | None:
        return said

    def of_orgs(self, _ids: Sequence[str]) -> Mapping[str, str]:
        return {}


def current() -> Names:
    """Build what NAMES of the settings names.

    Raises:
        ImportError: it names nothing.
    """
    path = conf.current().names
    names: Names = import_string(path)() if path else Ids()
    return names
