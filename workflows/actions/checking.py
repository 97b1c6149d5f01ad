"""Arguments as a definition writes them, held against what an action takes, before anything runs."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from workflows import blobs
from workflows.actions.call import Arguments
from workflows.redaction import Secret

if TYPE_CHECKING:
    from jsonschema import ValidationError

TEMPLATE, SECRET = "{{", "$secret"
SECRET_FIELDS = frozenset({SECRET, "prefix"})
MAX_FAULTS = 100


def check(type_: type[Arguments], arguments: object) -> list[tuple[str, str]]:
    """Return faults as JSON pointer and message, by pointer."""
    faults = [*_of_secrets(arguments, ""), *_of_shape(type_, arguments)]
    if not faults and not _holds_opaque(arguments):
        faults = _of_values(type_, arguments)
    return sorted(set(faults))[:MAX_FAULTS]


def names_secret(value: object) -> bool:
    return isinstance(value, dict) and SECRET in value


def secret_places(arguments: object, at: str = "") -> list[str]:
    """Return where the arguments of a definition name secrets, as JSON pointers.

    Only a definition may name one: what a template puts into the arguments comes from whoever sent the payload.
    """
    return [place for place, value in _walk(arguments, at) if names_secret(value)]


def escaped(part: object) -> str:
    """Return one step of a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def made(type_: type[Any], value: object) -> Any:
    """Convert plain JSON to the arguments of an action.

    Raises:
        msgspec.ValidationError: names the place, never a value.
    """
    return msgspec.convert(value, type_, dec_hook=_wrapped)


def _opaque(value: object) -> bool:
    return (isinstance(value, str) and TEMPLATE in value) or names_secret(value) or blobs.is_reference(value)


def _holds_opaque(value: object) -> bool:
    return any(_opaque(each) for _, each in _walk(value, ""))


def _walk(value: object, at: str) -> Iterator[tuple[str, object]]:
    yield at, value
    if names_secret(value):
        return
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _walk(each, f"{at}/{escaped(name)}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _walk(each, f"{at}/{index}")


def _of_secrets(arguments: object, at: str) -> Iterator[tuple[str, str]]:
    for place, value in _walk(arguments, at):
        if isinstance(value, dict) and names_secret(value):
            if not isinstance(value[SECRET], str) or TEMPLATE in value[SECRET]:
                yield place, "a secret is named by a plain string, without a template"
            if not isinstance(value.get("prefix", ""), str) or value.keys() - SECRET_FIELDS:
                yield place, 'a secret is {"$secret": "NAME"}, with "prefix" beside it at most'


def _of_shape(type_: type[Arguments], arguments: object) -> list[tuple[str, str]]:
    faults = []
    for error in _validator(type_).iter_errors(arguments):
        # Of alternatives, what the closest one lacks says more than that none fits.
        told = max([error, *error.context], key=lambda each: len(each.absolute_path))
        faults.append((_pointer(told), _message(told)))
    return faults


def _of_values(type_: type[Arguments], arguments: object) -> list[tuple[str, str]]:
    try:
        made(type_, arguments)
    except msgspec.ValidationError as error:
        return [("", str(error))]
    return []


def _pointer(error: "ValidationError") -> str:
    return "".join(f"/{escaped(part)}" for part in error.absolute_path)


def _message(error: "ValidationError") -> str:
    wanted: Any = error.validator_value
    if error.validator == "type":
        return f"must be {_words(wanted)}"
    if error.validator == "anyOf":
        kinds = [kind for each in wanted if (kind := each.get("type"))]
        return f"must be {_words(kinds)}" if kinds else "has a shape that is not known here"
    if error.validator == "enum":
        return f"must be one of {_words(wanted)}"
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        taken = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        unknown = sorted(set(error.instance) - set(taken))
        return f"{', '.join(unknown)} not known here; known are {', '.join(taken)}"
    return str(error.message)


def _words(kinds: Any) -> str:
    return " or ".join(str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def _wrapped(type_: type[Any], value: object) -> object:
    if type_ is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _named(type_: type[Any]) -> dict[str, str]:
    if type_ is Secret:
        return {"type": "string"}
    raise NotImplementedError


@lru_cache(maxsize=256)
def _validator(type_: type[Arguments]) -> Any:
    (_,), components = msgspec.json.schema_components([type_], schema_hook=_named, ref_template="#/$defs/{name}")
    schema = {"$ref": f"#/$defs/{type_.__name__}", "$defs": components}
    return _tolerant()(schema)


@lru_cache(maxsize=1)
def _tolerant() -> Any:
    """Return a validator that looks past what is only known when the action runs."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - only those who save a definition need it

    keywords = {name: _past_opaque(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()}
    return validators.extend(Draft202012Validator, keywords)


def _past_opaque(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def validate(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator["ValidationError"]:
        if not _opaque(instance):
            yield from keyword(validator, wanted, instance, schema) or ()

    return validate
