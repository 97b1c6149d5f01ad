"""The API's description is valid, complete, and true of what the API answers."""

import re

import msgspec
import pytest
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from workflows.api import examples
from workflows.api.urls import urlpatterns


@pytest.fixture(scope="module")
def described():
    from django.test import Client

    return Client().get("/api/schema").json()


def validator(described, name: str) -> Draft202012Validator:
    registry = Registry().with_resource("urn:api", Resource(described, DRAFT202012))
    return Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)


def operations(described):
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_the_description_is_valid_openapi(described):
    assert described["openapi"].startswith("3.1")
    validate_schema(described)


def test_every_reference_leads_somewhere(described):
    for reference in set(references(described)):
        assert reference.rsplit("/", 1)[1] in described["components"]["schemas"], reference


def test_every_address_of_the_api_is_described(described):
    undescribed = {"api/schema", "api/docs", "^api/"}
    addresses = {str(pattern.pattern) for pattern in urlpatterns} - undescribed
    shown = {path.lstrip("/") for path in described["paths"]}
    assert {re.sub(r"<\w+:(\w+)>", r"{\1}", address) for address in addresses} == shown


def test_every_operation_tells_its_answers(described):
    for path, method, operation in operations(described):
        assert operation["operationId"], (path, method)
        if path == "/api/v1/hooks/{token}":
            assert not operation.get("security")
            assert not {"401", "403"} & set(operation["responses"])
        elif path.startswith("/api/"):
            assert {"401", "403", "503"} <= set(operation["responses"]), (path, method)
            assert operation["security"] == [{"bearer": []}]
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"]
            if status.startswith("4"):
                assert list(response["content"]) == ["application/problem+json"]


def test_every_example_fits_its_shape(described):
    checked = 0
    for _, _, operation in operations(described):
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for content in contents:
            for media in content.values():
                for example in media.get("examples", {}).values():
                    validator(described, media["schema"]["$ref"].rsplit("/", 1)[1]).validate(example["value"])
                    checked += 1
    assert checked == sum(len(each) for each in (*examples.BODIES.values(), *examples.ANSWERS.values()))


def test_what_the_api_answers_is_what_it_describes(described, smoothed):
    started, buffered = smoothed.trigger(payload={"a": 1}).json(), smoothed.trigger().json()
    assert buffered["status"] == "buffered"
    for instance in (started, buffered, smoothed.post(f"instances/{started['id']}/cancel").json()):
        validator(described, "Instance").validate(instance)
    for shape, path in (
        ("InstancePage", "instances"),
        ("EventPage", f"instances/{started['id']}/events"),
        ("Flags", "flags"),
        ("Buffer", "buffer"),
        ("Problem", "instances?limit=0"),
        ("SchedulePage", "schedules"),
        ("Problem", "nowhere"),
    ):
        validator(described, shape).validate(smoothed.get(path).json())
    faulty = smoothed.post("schedules", {"definition": "no-such-flow", "cron": "61 * * * *"}).json()
    validator(described, "Problem").validate(faulty)
    batch = {"triggers": [{"definition": "greet"}, {"definition": "no-such-flow"}]}
    validator(described, "BatchAnswer").validate(smoothed.post("triggers/batch", batch).json())
    assert msgspec.json.decode(smoothed.client.get("/healthz/ready").content)["status"] == "ok"


def test_the_docs_page_asks_only_this_host(client):
    page = client.get("/api/docs").content.decode()
    assert "swagger-ui" in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
