"""Each implementation of the Materialiser port, with what the contract needs to look at its rows."""

import uuid
from datetime import UTC, datetime
from threading import Thread

from django.db import connection, connections
from msgspec.structs import replace

from launch import process
from mollifier.decision import Mode, Reason
from mollifier.entry import Entry, State
from tests.intake.draining import entry_of
from tests.mollifier.makers import ACME
from tests.mollifier.memory import MemoryMaterialiser
from tests.tenants import trigger
from workflows.intake.materialiser import InstanceMaterialiser
from workflows.models import Instance
from workflows.states import Status

ENDINGS = {Status.PENDING: "started", Status.CANCELLED: "cancelled", Status.SYSTEM_FAILURE: "failed"}


class InMemory:
    """The one the drainer's tests stand on."""

    def __init__(self) -> None:
        self.materialiser = MemoryMaterialiser()

    def entry(self, **fields) -> Entry:
        return Entry(uuid.uuid4(), ACME, 1, datetime.now(UTC), Mode.ON, Reason.BACKLOG, b"{}", State.LEASED, **fields)

    def spoilt(self) -> Entry:
        """An entry that can never be written."""
        entry = self.entry()
        self.materialiser.final.add(entry.id)
        self.materialiser.unburiable.add(entry.id)
        return entry

    def rows(self) -> dict:
        return dict(self.materialiser.rows)

    def cut_off(self, call):
        """Make the call while the store can't be reached."""
        self.materialiser.away = True
        try:
            return call()
        finally:
            self.materialiser.away = False


class Instances:
    """The service's: rows of PostgreSQL."""

    def __init__(self) -> None:
        self.materialiser = InstanceMaterialiser()

    def entry(self, **fields) -> Entry:
        return entry_of(trigger(), **fields)

    def spoilt(self) -> Entry:
        """An entry whose snapshot breaks off."""
        entry = self.entry()
        return replace(entry, snapshot=entry.snapshot[:10])

    def rows(self) -> dict:
        return {instance.id: ENDINGS[Status(instance.status)] for instance in Instance.objects.all()}

    def cut_off(self, call):
        """Make the call on a connection of its own that points at a closed port."""
        answers = []

        def alone() -> None:
            connection.settings_dict = {**connection.settings_dict, "PORT": process.free_port(), "HOST": "127.0.0.1"}
            try:
                answers.append(call())
            finally:
                connections.close_all()

        thread = Thread(target=alone)
        thread.start()
        thread.join(30)
        return answers[0]
