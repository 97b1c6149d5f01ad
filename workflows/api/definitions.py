"""Definitions: list them, and save declared ones."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_definitions
from workflows.api import serializers_definitions as shapes
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.intake import definitions
from workflows.intake.definitions import NEW, DefinitionRefused, Described, Version
from workflows.intake.rollout import Actor
from workflows.scopes import Scopes

SEE = frozenset({Scopes.TRIGGER_WRITE, Scopes.INSTANCES_READ, Scopes.DEFINITIONS_WRITE})
WRITE = frozenset({Scopes.DEFINITIONS_WRITE})
MADE, CHANGED = "Made by a caller.", "Changed by a caller."
STATUSES = {
    "reason_missing": HTTPStatus.BAD_REQUEST,
    "slug_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "slug_taken": HTTPStatus.CONFLICT,
    "definition_exists": HTTPStatus.CONFLICT,
    "definition_not_found": HTTPStatus.NOT_FOUND,
    "version_conflict": HTTPStatus.PRECONDITION_FAILED,
    "definition_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "values_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
}

new_body = msgspec.json.Decoder(shapes.DefinitionRequest)
patch_body = msgspec.json.Decoder(shapes.DefinitionPatchRequest)


class DefinitionsView(ApiView):
    """The list, and what is new on it."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE, "POST": WRITE}

    @schema_definitions.LIST_DEFINITIONS
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, shapes.DefinitionsQuery)
        after = [each for each in definitions.described() if asked.cursor is None or each.slug > asked.cursor]
        page = after[: asked.limit]
        following = page[-1].slug if len(after) > len(page) else None
        return responses.encode(shapes.DefinitionPage([summary(each) for each in page], following))

    @schema_definitions.POST_DEFINITION
    def post(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        sent = parsing.decode(new_body, parsing.read_body(request))
        values = {name: getattr(sent, name) for name in definitions.SETTABLE}
        save(request, sent.slug, sent.document, sent.reason or MADE, NEW, values)
        return show(sent.slug, None, HTTPStatus.CREATED)


class DefinitionView(ApiView):
    """One definition. Documents are shown to those who may write them: definitions belong to no environment."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": WRITE, "PATCH": WRITE}

    @schema_definitions.GET_DEFINITION
    def get(self, request: Request, slug: str) -> HttpResponse:
        return show(slug, parsing.query(request, shapes.DefinitionQuery).version)

    @schema_definitions.PATCH_DEFINITION
    def patch(self, request: Request, slug: str) -> HttpResponse:
        parsing.query(request, NoQuery)
        expected = parsing.if_match(request)
        sent = parsing.decode(patch_body, parsing.read_body(request))
        values = {name: getattr(sent, name) for name in definitions.SETTABLE if getattr(sent, name) is not UNSET}
        known(slug)
        save(request, slug, sent.document, sent.reason or CHANGED, expected, values)
        return show(slug, None)


class VersionsView(ApiView):
    """The versions of one definition."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": WRITE}

    @schema_definitions.LIST_VERSIONS
    def get(self, request: Request, slug: str) -> HttpResponse:
        asked = parsing.query(request, shapes.VersionsQuery)
        known(slug)
        found = definitions.versions(slug, asked.cursor, asked.limit + 1)
        page = found[: asked.limit]
        following = page[-1].number if len(found) > len(page) else None
        return responses.encode(shapes.DefinitionVersionPage([about(each) for each in page], following))


def save(
    request: Request, slug: str, document: Any, reason: str, expected: int | None, values: Mapping[str, Any]
) -> None:
    """Save a document, or only values where it is UNSET.

    Raises:
        Problem: nothing is saved.
    """
    try:
        if document is None:
            # A null is no document; to save() it would mean that there is none to save.
            definitions.refuse_faulty(slug, document)
        definitions.save(
            slug,
            document=None if document is UNSET else document,
            actor=Actor(caller_of(request).name),
            reason=reason,
            expected_version=expected,
            values=values,
        )
    except DefinitionRefused as refusal:
        if refusal.faults:
            told = [(fault.path, refusal.code, fault.message) for fault in refusal.faults]
            raise problems.faulty(refusal.code, told, STATUSES[refusal.code]) from refusal
        raise Problem(STATUSES[refusal.code], refusal.code, str(refusal)) from refusal


def known(slug: str) -> Described:
    """Return what is known of a definition.

    Raises:
        Problem: 404.
    """
    described = definitions.describe(slug)
    if described.kind == "absent":
        raise problems.not_found("definition")
    return described


def show(slug: str, number: int | None, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    described = known(slug)
    version = definitions.version(slug, number)
    if version is None and number is not None:
        raise problems.not_found("version of this definition")
    body = shapes.DefinitionDetail(
        summary(described), about(version) if version else None, version.document if version else None
    )
    return responses.encode(body, status, {"ETag": f'"{described.version}"'})


def summary(described: Described) -> shapes.DefinitionSummary:
    state = described.state
    return shapes.DefinitionSummary(
        slug=described.slug,
        kind=described.kind,
        version=described.version,
        active=state.active,
        shard_by=described.shard_by,
        limit=state.limit,
        window_ms=state.window_ms,
        unrunnable=described.unrunnable,
    )


def about(version: Version) -> shapes.DefinitionVersion:
    return shapes.DefinitionVersion(
        version=version.number,
        interpreter_version=version.interpreter_version,
        created_at=version.created_at,
        by=version.by,
        reason=version.reason,
    )
