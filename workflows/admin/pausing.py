"""The dialogs that pause and resume an instance, against the log's tail that the operator saw."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from workflows import audit
from workflows.admin import page
from workflows.audit import Act, Actor
from workflows.intake import control
from workflows.intake.control import At
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable

MAY_PAUSE = "workflows.change_instance"
PAUSE, RESUME = "pause_instance", "resume_instance"
KEEPS = {
    PAUSE: "Steps that run end and are recorded; no other begins. Its waits go on counting, its hooks receive.",
    RESUME: "It goes on where it stands, at once; waits that came due meanwhile are over.",
}
VERBS = {PAUSE: "Pause", RESUME: "Resume"}


class PausingForm(page.ReasonForm):
    """Why; and the log's tail of the page that the button was on, where there was one."""

    seq = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


def steer(request: HttpRequest, admin: page.Page, env: Env, id_: UUID, verb: str) -> HttpResponse:
    """Show the dialog, or carry it out.

    Raises:
        PermissionDenied: the operator may look, not pause.
    """
    if not request.user.has_perm(MAY_PAUSE):
        raise PermissionDenied
    detail = f"{reverse('admin:workflows_instance_change', args=[id_])}?{urlencode({'env': str(env.id)})}"
    form = PausingForm(request.POST or None, initial={"seq": request.GET.get("seq")})
    if form.is_valid() and (told := carry_out(request, env, id_, verb, form)):
        message, level = told
        return page.finish(request, page.next_address(request, detail), message, level)
    return page.show_form(
        request,
        admin,
        form,
        title=f"{VERBS[verb]} instance",
        heading=f"{VERBS[verb]} this instance",
        lead=f"{id_} of {env.org.slug}/{env.slug}",
        keeps=KEEPS[verb],
        verb=f"{VERBS[verb]} the instance",
        back=detail,
    )


def carry_out(request: HttpRequest, env: Env, id_: UUID, verb: str, form: PausingForm) -> tuple[str, int] | None:
    """Pause or resume, and say how it went; None when the form has to say it."""
    try:
        with transaction.atomic():
            outcome = _steer(request, env, id_, verb, form.cleaned_data["seq"])
            if isinstance(outcome, control.Changed | control.ChangedInBuffer):
                audit.note(act(request, env, id_, verb, form.cleaned_data["reason"]))
    except LookupUnavailable:
        form.add_error(None, "Redis does not answer, so it is not known where this instance is. Nothing was changed.")
        return None
    match outcome:
        case control.Changed() | control.ChangedInBuffer():
            return f"{VERBS[verb]}d.", messages.SUCCESS
        case control.AlreadyFinished(status):
            return f"It had already ended: {status}. Nothing was changed.", messages.WARNING
        case control.NotFound():
            return "There is no such instance any more.", messages.ERROR
        case control.FenceConflict():
            form.add_error(None, "Its log has moved on since you looked. Look again, then decide.")
        case _:
            form.add_error(None, "What it holds leaves no room for this change; cancel it, or let it go on.")
    return None


def _steer(request: HttpRequest, env: Env, id_: UUID, verb: str, seq: int | None) -> control.Steer:
    change = control.pause if verb == PAUSE else control.resume
    return change(env, id_, actor=request.user.get_username(), at=At(seq))


def act(request: HttpRequest, env: Env, id_: UUID, verb: str, reason: str) -> Act:
    return Act(
        verb=verb,
        actor=Actor.from_user(request.user),  # type: ignore[arg-type]
        reason=reason,
        filter={"instance": str(id_)},
        target=str(id_),
        org_id=env.org.id,
    )
