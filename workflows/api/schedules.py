"""Schedules: list, make, read and change what is started by the clock."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Raw
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_schedules, serializers_schedules
from workflows.api.auth import WHY, Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery, PageQuery
from workflows.api.serializers_schedules import ScheduleChangeRequest, ScheduleRequest
from workflows.audit import Actor
from workflows.intake import timetable
from workflows.intake.timetable import ScheduleRefused
from workflows.scopes import Scopes

READ = frozenset({Scopes.INSTANCES_READ})
WRITE = frozenset({Scopes.INSTANCES_WRITE})

schedule_body = msgspec.json.Decoder(ScheduleRequest)
change_body = msgspec.json.Decoder(ScheduleChangeRequest)
encoder = msgspec.json.Encoder()


class SchedulesView(ApiView):
    """The list, and where one is made."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "POST": WRITE}

    @schema_schedules.LIST_SCHEDULES
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, PageQuery)
        page = timetable.listing(caller_of(request).env.id, asked.cursor, asked.limit)
        return responses.encode(
            serializers_schedules.SchedulePage([shape(each) for each in page.data], page.next_cursor)
        )

    @schema_schedules.POST_SCHEDULE
    def post(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller = caller_of(request)
        values = given(parsing.decode(schedule_body, parsing.read_body(request)))
        try:
            made = timetable.create(caller.env.id, values, actor=actor_of(caller), reason=WHY)
        except ScheduleRefused as refusal:
            raise refused(refusal) from refusal
        headers = {"Location": f"/api/v1/schedules/{made.id}"}
        return responses.encode(shape(made), HTTPStatus.CREATED, headers)


class ScheduleView(ApiView):
    """One schedule."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "PATCH": WRITE}

    @schema_schedules.GET_SCHEDULE
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        found = timetable.find(caller_of(request).env.id, id_)
        if found is None:
            raise problems.not_found("schedule")
        return responses.encode(shape(found))

    @schema_schedules.PATCH_SCHEDULE
    def patch(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller = caller_of(request)
        values = given(parsing.decode(change_body, parsing.read_body(request)))
        try:
            changed = timetable.change(caller.env.id, id_, values, actor=actor_of(caller), reason=WHY)
        except ScheduleRefused as refusal:
            raise refused(refusal) from refusal
        if changed is None:
            raise problems.not_found("schedule")
        return responses.encode(shape(changed))


def given(sent: ScheduleRequest | ScheduleChangeRequest) -> dict[str, Any]:
    """Return the fields that the caller named."""
    values = {name: getattr(sent, name) for name in timetable.FIELDS}
    return {name: value for name, value in values.items() if value is not UNSET}


def actor_of(caller: Caller) -> Actor:
    return Actor(caller.name)


def refused(refusal: ScheduleRefused) -> Problem:
    """Point at each fault."""
    faults = [(f"/{fault.field}" if fault.field else "", fault.code, fault.message) for fault in refusal.faults]
    return problems.faulty(refusal.code, faults)


def shape(schedule: timetable.Schedule) -> serializers_schedules.Schedule:
    """Lay a schedule out as every answer shows it."""
    return serializers_schedules.Schedule(
        id=schedule.id,
        definition=schedule.definition,
        cron=schedule.cron,
        timezone=schedule.timezone,
        payload=Raw(encoder.encode(schedule.payload)),
        overlap=schedule.overlap,
        catch_up=schedule.catch_up,
        enabled=schedule.enabled,
        next_at=schedule.next_at,
        queued_at=schedule.queued_at,
        last_at=schedule.last_at,
        last_outcome=schedule.last_outcome or None,
        last_detail=schedule.last_detail,
        last_instance=schedule.last_instance,
        created_at=schedule.created_at,
    )
