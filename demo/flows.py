"""Workflows to try the service with, and to load it."""

import posixpath
from collections import Counter
from typing import Any

from workflows import step, workflow

Json = dict[str, Any]

DOCS = {".md", ".rst", ".txt", ".adoc"}
CONFIGURATION = {".toml", ".cfg", ".ini", ".yml", ".yaml", ".json", ".lock"}
TESTS = {"test", "tests", "testing"}


@step
def do_nothing(number: int) -> int:
    return number


@step(retries=3)
def classify(commit: Json) -> Json:
    """Say what kind of change a commit is, and how large.

    `files` may be a count or a list of paths; with paths the kind of most of them is the kind of the change.
    """
    files, added, removed = commit.get("files", 0), int(commit.get("added", 0)), int(commit.get("removed", 0))
    count = len(files) if isinstance(files, list) else int(files)
    kind = _kind_by_paths(files) if isinstance(files, list) and files else _kind_by_lines(added, removed)
    return {"kind": kind, "size": _size(count, added + removed)}


@step(retries=3)
def record(commit: Json, verdict: Json) -> Json:
    """Keep the result: which commit, what it was, and who should look at it."""
    attention = "two reviewers" if verdict["size"] == "large" else "one reviewer"
    return {"repo": commit.get("repo"), "sha": commit.get("sha"), **verdict, "needs": attention}


@workflow("noop")
async def noop(_ctx: Any, payload: Any) -> Any:
    return payload


@workflow("steps")
async def steps(ctx: Any, payload: Json) -> Json:
    """Run n steps, one after another."""
    for number in range(int(payload["n"])):
        await ctx.step(do_nothing, number)
    return {"steps": int(payload["n"])}


@workflow("fan_out")
async def fan_out(ctx: Any, payload: Json) -> Json:
    """Run n steps at once."""
    results = await ctx.gather(*(ctx.step(do_nothing, number) for number in range(int(payload["n"]))))
    return {"sum": sum(results)}


@workflow("nap")
async def nap(ctx: Any, payload: Json) -> Json:
    """Sleep durably."""
    await ctx.sleep(seconds=float(payload["seconds"]))
    return {"slept": float(payload["seconds"])}


@workflow("approval")
async def approval(ctx: Any, payload: Json) -> Json:
    """Wait for an answer through the hook `approval`, for so many seconds at most."""
    name, answer = await ctx.race(answered=ctx.hook("approval"), late=ctx.sleep(seconds=float(payload["seconds"])))
    return {"answered": name == "answered", "answer": answer}


@workflow("review")
async def review(ctx: Any, commit: Json) -> Json:
    """Review a commit: classify the change, sleep a moment, record the result."""
    verdict = await ctx.step(classify, commit)
    await ctx.sleep(seconds=0.05)
    return await ctx.step(record, commit, verdict)  # type: ignore[no-any-return]


def _kind_by_paths(paths: list[str]) -> str:
    return Counter(_kind_of(path) for path in paths).most_common(1)[0][0]


def _kind_of(path: str) -> str:
    if TESTS & set(path.split("/")) or posixpath.basename(path).startswith("test_"):
        return "tests"
    extension = posixpath.splitext(path)[1].lower()
    if extension in DOCS:
        return "docs"
    return "configuration" if extension in CONFIGURATION else "code"


def _kind_by_lines(added: int, removed: int) -> str:
    if added + removed == 0:
        return "empty"
    if removed > 2 * added:
        return "removal"
    return "addition" if added > 2 * removed else "change"


def _size(files: int, lines: int) -> str:
    if files > 20 or lines > 500:
        return "large"
    return "medium" if files > 5 or lines > 50 else "small"
