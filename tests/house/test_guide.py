"""The examples of the guide to workflows, registered and run by real pumps, and what they say compared."""

import dataclasses
import re
import signal
from collections.abc import Iterator

import pytest

from tests.house import chapter
from tests.house.chapter import Block, Reader
from tests.house.test_docs import ROOT
from tests.tenants import make_env
from workflows import conf


@pytest.fixture
def reader(own_workflows: None) -> Iterator[Reader]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Reader(make_env(mode="off"))
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("title", chapter.chapters())
def test_every_example_of_a_chapter_does_what_it_says(reader: Reader, title: str) -> None:
    text = chapter.chapters()[title]
    assert reader.read(text) == text.count("\n```") // 2 + text.count("<!--")


def test_no_fence_of_the_guide_stands_outside_of_what_is_run() -> None:
    fences = chapter.PAGE.read_text().count("\n```")
    run = sum(text.count("\n```") for text in chapter.chapters().values())
    assert fences == run + 2


@pytest.mark.django_db(transaction=True)
def test_the_workflow_of_the_readme_charges_and_then_sleeps(reader: Reader) -> None:
    (example,) = [each for each in chapter.blocks((ROOT / "README.md").read_text()) if each.kind == "python"]
    reader.run(example)
    reader.run(Block("python", "", 'from workflows import submit\nsubmit("checkout", {"total": 12}, env=env)'))
    with reader.pumps:
        reader.start_pumps()
        log = ["created", "started", "step_completed step:charge:1", "wait_created wait:sleep:1"]
        reader.look_at_log(Block("text", "", "\n".join(log)))


def test_every_setting_that_the_guide_names_is_one() -> None:
    named = set(re.findall(r"WORKFLOWS_(\w+)", chapter.PAGE.read_text()))
    assert named
    assert named <= {field.name.upper() for field in dataclasses.fields(conf.Conf)}
