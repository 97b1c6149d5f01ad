"""Large results: kept once, whole, and for their own environment."""

from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from workflows import blobs
from workflows.blobs import BlobDamaged, BlobMissing, BlobTooLarge

ENV, INSTANCE = UUID(int=1), UUID(int=2)
CONTENT = b'{"rows":[1,2,3]}'


@pytest.fixture(autouse=True)
def place(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


def test_what_is_spilled_comes_back(place) -> None:
    reference = blobs.spill(ENV, INSTANCE, CONTENT)
    assert reference["size"] == len(CONTENT)
    assert blobs.is_reference(reference)
    assert blobs.fetch(reference, ENV, at_most=100) == CONTENT


def test_the_same_again_is_kept_once(place) -> None:
    assert blobs.spill(ENV, INSTANCE, CONTENT) == blobs.spill(ENV, INSTANCE, CONTENT)
    assert len(files(place)) == 1


def test_a_blob_that_was_left_half_written_is_written_again(place) -> None:
    reference = blobs.spill(ENV, INSTANCE, CONTENT)
    files(place)[0].write_bytes(b"{")
    with pytest.raises(BlobDamaged):
        blobs.fetch(reference, ENV, at_most=100)
    blobs.spill(ENV, INSTANCE, CONTENT)
    assert blobs.fetch(reference, ENV, at_most=100) == CONTENT


def test_another_environments_blob_is_not_there() -> None:
    with pytest.raises(BlobMissing):
        blobs.fetch(blobs.spill(ENV, INSTANCE, CONTENT), uuid7(), at_most=100)


@pytest.mark.parametrize("key", ["../../etc/passwd", f"blobs/{ENV}/../secret_key", "", None, 5, ["a"]])
def test_no_other_file_is_read(key) -> None:
    with pytest.raises(BlobMissing):
        blobs.fetch({"$blob": key}, ENV, at_most=100)


def test_what_is_larger_than_may_be_taken_back_is_refused() -> None:
    with pytest.raises(BlobTooLarge):
        blobs.fetch(blobs.spill(ENV, INSTANCE, CONTENT), ENV, at_most=len(CONTENT) - 1)


def test_the_blobs_of_an_instance_go_with_it(place) -> None:
    kept = blobs.spill(ENV, uuid7(), CONTENT)
    reference = blobs.spill(ENV, INSTANCE, CONTENT)
    blobs.spill(ENV, INSTANCE, b"[]")
    assert blobs.remove(ENV, INSTANCE) == 2
    assert blobs.remove(ENV, INSTANCE) == 0
    with pytest.raises(BlobMissing):
        blobs.fetch(reference, ENV, at_most=100)
    assert blobs.fetch(kept, ENV, at_most=100) == CONTENT


@pytest.mark.parametrize("value", [{"$blob": "x", "more": 1}, {"size": 3}, "$blob", None, []])
def test_other_json_is_no_reference(value) -> None:
    assert not blobs.is_reference(value)
