"""webhooks: list them, send pings, send deliveries again; watch and send without the cluster."""

import getpass
import json
import signal
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Q

from workflows import webhooks
from workflows.audit import Actor
from workflows.intake import deliveries, watches
from workflows.models import Delivery, Webhook
from workflows.webhooks import WebhookRefused

log = structlog.get_logger(__name__)
REFUSED = 1
SHOWN = 1_000
# How often the loop looks at the conditions, and for what is due.
LOOK_SECONDS, SEND_SECONDS = 60.0, 5.0


class Command(BaseCommand):
    help = "List webhooks, send pings and deliveries again, or watch and send as a process of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="every webhook, and how much waits or failed; never a secret or path")
        listing.add_argument("--org", help="slug; only this org's")
        ping = actions.add_parser("test", help="send a ping")
        ping.add_argument("webhook", type=UUID, help="its id")
        again = actions.add_parser("redeliver", help="send a settled delivery again")
        again.add_argument("delivery", type=UUID, help="its id")
        for each in (ping, again):
            each.add_argument("--reason", required=True, help="kept in the audit")
        run = actions.add_parser("run", help="watch and send until a signal stops it; needs no Redis")
        run.add_argument("--once", action="store_true", help="look once, send what is due, and end")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"list": self.listing, "test": self.ping, "redeliver": self.redeliver, "run": self.run}
        try:
            actions[options["action"]](options)
        except WebhookRefused as error:
            raise CommandError(f"{error.code}: {error}", returncode=REFUSED) from None

    def listing(self, options: Mapping[str, Any]) -> None:
        settled = Q(deliveries__next_at__isnull=True, deliveries__delivered_at__isnull=True)
        rows = (
            Webhook.objects.select_related("org")
            .order_by("-id")
            .annotate(
                waiting=Count("deliveries", filter=Q(deliveries__next_at__isnull=False)),
                failed=Count("deliveries", filter=settled),
            )
        )
        if options["org"]:
            rows = rows.filter(org__slug=options["org"])
        shown = [describe(row) for row in rows[:SHOWN]]
        if options["as_json"]:
            self.stdout.write(json.dumps({"webhooks": shown}))
            return
        for row in shown:
            state = "enabled" if row["enabled"] else f"off {row['disabled_because']}".strip()
            counts = f"{row['waiting']} waiting, {row['failed']} failed"
            self.stdout.write(f"{row['id']}  {row['org'] or '*'}  {row['origin']}  {state}  {counts}")

    def ping(self, options: Mapping[str, Any]) -> None:
        webhooks.ping(options["webhook"], actor=actor(), reason=options["reason"])
        self.say(options, {"webhook": str(options["webhook"])}, "a ping is on its way")

    def redeliver(self, options: Mapping[str, Any]) -> None:
        row: Delivery = webhooks.redeliver(options["delivery"], actor=actor(), reason=options["reason"])
        told = {"delivery": str(row.id), "event_id": str(row.event_id), "type": row.type}
        self.say(options, told, f"{row.type} is on its way again")

    def run(self, options: Mapping[str, Any]) -> None:
        """Look and send until a signal; an outage of the database is waited out."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if options["once"]:
            self.once(options, stop)
            return
        look_at = monotonic()
        while not stop.is_set():
            look = monotonic() >= look_at
            try:
                self.turn(options, stop, look=look)
                look_at = monotonic() + LOOK_SECONDS if look else look_at
            except DatabaseError as error:
                log.warning("workflows.webhooks_put_off", error=str(error))
                connection.close()
            stop.wait(SEND_SECONDS)

    def once(self, options: Mapping[str, Any], stop: threading.Event) -> None:
        try:
            self.turn(options, stop, look=True)
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {error}", returncode=REFUSED) from None

    def turn(self, options: Mapping[str, Any], stop: threading.Event, *, look: bool) -> None:
        """Look if it is time, send what is due, and say what was done if anything was."""
        seen = watches.look() if look else {}
        report = deliveries.run(stop.is_set)
        if report.taken or options["once"]:
            counts = dict(report.outcomes)
            words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            told = {"watched": seen, "taken": report.taken, "outcomes": counts}
            self.say(options, told, f"{report.taken} taken: {words}" if words else "nothing is due")

    def say(self, options: Mapping[str, Any], described: Mapping[str, Any], words: str) -> None:
        self.stdout.write(json.dumps(described) if options["as_json"] else words)


def actor() -> Actor:
    return Actor(f"command: {getpass.getuser()}")


def describe(row: Any) -> dict[str, Any]:
    """Return what may be shown of a webhook."""
    return {
        "id": str(row.id),
        "org": row.org.slug if row.org else None,
        "origin": row.origin,
        "types": row.types,
        "enabled": row.enabled,
        "disabled_because": row.disabled_because,
        "waiting": row.waiting,
        "failed": row.failed,
    }
