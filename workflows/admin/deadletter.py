"""Dead letters: the dialogs that redrive and discard them, and the record of what was decided."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from workflows.admin import page
from workflows.admin.instance import find_env
from workflows.admin.page import ReadOnlyPage, ReasonForm
from workflows.intake import deadletters
from workflows.intake.deadletters import DeadLetterOutcome
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.models import DeadLetterDecision


@dataclass(frozen=True, slots=True)
class Verb:
    """What an operator can do with a dead letter, and what the dialog says of it."""

    name: str
    permission: str
    carry_out: Callable[..., DeadLetterOutcome]
    keeps: str
    done: str


REDRIVE = Verb(
    "Redrive",
    "workflows.redrive_deadletter",
    deadletters.redrive,
    "It returns to its old place in its queue, with its attempts forgotten. If its cause is still there it comes back.",
    "It is queued again.",
)
DISCARD = Verb(
    "Discard",
    "workflows.discard_deadletter",
    deadletters.discard,
    "It is gone for good and never becomes an instance; its idempotency key is free. This record stays.",
    "Discarded.",
)


@admin.register(DeadLetterDecision)
class DeadLetterDecisionPage(ReadOnlyPage):
    """The record: never changed, never deleted."""

    lead = "What operators decided about dead letters. Those that wait for a decision are in the Buffer."
    none_yet = "A dead letter that is redriven or discarded appears here with the reason."
    list_display = ("created_at", "tenant", "decision", "definition", "error", "reason", "actor_name")
    list_filter = ("decision",)
    search_fields = ("actor_name", "reason", "definition")
    sortable_by: ClassVar[list[str]] = []
    fields = ("created_at", "entry_id", "env", "decision", "definition", "error", "reason", "actor_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetterDecision]:
        decisions: QuerySet[DeadLetterDecision] = super().get_queryset(request)
        return decisions.select_related("env__org")

    @admin.display(description="Environment")
    def tenant(self, decision: DeadLetterDecision) -> str:
        return f"{decision.env.org.slug}/{decision.env.slug}"

    def get_urls(self) -> list[URLPattern]:
        redrive, discard = self.admin_site.admin_view(self.redrive_view), self.admin_site.admin_view(self.discard_view)
        return [
            path("<uuid:pk>/redrive/", redrive, name="workflows_deadletter_redrive"),
            path("<uuid:pk>/discard/", discard, name="workflows_deadletter_discard"),
            *super().get_urls(),
        ]

    def redrive_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return decide(request, self, pk, REDRIVE)

    def discard_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return decide(request, self, pk, DISCARD)


def decide(request: HttpRequest, admin_page: page.Page, id_: UUID, verb: Verb) -> HttpResponse:
    """Show the dialog, or carry it out.

    Raises:
        PermissionDenied: the operator may look, not decide.
        Http404: no environment is named.
    """
    if not request.user.has_perm(verb.permission):
        raise PermissionDenied
    env = find_env(request.GET.get("env", ""))
    if env is None:
        raise Http404("There is no such environment")
    back = reverse("dashboard:buffer")
    form = ReasonForm(request.POST or None)
    if form.is_valid() and (told := carry_out(request, env, id_, form, verb)):
        message, level = told
        return page.finish(request, page.next_address(request, back), message, level)
    return page.show_form(
        request,
        admin_page,
        form,
        title=f"{verb.name} dead letter",
        heading=f"{verb.name} this dead letter",
        lead=f"{id_} of {env.org.slug}/{env.slug}",
        keeps=verb.keeps,
        verb=f"{verb.name} the dead letter",
        danger=verb is DISCARD,
        back=back,
    )


def carry_out(request: HttpRequest, env: Env, id_: UUID, form: ReasonForm, verb: Verb) -> tuple[str, int] | None:
    """Decide, and say how it went; None when the form has to say it."""
    actor = page.actor_of(request)
    try:
        outcome = verb.carry_out(env, id_, actor=actor, reason=form.cleaned_data["reason"])
    except LookupUnavailable:
        form.add_error(None, "Redis does not answer. Nothing was changed as far as this page knows.")
        return None
    match outcome:
        case DeadLetterOutcome.REDRIVEN | DeadLetterOutcome.DISCARDED:
            return verb.done, messages.SUCCESS
        case DeadLetterOutcome.NOT_FAILED:
            return "It is no dead letter any more. Nothing was changed.", messages.WARNING
        case DeadLetterOutcome.NOT_FOUND:
            return "It is not buffered any more. Nothing was changed.", messages.WARNING
