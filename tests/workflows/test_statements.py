"""Which parts a statement has."""

from workflows import statements


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
