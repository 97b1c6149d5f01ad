"""One benchmark in a process of its own, on the servers that its environment names; prints its results as JSON."""

import importlib
import json
import sys
from dataclasses import asdict

import django

from bench.result import Result
from bench.rounds import Clock


def main(module: str, function: str, seconds: str) -> None:
    django.setup()
    # The modules that measure import models.
    measure = getattr(importlib.import_module(module), function)
    results: list[Result] = measure(Clock(float(seconds)))
    print(json.dumps([asdict(each) for each in results]))


if __name__ == "__main__":
    main(*sys.argv[1:])
