"""The drainer's steps one by one, so that a test can act between them."""

from uuid import uuid4

from mollifier import buffer
from mollifier.decision import Mode, Reason, Scope
from mollifier.entry import Entry, Materialised, Settle, Settlement, State
from workflows import snapshot
from workflows.intake.materialiser import InstanceMaterialiser
from workflows.trigger import Trigger

LEASE_MS = 60_000


def claim():
    return buffer.claim(uuid4().hex, 500, LEASE_MS)


def settle(claimed) -> list[Settlement]:
    """Settle what is written, writing again what was patched meanwhile; return the first answers."""
    reports = [Settle(entry.id, entry.patch_version) for entry in claimed.entries]
    answers = first = buffer.settle(claimed.token, reports)
    while Settlement.PATCHED in answers:
        patched = buffer.leased([report.id for report, answer in zip(reports, answers, strict=True)
                                 if answer is Settlement.PATCHED])  # fmt: skip
        write(patched)
        reports = [Settle(entry.id, entry.patch_version) for entry in patched]
        answers = buffer.settle(claimed.token, reports)
    return first


def write(entries) -> None:
    outcomes = InstanceMaterialiser().materialise(entries)
    assert {outcome for outcome in outcomes if not isinstance(outcome, Materialised)} == set()


def drain() -> int:
    """Make everything that is queued instances; return how many."""
    total = 0
    while (claimed := claim()).entries:
        write(claimed.entries)
        settle(claimed)
        total += len(claimed.entries)
    return total


def entry_of(trigger: Trigger, **fields) -> Entry:
    """Return an entry as the drainer hands it over."""
    given = {
        "id": trigger.id,
        "scope": Scope(str(trigger.org_id), str(trigger.env_id)),
        "seq": 1,
        "accepted_at": trigger.accepted_at,
        "mode": Mode.ON,
        "reason": Reason.ENV_RATE,
        "snapshot": snapshot.encode(trigger),
        "state": State.LEASED,
    }
    return Entry(**given | fields)
