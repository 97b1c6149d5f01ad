"""bin/bench cascade: has loops of events play on servers of its own, shows what held and keeps it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench import ground, result
from launch import environment, manage
from launch.process import LaunchError

NAME = "cascade"
RATE, SECONDS, LIMIT = 500.0, 60.0, 50
# The damper is what holds, so the depth limit must not; and a lease that a busy machine keeps.
VARIABLES = {"WORKFLOWS_MAX_DEPTH": "10000", "WORKFLOWS_LEASE_MS": "10000"}
# Beside the phases: starting, spreading, ending, each of which has its own patience.
BASE_SECONDS, SHARE = 600.0, 4.0
BAD = 3


def run(rate: float, seconds: float, *, as_json: bool) -> int:
    """Play it, print and keep it; return 3 when something did not hold.

    Raises:
        LaunchError: the run itself broke, or took longer than its bound.
    """
    print(f"bin/bench {NAME} --rate {rate:g} --seconds {seconds:g}", file=sys.stderr)
    asked = {"id": NAME, "rate": rate, "seconds": seconds, "limit": LIMIT, "machine": result.machine()}
    found = {**asked, **play(rate, seconds, LIMIT)}
    kept = manage.data_path() / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{NAME}.json").write_text(json.dumps(found) + "\n")
    print(json.dumps(found) if as_json else "\n".join(lines(found)))
    return 0 if found["good"] else BAD


def play(rate: float, seconds: float, limit: int) -> dict[str, Any]:
    """Play on servers of its own, in a process of its own; return what it found as JSON has it."""
    command = [sys.executable, "-m", "bench.chaos.cascade", str(rate), str(seconds), str(limit)]
    bound = BASE_SECONDS + SHARE * seconds
    with ground.environment_of_own(**VARIABLES) as variables:
        try:
            ran = subprocess.run(
                command, cwd=environment.ROOT, env=variables, stdout=subprocess.PIPE, check=True, timeout=bound
            )
        except subprocess.CalledProcessError as error:
            raise LaunchError(f"the cascade failed with {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise LaunchError(f"the cascade took longer than {bound:.0f} s") from None
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield every check for people, what others waited, and the verdict."""
    for check in found["checks"]:
        verdict = {None: "", True: "held", False: "BROKEN"}[check["held"]]
        yield f"{check['name']:<18}{check['ours']:>12,g}  {check['bound'] or '-':<10}{verdict:<8}{check['what']}"
    for name, figures in found["others"].items():
        yield f"others {name}: {', '.join(f'{figure} {value:,g}' for figure, value in figures.items())}"
    for name, phase in found["seen"].items():
        told = {word: sum(each.get(word, 0) for each in phase.get("outcomes", {}).values()) for word in words(phase)}
        counts = {"events": phase["events"], "latest_seconds": phase["latest_seconds"], **told}
        yield f"{name}: {', '.join(f'{word} {count:,g}' for word, count in counts.items())}"
    yield from found["errors"]
    broken = sum(check["held"] is False for check in found["checks"])
    yield f"{len(found['checks'])} checks, {broken} broken" if broken else f"{len(found['checks'])} checks, all held"


def words(phase: Mapping[str, Any]) -> list[str]:
    return sorted({word for outcomes in phase.get("outcomes", {}).values() for word in outcomes})
