"""Coroutines that fork, race and end, over answers that the test gives by name."""

import asyncio

import pytest

from workflows.branches import Branches, Given, misused
from workflows.operations import ContextMisused, Disposed, Gather, Race


class Ask:
    """An operation; `answer` is there already when it is given."""

    def __init__(self, name, answer=None):
        self.name = name
        self.answer = answer

    def __await__(self):
        return (yield self)


class Stage:
    """Runs a coroutine and keeps what it waits for."""

    def __init__(self, coroutine):
        self.waiting = {}
        self.names = []
        self.branches = Branches(self._ask, self._drop)
        self.branches.start(coroutine)

    def _ask(self, branch, asked):
        if not isinstance(asked, Ask):
            return misused(asked)
        name = branch.name(asked.name)
        self.names.append(name)
        if asked.answer is not None:
            return asked.answer
        branch.awaits = name
        self.waiting[name] = branch
        return None

    def _drop(self, name):
        del self.waiting[name]

    def give(self, name, value=None, error=None):
        self.branches.resume(self.waiting.pop(name), Given(value, error))

    @property
    def ended(self):
        return self.branches.ended


async def cleaned(seen, name, *, by="free"):
    try:
        return await Ask(name)
    finally:
        await Ask(by)
        seen.append(f"{name} let go")


def test_a_gather_gives_all_results_in_the_order_asked():
    async def flow():
        return await Gather((Ask("a"), Ask("b"), Gather(())))

    stage = Stage(flow())
    assert stage.names == ["gather:1.0/a:1", "gather:1.1/b:1"]
    stage.give("gather:1.1/b:1", 2)
    stage.give("gather:1.0/a:1", 1)
    assert stage.ended == Given([1, 2, []])


def test_a_race_names_its_winner_and_forgets_the_bare_losers():
    async def flow():
        return await Race({"left": Ask("a"), "right": Ask("b")})

    stage = Stage(flow())
    assert stage.names == ["race:1.left/a:1", "race:1.right/b:1"]
    stage.give("race:1.right/b:1", 2)
    assert stage.ended == Given(("right", 2))
    assert stage.waiting == {}


def test_a_race_raises_what_its_first_branch_raised():
    async def flow():
        try:
            await Race({"left": Ask("a"), "right": Ask("b")})
        except ValueError as error:
            return str(error)

    stage = Stage(flow())
    stage.give("race:1.left/a:1", error=ValueError("no"))
    assert stage.ended == Given("no")


def test_a_losing_coroutine_may_await_in_finally_and_the_race_waits_for_it():
    seen = []

    async def flow():
        winner = await Race({"slow": cleaned(seen, "a"), "fast": Ask("b")})
        return [winner, list(seen)]

    stage = Stage(flow())
    stage.give("race:1.fast/b:1", "won")
    assert list(stage.waiting) == ["race:1.slow/free:1"]
    assert stage.ended is None
    stage.give("race:1.slow/free:1")
    assert stage.ended == Given([("fast", "won"), ["a let go"]])


def test_what_a_loser_raises_or_returns_while_it_cleans_up_is_not_used():
    async def stubborn(value):
        try:
            await Ask("a")
        except Disposed:
            if isinstance(value, Exception):
                raise value from None
            return value

    async def flow():
        return await Race({"x": stubborn(ValueError("late")), "y": stubborn("late"), "fast": Ask("b")})

    stage = Stage(flow())
    stage.give("race:1.fast/b:1", "won")
    assert stage.ended == Given(("fast", "won"))


def test_a_loser_that_forked_has_all_its_branches_disposed_of():
    seen = []

    async def forked():
        try:
            await Gather((Ask("a"), cleaned(seen, "c"), Race({"m": Ask("d"), "n": cleaned(seen, "e")})))
        finally:
            seen.append(await Gather((Ask("last"), Ask("words"))))

    async def flow():
        return await Race({"wide": forked(), "bare": Gather((Ask("x"), Ask("y"))), "fast": Ask("b")})

    stage = Stage(flow())
    stage.give("race:1.fast/b:1", "won")
    wide = "race:1.wide/gather:1."
    assert list(stage.waiting) == [f"{wide}1/free:1", f"{wide}2/race:1.n/free:1"]
    stage.give(f"{wide}2/race:1.n/free:1")
    stage.give(f"{wide}1/free:1")
    assert stage.ended is None
    stage.give("race:1.wide/gather:2.0/last:1", 1)
    stage.give("race:1.wide/gather:2.1/words:1", 2)
    assert seen == ["e let go", "c let go", [1, 2]]
    assert stage.ended == Given(("fast", "won"))


def test_a_race_that_is_decided_while_it_is_started_still_starts_and_disposes_of_the_others():
    seen = []

    async def flow():
        return await Race({"now": Ask("a", Given(1)), "later": cleaned(seen, "c", by="free"), "bare": Ask("d")})

    stage = Stage(flow())
    assert stage.names[:3] == ["race:1.now/a:1", "race:1.later/c:1", "race:1.bare/d:1"]
    stage.give("race:1.later/free:1")
    assert stage.ended == Given(("now", 1))


def test_a_loser_that_is_cleaning_up_is_not_disposed_of_twice():
    seen = []

    async def inner():
        return await Race({"slow": cleaned(seen, "a"), "fast": Ask("b")})

    async def flow():
        return await Race({"inner": inner(), "outer": Ask("c")})

    stage = Stage(flow())
    stage.give("race:1.inner/race:1.fast/b:1")
    stage.give("race:1.outer/c:1", "won")
    assert list(stage.waiting) == ["race:1.inner/race:1.slow/free:1"]
    stage.give("race:1.inner/race:1.slow/free:1")
    assert (seen, stage.ended) == (["a let go"], Given(("outer", "won")))


def test_a_failed_branch_of_a_gather_is_raised_when_all_have_ended():
    async def flow():
        await Gather((Ask("a"), Ask("b")))

    stage = Stage(flow())
    stage.give("gather:1.0/a:1", error=ValueError("first"))
    assert stage.ended is None
    stage.give("gather:1.1/b:1", error=ValueError("second"))
    assert str(stage.ended.error) == "first"


def test_what_a_context_does_not_give_is_refused_where_it_is_awaited():
    class Foreign:
        def __await__(self):
            yield "something"

    async def flow():
        with pytest.raises(ContextMisused, match="something"):
            await Foreign()
        return "went on"

    assert Stage(flow()).ended == Given("went on")


def test_closing_ends_every_coroutine_and_hides_what_its_finally_does():
    seen = []

    async def untidy():
        try:
            await Ask("a")
        finally:
            seen.append("closed")
            raise ValueError

    async def flow():
        await Gather((untidy(), cleaned(seen, "b")))

    Stage(flow()).branches.close()
    assert seen == ["closed"]


@pytest.mark.parametrize("raised", [asyncio.CancelledError, SystemExit, GeneratorExit, Disposed])
def test_whatever_the_code_raises_is_its_outcome(raised):
    async def flow():
        await Ask("a")
        raise raised

    stage = Stage(flow())
    stage.give("a:1")
    assert isinstance(stage.ended.error, raised)


def test_an_interrupt_is_not_the_codes():
    async def flow():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stage(flow())


def test_every_block_that_awaits_when_it_is_left_is_left_when_the_coroutines_are_closed():
    seen = []

    async def flow():
        try:
            try:
                await Ask("a")
            finally:
                seen.append("inner")
                await Ask("b")
        finally:
            seen.append("outer")
            await Ask("c")

    stage = Stage(flow())
    stage.branches.close()
    assert seen == ["inner", "outer"]
