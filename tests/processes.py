"""Processes that tests start: the stores they find, and what runs below one, as Linux tells it."""

from pathlib import Path
from urllib.parse import quote

from django.db import connection

from tests import servers


def environment(settings: str = "settings.test", **changes: str) -> dict[str, str]:
    """Return the environment of a process that works on this test's database and Redis."""
    at = connection.settings_dict
    url = f"postgres://{at['USER']}:{quote(at['PASSWORD'])}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    return servers.environment(DATABASE_URL=url, DJANGO_SETTINGS_MODULE=settings, **changes)


def lives(pid: int) -> bool:
    """Tell whether it runs; one that ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    """Return the processes below one, each before its own children."""
    try:
        own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [each for child in map(int, own) for each in (child, *descendants(child))]


def command_of(pid: int) -> list[str]:
    """Return the words it was started with; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
