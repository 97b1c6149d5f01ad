"""Hide in JSON what looks like a secret by the name it goes under, or by its form. Pure."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "[hidden]"
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SECRET = frozenset(
    {
        *("password", "passwords", "passwd", "pwd", "passphrase", "passcode", "pin", "otp", "cvc", "cvv"),
        *("secret", "secrets", "token", "credential", "credentials", "authorization", "authentication"),
        *("cookie", "cookies", "apikey", "bearer", "jwt", "signature"),
    }
)
SECRET_PAIRS = frozenset({"key"}), frozenset({"api", "access", "private", "signing", "encryption", "account", "auth"})
# What names a secret of the tenant is no secret itself.
REFERENCE = "$secret"
FORMS = (
    (re.compile(r"\b(bearer|basic)\s+[-A-Za-z0-9._~+/]{8,}=*", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)"), MASK),
)


def is_secret(name: str) -> bool:
    """Tell whether what stands under this name is kept from readers: user_password, apiKey, X-Auth-Token."""
    if name == REFERENCE:
        return False
    words = [word.lower() for word in WORDS.findall(name)]
    if not words:
        return False
    last, before = SECRET_PAIRS
    return words[-1] in SECRET or (words[-1] in last and len(words) > 1 and words[-2] in before)


def text(said: str) -> str:
    """Hide credentials that stand in a text: after Bearer or Basic, and in an address."""
    for form, instead in FORMS:
        said = form.sub(instead, said)
    return said


def value(found: Any) -> Any:
    """Return a JSON value with all that goes under the name of a secret hidden."""
    match found:
        case str():
            return text(found)
        case Mapping():
            return {name: _under(str(name), each) for name, each in found.items()}
        case list():
            return [value(each) for each in found]
        case _:
            return found


def _under(name: str, found: Any) -> Any:
    # That there is none, or whether there is one, is no secret.
    if is_secret(name) and found is not None and not isinstance(found, bool) and not _is_reference(found):
        return MASK
    return value(found)


def _is_reference(found: Any) -> bool:
    return isinstance(found, Mapping) and found.keys() == {REFERENCE}
