"""The request and the trigger as values."""

from uuid import UUID

from workflows.trigger import Request, fingerprint


def test_a_fingerprint_tells_definitions_and_payloads_apart():
    names = {
        fingerprint("greet", b"1"),
        fingerprint("greet", b"2"),
        fingerprint("gree", b"t\x001"),
        fingerprint("greet1", b""),
    }
    assert len(names) == 4
    assert {len(name) for name in names} == {32}
    assert fingerprint("greet", b"1") == fingerprint("greet", b"1")


def test_ids_are_made_with_the_request_and_grow_with_time():
    requests = [Request(org_id=UUID(int=1), env_id=UUID(int=2), definition="greet") for _ in range(50)]
    ids = [request.id for request in requests]
    assert ids == sorted(ids)
    assert len(set(ids)) == 50
