"""Secrets in memory: wrapped, so that nothing shows them by accident, and taken out of what comes back. Pure."""

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

# A shorter one would be found in what has nothing to do with it.
MIN_LENGTH = 8


class Secret:
    """Text that shows itself only to who asks `reveal()`. No JSON, no pickle, no repr of it exists."""

    __slots__ = ("__value", "name")

    def __init__(self, value: str, name: str = "") -> None:
        self.name = name
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return f"<secret {self.name}>" if self.name else "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


class Redactor:
    """Takes the values of secrets out of results and errors, as they are and as others would have encoded them."""

    __slots__ = ("_marks",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        marks = {form: f"[secret {each.name}]" for each in secrets for form in _forms(each.reveal())}
        # The longest first: one secret may be a part of another.
        self._marks = sorted(marks.items(), key=lambda mark: -len(mark[0]))

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._marks)}>"

    def text(self, text: str) -> str:
        for form, mark in self._marks:
            text = text.replace(form, mark)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets, in its keys and numbers too."""
        if not self._marks:
            return value
        return self._clean(value)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._clean(name): self._clean(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(each) for each in value]
        if isinstance(value, (int, float)):
            shown = str(value)
            return value if (cleaned := self.text(shown)) == shown else cleaned
        return value


def _forms(value: str) -> set[str]:
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
    forms.add(json.dumps(value, ensure_ascii=False)[1:-1])
    forms |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {form for form in forms if len(form) >= MIN_LENGTH}
