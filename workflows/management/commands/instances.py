"""instances: find instances of every tenant by a search, newest first."""

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from workflows import search
from workflows.intake import lookup, narrowing, refresher
from workflows.intake.lookup import Filters
from workflows.intake.narrowing import SearchTooWide
from workflows.intake.refresher import DirectoryUnavailable
from workflows.intake.view import InstanceView
from workflows.search import SearchInvalid

REFUSED, USAGE = 1, 2
MOST, SHOWN = 1_000, 50


class Command(BaseCommand):
    help = "Find instances by a search: status:failed org:acme -tag:vip age>5m (docs/search.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("search", nargs="*", help="words that must all hold; without any: the newest")
        parser.add_argument("--limit", type=limit, default=SHOWN, help="how many, at most 1,000 (%(default)s)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            found, complete = find(" ".join(options["search"]), options["limit"])
        except SearchInvalid as error:
            raise CommandError(f"{error.code}: {error}", returncode=USAGE) from None
        except SearchTooWide as error:
            raise CommandError(f"{error.code}: {error}", returncode=REFUSED) from None
        except (DirectoryUnavailable, OperationalError, InterfaceError):
            raise CommandError("the database does not answer", returncode=REFUSED) from None
        if options["as_json"]:
            self.stdout.write(json.dumps({"complete": complete, "instances": [described(each) for each in found]}))
            return
        for each in found:
            self.stdout.write("  ".join(str(value) for value in described(each).values() if value is not None))
        if not complete:
            self.stderr.write("the buffer does not answer: buffered instances are missing")


def find(text: str, most: int) -> tuple[list[InstanceView], bool]:
    """Return the newest of those that are meant, and whether the buffer could be asked.

    Raises:
        SearchInvalid, SearchTooWide: the search is at fault.
    """
    envs = refresher.refresh().envs
    narrowed = narrowing.resolve(search.parse(text), envs.values(), everywhere=True)
    found: list[InstanceView] = []
    complete = True
    for env in envs.values():
        if narrowed.wants(env):
            with narrowing.patience():
                page = lookup.listing(env, Filters(search=narrowed), limit=most)
            found = sorted((*found, *page.data), key=lookup.place, reverse=True)[:most]
            complete = complete and page.complete
    return found, complete


def described(found: InstanceView) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "accepted_at": found.accepted_at.isoformat(timespec="seconds"),
        "status": str(found.status),
        "tenant": f"{found.org}/{found.env}",
        "definition": found.definition,
        "tags": ",".join(found.tags) or None,
        "error": found.error.code if found.error else None,
    }


def limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST:,}")
    return int(text)
