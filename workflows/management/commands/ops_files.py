"""Write what monitoring is given: rules, their tests, boards; or tell whether they are as they should be."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from workflows.ops import files, rules

EXIT_CONDITION = 3


class Command(BaseCommand):
    help = "Write Prometheus' rules with their tests, Grafana's boards and the tables of docs/metrics.md."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 3 when a file is not as it is made"
        )
        parser.add_argument("--out", type=Path, metavar="DIR", help="below this directory instead, without the docs")
        parser.add_argument(
            "--runbooks", default=rules.RUNBOOKS, metavar="URL", help="where runbooks are read; alerts link there"
        )

        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        elsewhere: Path | None = options["out"]
        runbooks = options["runbooks"].rstrip("/") + "/"
        wanted = files.made(runbooks) if elsewhere else files.everything(runbooks)
        place = elsewhere or files.ROOT
        differing = [path for path, text in wanted.items() if not is_so(place / path, text)]
        for path in differing:
            if not options["check"]:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_text(wanted[path])
            if not options["as_json"]:
                self.stdout.write(f"{'differs' if options['check'] else 'written'}: {path}")
        if options["as_json"]:
            self.stdout.write(json.dumps({"written": not options["check"], "files": differing}))
        if options["check"] and differing:
            self.stderr.write("write them with: bin/manage ops_files")
            raise SystemExit(EXIT_CONDITION)


def is_so(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text
