"""bin/bench stress: has the stress run play on servers of its own, shows what it found and keeps it."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench import ground
from launch import environment, manage
from launch.process import LaunchError

NAME = "stress"
# A lease that lets a takeover be seen.
VARIABLES = {"WORKFLOWS_LEASE_MS": "2000", "WORKFLOWS_HEARTBEAT_MS": "500"}
PARTS = (
    *("concurrent", "sustained", "payloads", "loops", "six", "one_against"),
    *("race", "step_storm", "hook_storm", "wake_loop"),
    *("fences", "kill", "crash_loop", "control"),
)
BASE_SECONDS, ROUND_SECONDS = 600.0, 300.0
BAD = 3


def run(rounds: int, seed: int, names: Sequence[str] = (), *, as_json: bool) -> int:
    """Play everything or what is named, print and keep it; return 3 when something did not hold.

    Raises:
        LaunchError: the run itself broke, or took longer than its bound.
    """
    print(f"bin/bench stress --rounds {rounds} --seed {seed}", file=sys.stderr)
    parts = play(rounds, seed, 1.0, names)
    good = all(part["good"] for part in parts)
    found = json.dumps({"id": NAME, "rounds": rounds, "seed": seed, "good": good, "parts": parts})
    kept = manage.data_path() / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{NAME}.json").write_text(found + "\n")
    print(found if as_json else "\n".join(lines(parts)))
    return 0 if good else BAD


def play(rounds: int, seed: int, share: float, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Play on servers of its own, in a process of its own; return the parts as JSON has them."""
    command = [sys.executable, "-m", "bench.chaos.run", str(rounds), str(seed), str(share), *names]
    bound = BASE_SECONDS + rounds * ROUND_SECONDS
    with ground.environment_of_own(**VARIABLES) as variables:
        try:
            ran = subprocess.run(
                command, cwd=environment.ROOT, env=variables, stdout=subprocess.PIPE, check=True, timeout=bound
            )
        except subprocess.CalledProcessError as error:
            raise LaunchError(f"the stress run failed with {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise LaunchError(f"the stress run took longer than {bound:.0f} s") from None
    found: list[dict[str, Any]] = json.loads(ran.stdout.splitlines()[-1])
    return found


def lines(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every part for people, and the verdict."""
    shown = [line for part in parts for line in part_lines(part)]
    bad = sum(not part["good"] for part in parts)
    return [*shown, f"{len(parts)} parts, {bad} bad" if bad else f"{len(parts)} parts, all good"]


def part_lines(part: Mapping[str, Any]) -> list[str]:
    """Return one part for people."""
    indent = " " * 20
    verdict = "good" if part["good"] else "BAD"
    ended = ", ".join(f"{part[word]} {word}" for word in ("failed", "stuck", "corrupted"))
    counts = f"{part['completed']} of {part['started']} completed, {ended}"
    made = [f"{part['name']:<14}{verdict:<6}{counts}, {part['seconds']:.1f} s: {part['what']}"]
    if part["shards"]:
        taken = [f"{shard}: {lane['p50']:.2f}/{lane['longest']:.2f}" for shard, lane in part["shards"].items()]
        made.append(f"{indent}seconds p50/longest by shard: {', '.join(taken)}")
    if part["seen"]:
        made.append(indent + ", ".join(f"{name} {count:g}" for name, count in part["seen"].items()))
    if part["faults"]:
        made.append(f"{indent}faults: {', '.join(f'{code} {count}' for code, count in part['faults'].items())}")
    return made + [indent + each for each in (*part["examples"], *part["unexpected"])]
