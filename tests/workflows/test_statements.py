"""Which parts a statement has."""

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from workflows import eventlog, statements
from workflows.fence import Append, NewEvent
from workflows.models import Hook
from workflows.states import EventType


def test_a_group_of_steps_is_spared_the_parts_for_hooks_and_emitted_events():
    plain, full = statements.append("SKIP LOCKED", plain=True), statements.append("SKIP LOCKED", plain=False)
    assert "hook_created" not in plain
    assert "hook_created" in full
    assert len(plain) < len(full)


def test_a_statement_waits_for_locks_or_passes_them_by():
    assert "SKIP LOCKED" in statements.append("SKIP LOCKED", plain=True)
    assert "SKIP LOCKED" not in statements.append("", plain=False)


def test_ends_let_hooks_go_in_either_shape():
    assert all("UPDATE workflows_hook" in statements.append("", plain=plain) for plain in (True, False))


@pytest.mark.django_db
def test_hooks_are_looked_up_by_their_instance_and_not_by_reading_all_that_are_open():
    now = timezone.now()
    Hook.objects.bulk_create(
        Hook(token=str(n), name="a", instance_id=uuid7(), env_id=uuid7(), correlation_id="hook:a:1", created_at=now)
        for n in range(2_000)
    )
    request = Append(uuid7(), (NewEvent(EventType.HOOK_DISPOSED, "hook:a:1"),))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_hook")
        cursor.execute(f"EXPLAIN {statements.append('SKIP LOCKED', plain=False)}", eventlog._parameters([request]))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("hook_open_of_instance") == 2
    assert "Seq Scan on workflows_hook" not in plan
