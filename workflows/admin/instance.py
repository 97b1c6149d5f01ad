"""Instances: a list by keys, the page of one, and its verbs; a buffered one has the same page."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from workflows.admin import detail, exports, instances, page, searching, steering
from workflows.admin.detail import Live
from workflows.intake import definitions, lookup, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.view import InstanceView
from workflows.models import Instance
from workflows.search import as_uuid
from workflows.states import Status

SUGGESTIONS = 200
EVERY_MS = 3_000
LONGEST_NUMBER = 9


@admin.register(Instance)
class InstancePage(page.ReadOnlyPage):
    """Own views under the table's usual addresses: Django's list counts and sorts, which a big table can't afford."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "cancel": self.cancel_view,
            "pause": self.pause_view,
            "resume": self.resume_view,
            "live": self.live_view,
        }
        own = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"workflows_instance_{name}")
            for name, view in views.items()
        ]
        export = path("export/", self.admin_site.admin_view(self.export_view), name="workflows_instance_export")
        return [*own, export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("q", "").strip()
        if id_ := as_uuid(wanted):
            return HttpResponseRedirect(reverse("admin:workflows_instance_change", args=[id_]))
        asked = searching.ask(request.GET)
        known = refresher.current()
        before = instances.place(request.GET.get("before", ""))
        return TemplateResponse(
            request,
            "workflows/admin/instances.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Instances",
                "part": instances.Part(()) if asked.fault else instances.read(asked.env, asked.filters, before),
                "estimate": instances.estimate(),
                "asked": asked,
                "may_act": request.user.has_perm(steering.MAY_CANCEL),
                "may_export_payload": request.user.has_perm(exports.MAY_EXPORT_PAYLOAD),
                "statuses": instances.STATUSES,
                "definitions": [each.slug for each in definitions.described()],
                "envs": sorted("/".join(slugs) for slugs in known.envs_by_slug)[:SUGGESTIONS],
                "first": before is None,
            },
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            env, found = find(request, as_uuid(object_id or ""))
        except LookupUnavailable:
            context = {**self.admin_site.each_context(request), "opts": self.opts, "title": object_id}
            return TemplateResponse(request, "workflows/admin/instance_unknown.html", context)
        if str(found.id) != object_id:
            messages.info(request, f"{object_id} is superseded: this instance owns its idempotency key.")
            return HttpResponseRedirect(reverse("admin:workflows_instance_change", args=[found.id]))
        live = read_live(request, env, found)
        rest = detail.read_rest(found, live.veil, number(request, "after") or 0)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(found.id), "rest": rest}
        return TemplateResponse(
            request, "workflows/admin/instance.html", {**context, **live_context(request, env, live)}
        )

    def live_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Answer the part that moves; with the end of the instance comes the rest once more."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            env, found = find(request, pk)
        except LookupUnavailable:
            # The page keeps what it shows, and asks again.
            return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
        live = read_live(request, env, found)
        context = live_context(request, env, live)
        if live.finished:
            context["rest"] = detail.read_rest(found, live.veil, number(request, "after") or 0)
            context["out_of_band"] = True
        return TemplateResponse(request, "workflows/admin/instance_live.html", context)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return exports.export(request)

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return steering.steer(request, self, env_or_404(request, pk), pk, steering.CANCEL)

    def pause_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return steering.steer(request, self, env_or_404(request, pk), pk, steering.PAUSE)

    def resume_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return steering.steer(request, self, env_or_404(request, pk), pk, steering.RESUME)


def find(request: HttpRequest, id_: UUID | None) -> tuple[Env, InstanceView]:
    """Find an instance, buffered or not.

    Raises:
        Http404: there is none.
        LookupUnavailable: it has no row, and Redis does not answer.
    """
    env = env_of(id_, request) if id_ else None
    if id_ is None or env is None:
        raise Http404("No such instance; one that is still buffered is found from the Buffer page")
    found = lookup.find(env, id_)
    if found is None:
        raise Http404(f"There is no instance {id_}")
    return env, found


def read_live(request: HttpRequest, env: Env, found: InstanceView) -> Live:
    # The token of a hook is the permission to resume it.
    tokens = request.user.has_perm(steering.MAY_PAUSE)
    return detail.read_live(env, found, start=number(request, "from"), tokens=tokens)


def live_context(request: HttpRequest, env: Env, live: Live) -> dict[str, Any]:
    """Return what the part that moves is drawn from; its buttons carry the log's tail that is shown."""
    kept = {name: str(value) for name in ("from", "after") if (value := number(request, name))}
    return {
        "live": live,
        "instance": live.instance,
        "query": urlencode({"env": str(env.id), "seq": str(live.instance.last_seq)}),
        "live_query": urlencode({"env": str(env.id), **kept}),
        "env_query": urlencode({"env": str(env.id)}),
        "every_ms": EVERY_MS,
        "paused": live.instance.status == Status.PAUSED,
    }


def number(request: HttpRequest, name: str) -> int | None:
    """Read a number of an event from the address; what can't be one is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def env_or_404(request: HttpRequest, pk: UUID) -> Env:
    env = env_of(pk, request)
    if env is None:
        raise Http404(f"There is no instance {pk}")
    return env


def find_env(text: str) -> Env | None:
    """Find an environment by org/env or by its id."""
    known = refresher.current()
    if id_ := as_uuid(text):
        return known.envs.get(id_)
    org, _, slug = text.partition("/")
    return known.envs_by_slug.get((org.strip(), slug.strip()))


def env_of(id_: UUID, request: HttpRequest) -> Env | None:
    """Find an instance's environment: its row's, else the one that the link to a buffered one carries."""
    env_id = Instance.objects.filter(pk=id_).values_list("env_id", flat=True).first()
    return refresher.current().envs.get(env_id) if env_id else find_env(request.GET.get("env", ""))
