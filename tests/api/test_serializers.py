"""What bodies may hold follows from what the tables and the engine can."""

import msgspec

from workflows.api import serializers
from workflows.api.examples import STARTED
from workflows.models import Instance, RolloutMode
from workflows.models.definition import Definition
from workflows.states import Status


def limits(shape: type[msgspec.Struct], member: str) -> dict:
    schema = msgspec.json.schema_components([shape])[1][shape.__name__]["properties"][member]
    return next((each for each in schema.get("anyOf", []) if each.get("type") != "null"), schema)


def test_every_status_can_be_asked_for():
    assert set(limits(serializers.ListQuery, "status")["enum"]) == {"buffered", *(status.value for status in Status)}
    assert limits(serializers.Instance, "status")["enum"] == list(serializers.STATUSES.__args__)


def test_every_mode_can_be_sent():
    assert set(limits(serializers.FlagsRequest, "mode")["enum"]) == set(RolloutMode.values)


def test_texts_are_no_longer_than_their_columns():
    columns = {field.name: field for field in Instance._meta.get_fields()}
    sent = serializers.TriggerRequest
    assert limits(sent, "definition")["maxLength"] == Definition._meta.get_field("slug").max_length
    assert limits(sent, "idempotency_key")["maxLength"] == columns["idempotency_key"].max_length
    assert limits(sent, "tags")["items"]["maxLength"] == columns["tags"].base_field.max_length


def test_an_instance_is_decoded_from_its_example():
    decoded = msgspec.json.decode(msgspec.json.encode(STARTED), type=serializers.Instance)
    assert msgspec.to_builtins(decoded.id, builtin_types=()) is not None
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == STARTED
