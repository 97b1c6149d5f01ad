"""The instances that a search finds, as CSV or JSON: streamed page by page, cut at a cap and saying so.

Payloads, for those who may export them, hide what the page of an instance hides.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from workflows import audit, conf
from workflows.admin import instances, page, searching, veil
from workflows.admin.instances import Line
from workflows.admin.searching import Asked
from workflows.admin.veil import Veil
from workflows.audit import Act
from workflows.intake import lookup, refresher

MAY_EXPORT_PAYLOAD = "workflows.export_payload"
PER_PAGE = 200
COLUMNS = ("id", "definition", "version", "status", "tenant", "accepted_at", "finished_at", "tags", "error_code")
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(slots=True)
class Ended:
    """How an export ended; without a note it is whole."""

    count: int = 0
    note: str = ""


class Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def export(request: HttpRequest) -> HttpResponseBase:
    """Answer the download.

    Raises:
        PermissionDenied: payloads are asked for by who may not have them.
    """
    asked, kind = searching.ask(request.GET), request.GET.get("format", "csv")
    payload = request.GET.get("payload") == "1"
    if asked.fault or kind not in TYPES:
        message = asked.fault or "format: write csv or json"
        return HttpResponse(message, "text/plain; charset=utf-8", status=400)
    if payload and not request.user.has_perm(MAY_EXPORT_PAYLOAD):
        raise PermissionDenied
    actor = page.actor_of(request)
    told = {"search": str(asked.filter), "format": kind, "payload": payload}
    audit.note(Act(verb="export_instances", actor=actor, reason="Export", filter=told, target=str(asked.filter)[:200]))
    write = as_csv if kind == "csv" else as_json
    answer = StreamingHttpResponse(write(asked, payload=payload), content_type=TYPES[kind])
    answer["Content-Disposition"] = f'attachment; filename="instances-{timezone.now():%Y%m%d-%H%M%S}.{kind}"'
    return answer


def as_csv(asked: Asked, *, payload: bool) -> Iterator[str]:
    """Yield a header, a line for each instance, and a last one that begins with # where something is missing."""
    writer, ended = csv.writer(Echo()), Ended()
    yield str(writer.writerow([*COLUMNS, *(["payload"] if payload else [])]))
    for shown in told(asked, ended, payload=payload):
        yield str(writer.writerow([safe(value) for value in shown.values()]))
    if ended.note:
        yield str(writer.writerow([f"# {ended.note}"]))


def as_json(asked: Asked, *, payload: bool) -> Iterator[str]:
    """Yield one object; `complete` and `note` stand behind the instances, when they are known."""
    ended = Ended()
    yield f'{{"search": {json.dumps(str(asked.filter))}, "instances": ['
    for number, shown in enumerate(told(asked, ended, payload=payload)):
        yield f"{',' if number else ''}\n{json.dumps(shown)}"
    yield f'\n], "count": {ended.count}, "complete": {json.dumps(not ended.note)}, "note": {json.dumps(ended.note)}}}\n'


def told(asked: Asked, ended: Ended, *, payload: bool) -> Iterator[dict[str, Any]]:
    """Yield what an export says of each instance, newest first, as far as the cap."""
    most, before = conf.current().export_rows, None
    veils: dict[UUID, Veil] = {}
    while True:
        part = instances.read(asked.env, asked.filters, before, min(PER_PAGE, most - ended.count))
        if part.gave_up:
            ended.note = "Given up: the search is too wide. Name an environment, or less at a time."
            return
        payloads = read_payloads(part.lines, veils) if payload else {}
        for line in part.lines:
            ended.count += 1
            yield described(line) | ({"payload": payloads.get(line.id)} if payload else {})
        if not part.complete:
            ended.note = "Redis does not answer: buffered instances are missing."
        before = part.older
        if before is None:
            return
        if ended.count >= most:
            ended.note = f"Cut at {most:,} instances: narrow the search, or raise WORKFLOWS_EXPORT_ROWS."
            return


def described(line: Line) -> dict[str, Any]:
    values = {name: getattr(line, name) for name in COLUMNS}
    for name in ("accepted_at", "finished_at"):
        values[name] = values[name].isoformat() if values[name] else None
    return values | {"id": str(line.id), "status": str(line.status), "tags": list(line.tags)}


def read_payloads(lines: tuple[Line, ...], veils: dict[UUID, Veil]) -> dict[UUID, Any]:
    """Return the payloads of a page, environment by environment; `veils` are made once for each."""
    envs, found = refresher.current().envs, {}
    for env_id in {line.env_id for line in lines} & envs.keys():
        env = envs[env_id]
        if env_id not in veils:
            veils[env_id] = veil.of(env.org.id, env_id)
        ids = [line.id for line in lines if line.env_id == env_id]
        for id_, each in lookup.find_many(env, ids).items():
            found[id_] = veils[env_id].value(each.payload)
    return found


def safe(value: Any) -> str:
    """Write a cell so that no spreadsheet runs it."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = " ".join(value)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, (int, float)) else text
