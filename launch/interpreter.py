"""Refuses a Python that is too old, in words that any Python 3 can read."""

import os
import sys

OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11", "python3.14")


def require() -> None:
    """Go on when this Python is new enough, else as the first newer one on PATH, else end with one line."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        try:
            os.execvp(name, [name, *sys.argv])
        except OSError:
            continue
    sys.exit("Python {}.{} is too old: install Python 3.11 or newer".format(*sys.version_info))
