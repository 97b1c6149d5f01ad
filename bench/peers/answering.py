"""The peer's end of the pipe: says that it is ready, then answers each line. Needs nothing installed."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any


def answer(figures: Mapping[str, Callable[..., Any]], name: str) -> None:
    """Answer {"figure", "given"} with {"value"} or {"error"}, a line each, until the other end closes."""
    _say({"ready": name})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _say({"value": figures[asked["figure"]](**asked["given"])})
        except Exception as error:  # noqa: BLE001 - whatever went wrong there is told here
            _say({"error": f"{type(error).__name__}: {error}"})


def keep_the_pipe() -> None:
    """Have what a child writes to its standard output stand in the log instead of among our answers."""
    sys.stdout = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), 1)


def refuse(reason: str) -> None:
    """Say why there is nothing to measure."""
    _say({"error": reason})


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)
