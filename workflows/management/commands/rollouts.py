"""rollouts: the plans that take an org up step by step: list, begin, look at, pause, resume, abort."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import plans as answers
from workflows.intake import planned, plans
from workflows.intake.guardrails import Guardrails
from workflows.intake.planned import RolloutPlan
from workflows.intake.plans import PlanRefused
from workflows.management import bulk
from workflows.models import Organization
from workflows.models.plan import UNDER_WAY

REFUSED = bulk.REFUSED
LISTED = 200
RAILS: dict[str, str] = {
    "max_drain_failures": "dead letters and attempts that failed, since a step began",
    "max_dwell_p95_ms": "of what was drained since",
    "max_stale": "entries that wait too long now",
    "max_fail_open_percent": "of the gate's decisions since",
}
VERBS: dict[str, tuple[Callable[..., RolloutPlan], str]] = {
    "pause": (plans.pause, "stay at this step, judged by nobody"),
    "resume": (plans.resume, "set the step again, and let it bake anew"),
    "abort": (plans.abort, "end it, and go back to what was before it"),
}


class Command(BaseCommand):
    help = "See and steer the plans that take an org up step by step, and back by themselves when a guardrail breaks."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="those that are under way")
        listing.add_argument("--all", action="store_true", dest="with_ended", help=f"ended ones too, {LISTED} at most")
        listing.add_argument("--org", help="slug; only this org's")
        actions.add_parser("show", help="one, with what happened to it").add_argument("id", type=bulk.whole)
        begin = actions.add_parser("begin", help="make a plan of an org and take its first step")
        begin.add_argument("org", help="slug")
        begin.add_argument(
            "--step",
            action="append",
            metavar="STEP",
            help="mode, percent and bake time, as 'on 5%% 1h'; once for each step; without any: shadow, then on at 1, "
            "5, 25, 50 and 100 percent",
        )
        for rail in fields(Guardrails):
            kind = float if rail.name == "max_fail_open_percent" else int
            begin.add_argument(
                f"--{rail.name.replace('_', '-')}", type=kind, help=f"{RAILS[rail.name]} ({rail.default})"
            )
        for name, (_, does) in VERBS.items():
            actions.add_parser(name, help=does).add_argument("id", type=bulk.whole)
        for name in ("begin", *VERBS):
            actions.choices[name].add_argument("--reason", required=True, help="why; kept in the plan and the history")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"list": self.listing, "show": self.show, "begin": self.begin}
        try:
            actions.get(options["action"], self.steer)(options)
        except PlanRefused as refusal:
            raise CommandError(f"{refusal.code}: {refusal}", returncode=REFUSED) from None

    def listing(self, options: Mapping[str, Any]) -> None:
        org = bulk.org_of(options["org"])
        statuses = () if options["with_ended"] else UNDER_WAY
        found = planned.listing(org.pk if org else None, None, LISTED, statuses)
        if options["as_json"]:
            self.stdout.write(encoded({"plans": [answers.shape(each) for each in found]}))
            return
        for each in found:
            self.stdout.write(line(each))

    def show(self, options: Mapping[str, Any]) -> None:
        self.tell(options["id"], options)

    def begin(self, options: Mapping[str, Any]) -> None:
        org = Organization.objects.filter(slug=options["org"]).first()
        if org is None:
            raise CommandError(f"there is no org {options['org']!r}; name one by its slug", returncode=REFUSED)
        steps = planned.read(options["step"]) if options["step"] else plans.DEFAULT_STEPS
        given = {name: options[name] for name in RAILS if options[name] is not None}
        plan = plans.begin(org.pk, actor=bulk.actor(), reason=options["reason"], steps=steps, rails=Guardrails(**given))
        self.tell(plan.pk, options)

    def steer(self, options: Mapping[str, Any]) -> None:
        act, _ = VERBS[options["action"]]
        act(options["id"], actor=bulk.actor(), reason=options["reason"])
        self.tell(options["id"], options)

    def tell(self, pk: int, options: Mapping[str, Any]) -> None:
        plan = planned.find(pk)
        if plan is None:
            raise CommandError(f"there is no plan {pk}; `rollouts list --all` shows them", returncode=REFUSED)
        if options["as_json"]:
            self.stdout.write(encoded(answers.shape(plan, whole=True)))
            return
        self.stdout.write(line(plan))
        for number, step in enumerate(plans.steps_of(plan)):
            self.stdout.write(f"  {'>' if number == plan.step else ' '} {planned.written(step)}")
        for event in planned.events(plan):
            who = f"{event.created_at:%Y-%m-%d %H:%M:%S}  {event.kind}  {event.actor_name}"
            self.stdout.write(f"  {who}  {event.reason}")


def encoded(answer: Any) -> str:
    return msgspec.json.encode(answer).decode()


def line(plan: RolloutPlan) -> str:
    step = f"{plans.steps_of(plan)[plan.step]} (step {plan.step + 1} of {len(plan.steps)})"
    return f"{plan.pk}  {plan.org.slug}  {plan.status}  {step}  {plan.reason}"
