"""The dialog that cancels an instance, buffered or running, against the log's tail that the operator saw."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from workflows import engine
from workflows.admin import page
from workflows.intake import control
from workflows.intake.control import At, CancelledInBuffer
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable

MAY_CANCEL = "workflows.cancel_instance"


class CancelForm(page.ReasonForm):
    """Why; and the log's tail of the page that the button was on, where there was one."""

    seq = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


def cancel(request: HttpRequest, admin: page.Page, env: Env, id_: UUID) -> HttpResponse:
    """Show the dialog, or carry it out.

    Raises:
        PermissionDenied: the operator may look, not cancel.
    """
    if not request.user.has_perm(MAY_CANCEL):
        raise PermissionDenied
    detail = f"{reverse('admin:workflows_instance_change', args=[id_])}?{urlencode({'env': str(env.id)})}"
    form = CancelForm(request.POST or None, initial={"seq": request.GET.get("seq")})
    if form.is_valid() and (told := carry_out(request, env, id_, form)):
        message, level = told
        return page.finish(request, page.next_address(request, detail), message, level)
    return page.show_form(
        request,
        admin,
        form,
        title="Cancel instance",
        heading="Cancel this instance",
        lead=f"{id_} of {env.org.slug}/{env.slug}",
        keeps="A step that is running ends; its outcome is kept out of the log. Other instances are not touched.",
        verb="Cancel the instance",
        danger=True,
        back=detail,
    )


def carry_out(request: HttpRequest, env: Env, id_: UUID, form: CancelForm) -> tuple[str, int] | None:
    """Cancel, and say how it went; None when the form has to say it."""
    reason, seq = form.cleaned_data["reason"], form.cleaned_data["seq"]
    try:
        outcome = control.cancel(env, id_, reason, actor=request.user.get_username(), at=At(seq))
    except LookupUnavailable:
        form.add_error(None, "Redis does not answer, so it is not known where this instance is. Nothing was changed.")
        return None
    match outcome:
        case CancelledInBuffer():
            return "Cancelled while buffered; it will be recorded without having run.", messages.SUCCESS
        case engine.Cancelled():
            return "Cancelled.", messages.SUCCESS
        case engine.AlreadyFinished(status):
            return f"It had already ended: {status}. Nothing was changed.", messages.WARNING
        case engine.NotFound():
            return "There is no such instance any more.", messages.ERROR
        case engine.FenceConflict():
            form.add_error(None, "Its log has moved on since you looked. Look again, then decide.")
            return None
