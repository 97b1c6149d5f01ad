"""Instances: a list by keys, the timeline of one, and cancel; a buffered one has the same page."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from workflows.admin import cancel, exports, instances, page, searching, timeline
from workflows.intake import ancestry, definitions, lookup, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.models import Instance
from workflows.states import FINISHED

EVENTS_SHOWN = 200
FAMILY_SHOWN = 100
SUGGESTIONS = 200


@admin.register(Instance)
class InstancePage(page.ReadOnlyPage):
    """Own views under the table's usual addresses: Django's list counts and sorts, which a big table can't afford."""

    def get_urls(self) -> list[URLPattern]:
        view, export = self.admin_site.admin_view(self.cancel_view), self.admin_site.admin_view(self.export_view)
        return [
            path("<uuid:pk>/cancel/", view, name="workflows_instance_cancel"),
            path("export/", export, name="workflows_instance_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("q", "").strip()
        if id_ := as_uuid(wanted):
            return HttpResponseRedirect(reverse("admin:workflows_instance_change", args=[id_]))
        asked = searching.ask(request.GET)
        known = refresher.current()
        before = as_uuid(request.GET.get("before", ""))
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
                "may_act": request.user.has_perm(cancel.MAY_CANCEL),
                "may_export_payload": request.user.has_perm(exports.MAY_EXPORT_PAYLOAD),
                "statuses": instances.STATUSES,
                "definitions": [each.slug for each in definitions.described()],
                "envs": sorted("/".join(slugs) for slugs in known.envs_by_slug)[:SUGGESTIONS],
                "first": not request.GET.get("before"),
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
        id_ = as_uuid(object_id or "")
        env = env_of(id_, request) if id_ else None
        if id_ is None or env is None:
            raise Http404("No such instance; one that is still buffered is found from the Buffer page")
        try:
            found = lookup.find(env, id_)
        except LookupUnavailable:
            found = None
            messages.error(request, "Redis does not answer; a buffered instance can't be shown now.")
        if found is None:
            raise Http404(f"There is no instance {id_}")
        if found.id != id_:
            messages.info(request, f"{id_} is superseded: this instance owns its idempotency key.")
            return HttpResponseRedirect(reverse("admin:workflows_instance_change", args=[found.id]))
        after = int(text) if (text := request.GET.get("after", "")).isdecimal() else 0
        log = lookup.read_log(env, id_, after, EVENTS_SHOWN)
        moments = list(timeline.tell(log.events if log else (), found.accepted_at))
        return TemplateResponse(
            request,
            "workflows/admin/instance.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": str(id_),
                "instance": found,
                "payload": timeline.pretty(found.payload),
                "output": timeline.pretty(found.output) if found.output != b"null" else "",
                "metadata": timeline.pretty(found.metadata) if found.metadata != b"{}" else "",
                "moments": moments,
                "after": after,
                "more": moments[-1].seq if moments and moments[-1].seq < found.last_seq else None,
                "finished": found.status in FINISHED,
                "family": ancestry.tree(env, found.id, FAMILY_SHOWN) or [],
                "query": urlencode({"env": str(env.id), "seq": str(found.last_seq)}),
            },
        )

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return exports.export(request)

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        env = env_of(pk, request)
        if env is None:
            raise Http404(f"There is no instance {pk}")
        return cancel.cancel(request, self, env, pk)


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


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
