"""check_setup: look at the servers and the database, and say what to do about what is wrong."""

import json
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from mollifier import prerequisites


class Command(BaseCommand):
    help = (
        "Check servers and their versions, eviction and persistence, scripts, clocks, migrations and schedules. "
        "Exits 1 when something required is wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: object, **options: bool) -> None:
        """Print each finding, wrong ones with their fix."""
        findings = prerequisites.examine()
        answer = prerequisites.as_json(findings)
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        else:
            for finding in findings:
                self.stdout.write(line(finding))
        sys.exit(0 if answer["ok"] else 1)


def line(finding: prerequisites.Finding) -> str:
    if not finding.wrong:
        return f"   ok  {finding.name}: {finding.seen}"
    word = "WRONG" if finding.required else " note"
    return f"{word}  {finding.name}: {finding.seen}; {finding.fix}"
