"""What runs below a process, as Linux tells it."""

from pathlib import Path


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
