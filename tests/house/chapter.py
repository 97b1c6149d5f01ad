"""A chapter of the guide to workflows, run as a reader would: its code registered, its triggers run by real pumps.

What a fence says after the language is what is done with it:

- ``python``: the module of the reader's workflows; ``python run``: what a reader does with them, with `env` given;
  ``python test``: tests, all of which are called.
- ``json output [name]``, ``json error [name]``: how the latest instance ended, or the one that a variable holds.
- ``text log [name]``: the types and correlation ids of its log, up to where it stands.
- ``http STATUS``: a request, and the status of its answer; ``json answer``: what the body of that has, at once or soon.
- ``sh manage``: commands of bin/manage.
- ``<!-- deploy -->``: the pumps are stopped, and started again.

``{id}``, ``{token}`` and ``{seq}`` in them stand for those of the latest instance.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.test import Client

from tests.waiting import until
from tests.workflows.making import log_of, row
from tests.workflows.pumping import running
from workflows import conf, hooks
from workflows.intake import refresher
from workflows.models import ApiKey, Environment, Instance
from workflows.scopes import EVERY_SCOPE
from workflows.states import FINISHED, Status

PAGE = Path(__file__).resolve().parents[2] / "docs" / "workflows.md"
BLOCK = re.compile(r"^```(?P<info>\w[^\n]*)\n(?P<text>.*?)^```$|^<!-- (?P<remark>\w+) -->$", re.DOTALL | re.MULTILINE)
REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<path>\S+)\n(?:If-Match: (?P<match>\S+)\n)?(?:\n(?P<body>.+))?", re.DOTALL)
PLACES = re.compile(r"\{(id|seq|token)\}")


@dataclass(frozen=True, slots=True)
class Block:
    """One fence, or a remark."""

    kind: str
    argument: str
    text: str


def blocks(markdown: str) -> Iterator[Block]:
    for found in BLOCK.finditer(markdown):
        if found["remark"]:
            yield Block(found["remark"], "", "")
            continue
        language, _, rest = found["info"].partition(" ")
        what, _, argument = rest.partition(" ")
        kind, argument = ("http", what) if language == "http" else (f"{language} {what}".strip(), argument)
        yield Block(kind, argument, found["text"])


def chapters() -> dict[str, str]:
    """Return the text of each chapter that shows something, by its title."""
    _, *parts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    return {title: text for title, _, text in (part.partition("\n") for part in parts) if "```" in text}


def prelude() -> str:
    """Return the imports that stand before the chapters."""
    return next(blocks(PAGE.read_text())).text


class Reader:
    """Whoever tries a chapter out, in an environment of theirs."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        _, self.key = ApiKey.objects.create_key(name="reader", env=env, scopes=EVERY_SCOPE)
        refresher.refresh()
        self.module = ModuleType("shop.flows").__dict__ | {"env": env}
        self.sent: re.Match[str]
        self.answer: Any = None
        self.pumps = ExitStack()

    def read(self, chapter: str) -> int:
        """Do what the chapter shows, in its order; return how many blocks that were."""
        exec(compile(prelude(), "prelude", "exec"), self.module)
        done = 0
        with ExitStack() as self.pumps:
            self.start_pumps()
            for block in blocks(chapter):
                self.acts()[block.kind](block)
                done += 1
        return done

    def acts(self) -> dict[str, Callable[[Block], None]]:
        return {
            "python": self.run,
            "python run": self.run,
            "python test": self.test,
            "json output": self.look_at_output,
            "json error": self.look_at_error,
            "json answer": self.look_at_answer,
            "text log": self.look_at_log,
            "http": self.send,
            "sh manage": self.manage,
            "deploy": self.deploy,
        }

    def start_pumps(self) -> None:
        for shard in range(conf.current().shards):
            self.pumps.enter_context(running(shard))

    def deploy(self, _block: Block) -> None:
        self.pumps.close()
        self.start_pumps()

    def run(self, block: Block) -> None:
        exec(compile(block.text, block.kind, "exec"), self.module)

    def test(self, block: Block) -> None:
        before = set(self.module)
        self.run(block)
        tests = [each for name, each in self.module.items() if name.startswith("test_") and name not in before]
        assert tests
        # They run the pumps themselves.
        self.pumps.close()
        for test in tests:
            test(**{name: self.module[name] for name in test.__code__.co_varnames[: test.__code__.co_argcount]})

    def subject(self, block: Block) -> UUID:
        """Return the instance that a variable of that name holds, else the latest that nobody has as a child."""
        if block.argument:
            found: UUID = self.module[block.argument].instance.id
            return found
        return Instance.objects.filter(env=self.env, parent_id=None).order_by("-id").values_list("id", flat=True)[0]

    def finished(self, id_: UUID) -> Instance:
        until(lambda: row(id_).status in FINISHED)
        return row(id_)

    def look_at_output(self, block: Block) -> None:
        ended = self.finished(self.subject(block))
        assert ended.status == Status.COMPLETED, f"{ended.error_code}: {ended.error_message}"
        seen = self.client().get(f"/api/v1/instances/{ended.id}").json()["output"]
        assert seen == json.loads(self.filled(block.text, ended.id))

    def look_at_error(self, block: Block) -> None:
        ended = self.finished(self.subject(block))
        assert ended.status in FINISHED - {Status.COMPLETED}
        assert json.loads(block.text) == {"code": ended.error_code, "message": ended.error_message}

    def look_at_log(self, block: Block) -> None:
        id_, shown = self.subject(block), [line.split() for line in block.text.splitlines()]
        until(lambda: row(id_).status in FINISHED or len(log_of(id_)) >= len(shown))
        assert [f"{type_} {name}".split() for _, type_, name in log_of(id_)] == shown

    def send(self, block: Block) -> None:
        found = REQUEST.fullmatch(self.filled(block.text))
        assert found, block.text
        self.sent = found
        self.answer = self.send_again()
        assert self.answer.status_code == int(block.argument), self.answer.content

    def send_again(self) -> Any:
        extra = {"If-Match": self.sent["match"]} if self.sent["match"] else {}
        given = (self.sent["body"] or "", "application/json")
        return self.client().generic(self.sent["method"], self.sent["path"], *given, headers=extra)

    def look_at_answer(self, block: Block) -> None:
        """Compare what is shown; what is read is read again until it has come to that."""
        shown = json.loads(self.filled(block.text))
        if self.sent["method"] == "GET":
            until(lambda: agrees(shown, self.send_again().json()))
        else:
            assert agrees(shown, self.answer.json()), self.answer.content

    def manage(self, block: Block) -> None:
        for line in self.filled(block.text).splitlines():
            script, *arguments = shlex.split(line, comments=True)
            assert script == "bin/manage"
            call_command(*arguments)
        # Every process hears of a change within two seconds; tests say when.
        refresher.refresh()

    def client(self) -> Client:
        return Client(headers={"Authorization": f"Bearer {self.key}"})

    def filled(self, text: str, id_: UUID | None = None) -> str:
        """Put in what only this run can know; a hook is waited for."""
        if not PLACES.search(text):
            return text
        known = id_ or self.subject(Block("", "", ""))
        text = text.replace("{id}", str(known)).replace("{seq}", str(row(known).last_seq))
        if "{token}" in text:
            until(lambda: hooks.open_of(known))
            text = text.replace("{token}", hooks.open_of(known)[0].token)
        return text


def agrees(shown: Any, seen: Any) -> bool:
    """Say whether everything that is shown is there; objects may have more members."""
    if isinstance(shown, dict):
        return all(name in seen and agrees(value, seen[name]) for name, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(seen) and all(agrees(*pair) for pair in zip(shown, seen, strict=True))
    return bool(shown == seen)
