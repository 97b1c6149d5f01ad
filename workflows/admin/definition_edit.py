"""The page on which an operator writes a definition: judged while typing, saved as another version with a reason."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from workflows.admin import document, page
from workflows.admin.document import NotJson
from workflows.intake import definitions
from workflows.intake.definitions import NEW, DefinitionRefused, Version

FIRST = {
    "steps": {
        "start": {"type": "trigger", "next": {"success": "greet"}},
        "greet": {
            "type": "action",
            "action": "set_variables",
            "arguments": {"greeting": "Hello {{ payload.name }}"},
            "next": {"success": "noop"},
        },
    },
    "output": "{{ greeting }}",
}
LONGEST = 1_000_000


class DocumentForm(page.ReasonForm):
    """The text of a document; `version` is the one that it was made from."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    slug = forms.SlugField(max_length=100, help_text="Triggers name it; it is never changed.")
    document = forms.CharField(
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea({"rows": 28, "class": "mo-code", "spellcheck": "false", "autocapitalize": "off"}),
        help_text="JSON; docs/declarative.md tells what it may hold.",
    )

    field_order = ("version", "slug", "document", "reason")

    def __init__(self, *args: Any, version: Version | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if version is not None:
            del self.fields["slug"]


def edit(request: HttpRequest, admin: ModelAdmin, slug: str | None = None) -> HttpResponse:
    """Show the editor of a definition, or of a new one, and save what it sends."""
    _require(request, admin)
    latest = _latest(slug)
    initial = {
        "version": latest.number if latest else NEW,
        "document": document.lay_out(latest.document if latest else FIRST),
    }
    form = DocumentForm(request.POST or None, initial=initial, version=latest)
    checking = "check" in request.POST
    if checking:
        form.fields["reason"].required = False
    if form.is_valid() and not checking and (saved := _save(request, form, slug)) is not None:
        return saved
    text = form["document"].value() or ""
    return page.show_form(
        request,
        admin,
        form,
        template="workflows/admin/definition_edit.html",
        title=f"Edit {slug}" if slug else "New definition",
        heading=f"Edit {slug}, made from version {latest.number}" if latest else "New definition",
        lead="Saving makes another version. Instances that are there keep theirs; new ones get the new one.",
        verb="Save as another version" if latest else "Save as version 1",
        faults=document.faults(text) if form.is_bound else [],
        changes=document.changes(latest.document if latest else None, text) if latest or form.is_bound else [],
        checked=form.is_bound,
        check_address=reverse("admin:workflows_definition_check"),
        slug=slug or "",
        back=reverse("admin:workflows_definition_changelist"),
    )


def check(request: HttpRequest, admin: ModelAdmin) -> JsonResponse:
    """Judge a text while it is written: its faults, and what saving it would change."""
    _require(request, admin)
    text, slug = request.POST.get("document", "")[:LONGEST], request.POST.get("of", "")
    latest = definitions.version(slug) if slug else None
    return JsonResponse(
        {
            "faults": [{"path": fault.path, "message": fault.message} for fault in document.faults(text)],
            "changes": [
                {"tone": line.tone, "text": line.text}
                for line in document.changes(latest.document if latest else None, text)
            ],
        }
    )


def _save(request: HttpRequest, form: DocumentForm, slug: str | None) -> HttpResponse | None:
    """Save, and go on to the versions; None when it is refused, with the reasons in the form."""
    given = form.cleaned_data
    try:
        saved = definitions.save(
            slug or given["slug"],
            document=document.read(given["document"]),
            actor=page.actor_of(request),
            reason=given["reason"],
            expected_version=given["version"],
        )
    except NotJson as error:
        form.add_error("document", str(error))
    except DefinitionRefused as refusal:
        named = {fault.path.removeprefix("/") for fault in refusal.faults} & form.fields.keys()
        form.add_error(next(iter(named), None), str(refusal))
    else:
        address = reverse("admin:workflows_definition_versions", args=[saved.slug])
        return page.finish(request, address, f"{saved.slug} is at version {saved.version}.", messages.SUCCESS)
    return None


def _latest(slug: str | None) -> Version | None:
    if slug is None:
        return None
    latest = definitions.version(slug)
    if latest is None:
        raise Http404("There is no such definition")
    return latest


def _require(request: HttpRequest, admin: ModelAdmin) -> None:
    if not (admin.has_change_permission(request) and admin.has_add_permission(request)):
        raise PermissionDenied
