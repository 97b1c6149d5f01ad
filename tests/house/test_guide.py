"""The examples of the guide to workflows, registered and run by real pumps, and what they say compared."""

import pytest

from tests.house import chapter
from tests.house.chapter import Reader
from tests.tenants import make_env
from workflows import registry


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(registry, "_known", dict(registry._known))
    monkeypatch.setattr(registry, "_latest", dict(registry._latest))
    return Reader(make_env(mode="off"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("title", chapter.chapters())
def test_every_example_of_a_chapter_does_what_it_says(reader: Reader, title: str) -> None:
    text = chapter.chapters()[title]
    assert reader.read(text) == text.count("\n```") // 2 + text.count("<!--")


def test_no_fence_of_the_guide_stands_outside_of_what_is_run() -> None:
    fences = chapter.PAGE.read_text().count("\n```")
    run = sum(text.count("\n```") for text in chapter.chapters().values())
    assert fences == run + 2
