"""Processes that all begin at one word, and what each of them tells in the end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.processes import environment

ROOT = Path(__file__).parents[2]


class Race:
    """`count` processes of a module, each with its own number; it is ready once all of them stand at the line."""

    def __init__(self, module: str, count: int, *arguments: object) -> None:
        given = [str(each) for each in arguments]
        self.children = [
            subprocess.Popen(
                [sys.executable, "-m", module, *given, str(number)],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]
        for child in self.children:
            assert child.stdout
            assert child.stdout.readline() == "ready\n"

    def run(self) -> list[Any]:
        """Let them go, and return what they told."""
        for child in self.children:
            assert child.stdin
            child.stdin.write("go\n")
            child.stdin.flush()
        told = [json.loads(child.communicate(timeout=90)[0]) for child in self.children]
        assert [child.returncode for child in self.children] == [0] * len(self.children)
        return told
