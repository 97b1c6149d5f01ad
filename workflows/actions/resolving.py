"""Put secrets and blobs into arguments, just before the action runs."""

from typing import Any

import msgspec

from workflows import blobs, conf, secrets
from workflows.actions.call import Scope
from workflows.actions.checking import SECRET, SECRET_FIELDS, escaped, names_secret
from workflows.redaction import Redactor, Secret
from workflows.steps import Fatal

MAX_SECRETS = 50


def resolve(arguments: Any, scope: Scope) -> tuple[Any, Redactor]:
    """Return the arguments as the action gets them, and what takes their secrets out of its outcome.

    Raises:
        Fatal: arguments_invalid, or secret_not_declared for one that did not come from the definition.
        SecretMissing, SecretUnreadable, BlobMissing, BlobDamaged: as they are.
    """
    names = _names(arguments, "", frozenset(scope.secrets))
    if len(names) > MAX_SECRETS:
        raise Fatal(f"an action may name {MAX_SECRETS} secrets, not {len(names)}", code="arguments_invalid")
    known = secrets.resolve(scope.org, scope.env, names)
    return _Filling(known, scope).fill(arguments), Redactor(known.values())


def _names(value: Any, at: str, declared: frozenset[str]) -> set[str]:
    if names_secret(value):
        return {_name(value, at, declared)}
    if isinstance(value, dict):
        found = [_names(each, f"{at}/{escaped(name)}", declared) for name, each in value.items()]
    elif isinstance(value, list):
        found = [_names(each, f"{at}/{index}", declared) for index, each in enumerate(value)]
    else:
        return set()
    return set().union(*found)


def _name(value: dict[str, Any], at: str, declared: frozenset[str]) -> str:
    if at not in declared:
        raise Fatal(
            f"{at or '/'}: only the definition may name a secret here, not what a template put there",
            code="secret_not_declared",
        )
    name = value[SECRET]
    if not isinstance(name, str) or not isinstance(value.get("prefix", ""), str) or value.keys() - SECRET_FIELDS:
        raise Fatal(f'{at}: a secret is {{"$secret": "NAME"}}, with "prefix" beside it', code="arguments_invalid")
    return name


class _Filling:
    """One pass over the arguments; counts what comes out of blob storage. Content of blobs is data, never resolved."""

    def __init__(self, known: dict[str, Secret], scope: Scope) -> None:
        self._known = known
        self._scope = scope
        self._left = conf.current().resolved_max_bytes

    def fill(self, value: Any) -> Any:
        if names_secret(value):
            return value.get("prefix", "") + self._known[value[SECRET]].reveal()
        if blobs.is_reference(value):
            return self._blob(value)
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        return [self.fill(each) for each in value] if isinstance(value, list) else value

    def _blob(self, reference: dict[str, Any]) -> Any:
        content = blobs.fetch(reference, self._scope.env, at_most=self._left)
        self._left -= len(content)
        return msgspec.json.decode(content)
