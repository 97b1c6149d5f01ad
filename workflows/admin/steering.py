"""The dialogs that cancel, pause and resume an instance, buffered or not, against the log's tail that was shown."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from workflows import audit, engine
from workflows.admin import page
from workflows.audit import Act, Actor
from workflows.intake import control
from workflows.intake.control import At
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable

MAY_CANCEL = "workflows.cancel_instance"
MAY_PAUSE = "workflows.change_instance"

Outcome = control.Cancel | control.Steer


class SteeringForm(page.ReasonForm):
    """Why; and the log's tail of the page that the button was on, where there was one."""

    seq = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator wants of one instance."""

    env: Env
    id: UUID
    actor: Actor
    reason: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class Verb:
    """A dialog: its words, who may, and what carries it out."""

    word: str
    done: str
    permission: str
    keeps: str
    carry_out: Callable[[Order], Outcome]
    danger: bool = False


def cancel(order: Order) -> control.Cancel:
    """Cancel an instance; the event of its log tells why, and so does the audit, where it is looked for."""
    with transaction.atomic():
        outcome = control.cancel(order.env, order.id, order.reason, actor=order.actor.name, at=At(order.seq))
        if isinstance(outcome, engine.Cancelled | control.CancelledInBuffer):
            audit.note(act(order, "cancel_instance"))
    return outcome


def pause(order: Order) -> control.Steer:
    return recorded(order, "pause_instance", control.pause)


def resume(order: Order) -> control.Steer:
    return recorded(order, "resume_instance", control.resume)


def recorded(order: Order, verb: str, change: Callable[..., control.Steer]) -> control.Steer:
    """Change an instance, and keep the reason in the audit: the event of its log has no place for one."""
    with transaction.atomic():
        outcome = change(order.env, order.id, actor=order.actor.name, at=At(order.seq))
        if isinstance(outcome, control.Changed | control.ChangedInBuffer):
            audit.note(act(order, verb))
    return outcome


def act(order: Order, verb: str) -> Act:
    return Act(
        verb=verb,
        actor=order.actor,
        reason=order.reason,
        filter={"instance": str(order.id)},
        target=str(order.id),
        org_id=order.env.org.id,
    )


CANCEL = Verb(
    word="Cancel",
    done="Cancelled.",
    permission=MAY_CANCEL,
    keeps="A step that is running ends; its outcome is kept out of the log. Other instances are not touched.",
    carry_out=cancel,
    danger=True,
)
PAUSE = Verb(
    word="Pause",
    done="Paused.",
    permission=MAY_PAUSE,
    keeps="Steps that run end and are recorded; no other begins. Its waits go on counting, its hooks receive.",
    carry_out=pause,
)
RESUME = Verb(
    word="Resume",
    done="Resumed.",
    permission=MAY_PAUSE,
    keeps="It goes on where it stands, at once; waits that came due meanwhile are over.",
    carry_out=resume,
)


def steer(request: HttpRequest, admin: page.Page, env: Env, id_: UUID, verb: Verb) -> HttpResponse:
    """Show the dialog, or carry it out.

    Raises:
        PermissionDenied: the operator may look, not steer.
    """
    if not request.user.has_perm(verb.permission):
        raise PermissionDenied
    detail = f"{reverse('admin:workflows_instance_change', args=[id_])}?{urlencode({'env': str(env.id)})}"
    form = SteeringForm(request.POST or None, initial={"seq": request.GET.get("seq")})
    if form.is_valid() and (told := attempt(request, env, id_, verb, form)):
        message, level = told
        return page.finish(request, page.next_address(request, detail), message, level)
    return page.show_form(
        request,
        admin,
        form,
        title=f"{verb.word} instance",
        heading=f"{verb.word} this instance",
        lead=f"{id_} of {env.org.slug}/{env.slug}",
        keeps=verb.keeps,
        verb=f"{verb.word} the instance",
        danger=verb.danger,
        back=detail,
    )


def attempt(request: HttpRequest, env: Env, id_: UUID, verb: Verb, form: SteeringForm) -> tuple[str, int] | None:
    """Carry it out, and say how it went; None when the form has to say it."""
    who = page.actor_of(request)
    try:
        outcome = verb.carry_out(Order(env, id_, who, form.cleaned_data["reason"], form.cleaned_data["seq"]))
    except LookupUnavailable:
        form.add_error(None, "Redis does not answer, so it is not known where this instance is. Nothing was changed.")
        return None
    match outcome:
        case control.CancelledInBuffer():
            return "Cancelled while buffered; it will be recorded without having run.", messages.SUCCESS
        case control.Cancelled() | control.Changed() | control.ChangedInBuffer():
            return verb.done, messages.SUCCESS
        case control.AlreadyFinished(status):
            return f"It had already ended: {status}. Nothing was changed.", messages.WARNING
        case control.NotFound():
            return "There is no such instance any more.", messages.ERROR
        case control.FenceConflict():
            form.add_error(None, "Its log has moved on since you looked. Look again, then decide.")
        case _:
            form.add_error(None, "What it holds leaves no room for this change; cancel it, or let it go on.")
    return None
