from dataclasses import FrozenInstanceError
from uuid import UUID

import pytest

from mollifier.entry import Claim, Settle, State


def test_an_entry_is_in_one_of_four_states():
    assert {state.value for state in State} == {"queued", "delayed", "leased", "failed"}


def test_values_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settle(UUID(int=1), 0).patch_version = 1


def test_a_claim_has_nothing_unreadable_by_default():
    assert Claim("t", ()).unreadable == ()
