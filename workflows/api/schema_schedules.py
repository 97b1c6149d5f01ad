"""The OpenAPI description of the schedules' addresses."""

from workflows.api import serializers_schedules
from workflows.api.schema import BAD_BODY, BAD_QUERY, REFUSALS, operation
from workflows.api.serializers import PageQuery

NO_SCHEDULE = "No such schedule, or it belongs to another environment."
FAULTY = "It can't be (`schedule_invalid`): `errors` points at each fault, `pointer` at the first."
TOO_LARGE = "The body is too large."

LIST_SCHEDULES = operation(
    "list_schedules",
    {200: (serializers_schedules.SchedulePage, "A page of the environment's schedules.")},
    REFUSALS | {400: BAD_QUERY},
    query=PageQuery,
    headers={"WWW-Authenticate": [401, 403]},
)
GET_SCHEDULE = operation(
    "get_schedule",
    {200: (serializers_schedules.Schedule, "The schedule.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_SCHEDULE},
    headers={"WWW-Authenticate": [401, 403]},
)
POST_SCHEDULE = operation(
    "post_schedule",
    {201: (serializers_schedules.Schedule, "Made; `next_at` says when it fires first.")},
    REFUSALS | {400: BAD_BODY, 413: TOO_LARGE, 422: FAULTY},
    body=serializers_schedules.ScheduleRequest,
    headers={"Location": [201], "WWW-Authenticate": [401, 403]},
)
PATCH_SCHEDULE = operation(
    "patch_schedule",
    {200: (serializers_schedules.Schedule, "The schedule as it is now.")},
    REFUSALS | {400: BAD_BODY, 404: NO_SCHEDULE, 413: TOO_LARGE, 422: FAULTY},
    body=serializers_schedules.ScheduleChangeRequest,
    headers={"WWW-Authenticate": [401, 403]},
)
