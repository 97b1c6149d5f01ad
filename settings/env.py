"""The only reader of the process environment."""

import os
from collections.abc import Collection
from pathlib import Path

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


class EnvironmentInvalidError(Exception):
    """An environment variable holds what its setting can't take."""


def use_settings(module: str = "settings.local") -> None:
    """Name the settings module unless the environment already does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", module)


def text(name: str, default: str = "") -> str:
    """Read text; a variable that is set to nothing counts as not set."""
    return os.environ.get(name) or default


def required(name: str) -> str:
    """Read what has no default; refuse to start without it."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise EnvironmentInvalidError(f"{name} is not set")
    return value


def flag(name: str, default: bool) -> bool:
    """Read yes or no; "false" is no, and anything unclear is refused."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    word = raw.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise EnvironmentInvalidError(f"{name}={raw!r} is neither yes nor no; use 1 or 0")


def choice(name: str, default: str, known: Collection[str]) -> str:
    """Read one of some words, in any case."""
    word = text(name, default).strip()
    found = next((each for each in known if each.lower() == word.lower()), None)
    if found is None:
        raise EnvironmentInvalidError(f"{name}={word!r} is not one of {', '.join(known)}")
    return found


def integer(name: str, default: int) -> int:
    raw = os.environ.get(name)
    if raw is None or not raw.strip():
        return default
    try:
        return int(raw)
    except ValueError:
        raise EnvironmentInvalidError(f"{name}={raw!r} is not a whole number") from None


def words(name: str) -> list[str]:
    """Read a comma separated list; blanks are dropped."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def prefixed(prefix: str) -> dict[str, str]:
    """Return every variable that starts with the prefix, without it."""
    return {name[len(prefix) :]: value for name, value in os.environ.items() if name.startswith(prefix)}


def data_dir() -> Path:
    """The place of the embedded servers and the secrets made on first start."""
    return Path(os.environ.get("DATA_DIR") or ROOT / ".data").resolve()


def kept(name: str) -> str:
    """Read a secret that bin/up keeps in its data directory; empty when there is none."""
    path = data_dir() / name
    return path.read_text().strip() if path.exists() else ""


ROOT = Path(__file__).resolve().parent.parent
