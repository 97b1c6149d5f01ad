"""What if: the page that replays an org's recorded arrivals under other settings, with the curves of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from workflows.admin import rollout
from workflows.intake import simulations
from workflows.intake.refresher import DirectoryUnavailable
from workflows.intake.simulations import Point, Result, Simulation, SimulationRefused, Wish
from workflows.models import Organization
from workflows.templatetags import readable

WIDTH, HEIGHT = 720, 180
TITLES: dict[str, tuple[str, str]] = {
    "limit": ("Limit", "Passes per environment and window."),
    "window_ms": ("Window (ms)", ""),
    "hold_ms": ("Hold (ms)", "How long a trip lasts."),
    "org_limit": ("Limit of the org", "Passes of all its environments; 0 is none."),
    "org_window_ms": ("Its window (ms)", ""),
    "weight": ("Weight", "It counts beside rivals only."),
    "drain_rate": ("Drain rate", "Entries a second of all drainers together."),
    "rivals": ("Rivals", "Other orgs of weight 1 that always have work."),
    "spread_ms": ("Spread (ms)", "The part of its second in which triggers come."),
    "last_seconds": ("Last seconds", "How much of the record is replayed, up to now."),
}
GIVEN = {"rivals": 0, "spread_ms": 1_000, "last_seconds": 3_600}


class SimulationForm(forms.Form):
    """What to change; blank is as the org has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (label, said) in TITLES.items():
            least, most = simulations.BOUNDS[name]
            kind: Any = forms.FloatField if name == "weight" else forms.IntegerField
            bounds = {"min_value": least, "max_value": most} if kind is forms.FloatField else whole(least, most)
            self.fields[name] = kind(**bounds, label=label, help_text=said, required=False, initial=GIVEN.get(name))


def whole(least: float, most: float) -> dict[str, int]:
    return {"min_value": int(least), "max_value": int(most)}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart: its points as SVG has them."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same seconds; `told` says in words what they show, `top` is the value at the upper edge."""

    title: str
    top: str
    curves: tuple[Curve, ...]
    told: str


def view(request: HttpRequest, admin: ModelAdmin, pk: str) -> HttpResponse:
    """Show the form, and what was simulated when it is sent; nothing is changed by it.

    Raises:
        PermissionDenied: the operator may look, not change a rollout.
        Http404: there is no such org.
    """
    if not request.user.has_perm(rollout.MAY_CHANGE):
        raise PermissionDenied
    org = Organization.objects.filter(pk=pk).first()
    if org is None:
        raise Http404(f"There is no organization {pk}")
    form = SimulationForm(request.POST if request.method == "POST" else None)
    found = simulate(org, form) if form.is_valid() else None
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": f"What if: {org.slug}",
        "org": org,
        "form": form,
        "back": reverse("admin:workflows_organization_change", args=[org.pk]),
        **(shown(found) if found else {}),
    }
    return TemplateResponse(
        request, "workflows/admin/simulation.html", context, status=422 if form.is_bound and found is None else 200
    )


def simulate(org: Organization, form: SimulationForm) -> Simulation | None:
    """Run it; None when the form has to say why not."""
    given = {name: value for name, value in form.cleaned_data.items() if value is not None}
    try:
        return simulations.simulate(org.pk, Wish(**given))
    except SimulationRefused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except DirectoryUnavailable:
        form.add_error(None, "The database does not answer; try again.")
    return None


def shown(found: Simulation) -> dict[str, Any]:
    """Gather what the page shows of a simulation."""
    runs = [("Then", found.then), *([("Now", found.now)] if found.now else [])]
    starts = [point.at for _, run in runs for point in run.points]
    return {
        "found": found,
        "names": [name for name, _ in runs],
        "rows": list(zip(LABELS, *(figures(run) for _, run in runs), strict=True)),
        "notes": [f"{name}: {simulations.STOPPED[run.stopped]}" for name, run in runs if run.stopped],
        "charts": charts(runs),
        "first": datetime.fromtimestamp(min(starts), UTC),
        "last": datetime.fromtimestamp(max(starts), UTC),
        "size": (WIDTH, HEIGHT),
    }


LABELS = (
    "Triggers",
    "Passed",
    "Buffered",
    "Share buffered",
    "Refused at a cap",
    "Trips",
    "Peak depth",
    "Greatest age",
    "Wait p50",
    "Wait p95",
)


def figures(found: Result) -> tuple[str, ...]:
    return (
        readable.count(found.triggers),
        readable.count(found.passed),
        readable.count(found.buffered),
        f"{found.share:.1f} %",
        readable.count(found.refused),
        readable.count(found.trips),
        readable.count(found.peak_depth),
        readable.milliseconds(found.max_age_ms),
        readable.milliseconds(found.wait_p50_ms),
        readable.milliseconds(found.wait_p95_ms),
    )


def charts(runs: Sequence[tuple[str, Result]]) -> list[Chart]:
    """Draw arrivals a second once, and depth and age of each run."""
    ((_, then), *_) = runs
    step = then.step_seconds
    return [
        chart("Depth", runs, lambda point: point.depth, readable.count),
        chart("Age of the oldest", runs, lambda point: point.oldest_age_ms, readable.milliseconds),
        chart("Arrivals a second", [("Arrived", then)], lambda point: point.arrived / step, readable.rate),
    ]


def chart(
    title: str, runs: Sequence[tuple[str, Result]], of: Callable[[Point], float], write: Callable[[Any], str]
) -> Chart:
    values = [(name, [(point.at, of(point)) for point in run.points]) for name, run in runs]
    every = [pair for _, pairs in values for pair in pairs]
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    top = max(value for _, value in every) or 1
    told = "; ".join(f"{name}: at most {write(most_of(pairs))}" for name, pairs in values)
    curves = tuple(Curve(name.lower(), line(pairs, first, last, top)) for name, pairs in values)
    return Chart(title, write(top), curves, told)


def most_of(pairs: Sequence[tuple[int, float]]) -> Any:
    return max(value for _, value in pairs)


def line(pairs: Sequence[tuple[int, float]], first: int, last: int, top: float) -> str:
    span = max(1, last - first)
    return " ".join(
        f"{(at - first) / span * WIDTH:.1f},{HEIGHT - value / top * (HEIGHT - 4):.1f}" for at, value in pairs
    )
