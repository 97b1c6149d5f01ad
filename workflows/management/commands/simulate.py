"""simulate: what would become of an org's recorded arrivals under other settings."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from workflows.api import simulations as answers
from workflows.intake import simulations
from workflows.intake.simulations import Result, Simulation, SimulationRefused, Wish
from workflows.models import Organization
from workflows.templatetags import readable

REFUSED = 1
ROWS = 24
OPTIONS: dict[str, tuple[type, str]] = {
    "limit": (int, "passes per environment and window"),
    "window_ms": (int, "the window"),
    "hold_ms": (int, "how long a trip lasts"),
    "org_limit": (int, "passes of all its environments together in their window; 0 is no limit"),
    "org_window_ms": (int, "that window"),
    "weight": (float, "its share of the drainer; it counts beside rivals only"),
    "drain_rate": (int, "entries a second of all drainers together"),
    "rivals": (int, "other orgs of weight 1 that always have work (0)"),
    "spread_ms": (int, "the part of its second in which the triggers of a second come (1000: all of it)"),
    "last_seconds": (int, "how much of the record is replayed, up to now (3600)"),
}


class Command(BaseCommand):
    help = (
        "Replay what was recorded of an org through the real gate and drainer scripts under other settings, on keys "
        "beside the real ones. What is not given is as the org has it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", required=True, help="slug")
        for name, (kind, does) in OPTIONS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=does)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        org = Organization.objects.filter(slug=options["org"]).first()
        if org is None:
            raise CommandError(f"org_not_found: There is no organization {options['org']!r}.", returncode=REFUSED)
        wish = Wish(**{name: options[name] for name in OPTIONS if options[name] is not None})
        try:
            with tqdm(desc="simulate", unit="", disable=None, leave=False) as bar:
                found = simulations.simulate(org.pk, wish, lambda done, of: show(bar, done, of))
        except SimulationRefused as refusal:
            raise CommandError(f"{refusal.code}: {refusal}", returncode=REFUSED) from None
        if options["as_json"]:
            self.stdout.write(msgspec.json.encode(answers.shape(org.slug, found)).decode())
        else:
            self.tell(found)

    def tell(self, found: Simulation) -> None:
        self.stdout.write(f"{found.since:%Y-%m-%d %H:%M:%S} to {found.until:%H:%M:%S} UTC")
        self.stdout.write("  ".join(f"{name} {value:g}" for name, value in found.settings.items()))
        columns = [("then", found.then), *([("now", found.now)] if found.now else [])]
        self.stdout.write(f"{'':18}" + "".join(f"{name:>14}" for name, _ in columns))
        for label, values in zip(LABELS, zip(*(figures(each) for _, each in columns), strict=True), strict=True):
            self.stdout.write(f"{label:18}" + "".join(f"{value:>14}" for value in values))
        for name, result in columns:
            if result.stopped:
                self.stderr.write(f"{name}: {simulations.STOPPED[result.stopped]}")
        self.stdout.write(f"{'time':10}{'arrived':>10}{'buffered':>10}{'drained':>10}{'depth':>10}{'oldest':>12}")
        for point in found.then.points[:: -(-len(found.then.points) // ROWS)]:
            at = datetime.fromtimestamp(point.at, UTC)
            self.stdout.write(
                f"{at:%H:%M:%S}  {point.arrived:>10,}{point.buffered:>10,}{point.drained:>10,}{point.depth:>10,}"
                f"{readable.milliseconds(point.oldest_age_ms):>12}"
            )


LABELS = (
    "triggers",
    "passed",
    "buffered",
    "share buffered",
    "refused",
    "trips",
    "peak depth",
    "max age",
    "wait p50",
    "wait p95",
)


def figures(found: Result) -> tuple[str, ...]:
    """Write one result as LABELS has it."""
    return (
        f"{found.triggers:,}",
        f"{found.passed:,}",
        f"{found.buffered:,}",
        f"{found.share:.1f} %",
        f"{found.refused:,}",
        f"{found.trips:,}",
        f"{found.peak_depth:,}",
        readable.milliseconds(found.max_age_ms),
        readable.milliseconds(found.wait_p50_ms),
        readable.milliseconds(found.wait_p95_ms),
    )


def show(bar: Any, done: int, of: int) -> None:
    bar.total = of
    bar.update(done - bar.n)
