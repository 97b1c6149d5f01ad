"""The examples of the API's page, sent in their order."""

import re
from pathlib import Path

import pytest
from django.test import Client

from tests.tenants import make_env
from workflows.intake import refresher
from workflows.models import ApiKey
from workflows.scopes import EVERY_SCOPE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(
    r"```http (?P<status>\d+)\n(?P<method>[A-Z]+) (?P<path>\S+)\n"
    r"(?:If-Match: (?P<match>\S+)\n)?(?:\n(?P<body>.+?)\n)?```",
    re.DOTALL,
)


@pytest.mark.django_db(transaction=True)
def test_every_example_is_answered_with_the_status_it_names(client: Client) -> None:
    page = PAGE.read_text()
    examples = list(EXAMPLE.finditer(page))
    assert len(examples) == page.count("```http")

    env = make_env(mode="off")
    _, key = ApiKey.objects.create_key(name="examples", env=env, scopes=EVERY_SCOPE)
    refresher.refresh()
    known = {"{id}": "", "{version}": ""}
    for example in examples:
        path, match = (fill(example[part] or "", known) for part in ("path", "match"))
        headers = {"Authorization": f"Bearer {key}"} | ({"If-Match": match} if match else {})
        body = example["body"] or ""
        answer = client.generic(example["method"], path, body, "application/json", headers=headers)
        assert answer.status_code == int(example["status"]), f"{example['method']} {path}: {answer.content!r}"
        if answer["Content-Type"] == "application/json":
            said = answer.json()
            known["{id}"] = str(said.get("id", known["{id}"]))
            known["{version}"] = str(said.get("version", known["{version}"]))


def fill(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(name, value)
    return text
