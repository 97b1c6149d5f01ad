"""The stress run, in a process of its own on the servers that its environment names; prints its parts as JSON.

Run as `python -m bench.chaos.run ROUNDS SEED SHARE [NAME...]`: each storm is played ROUNDS times, everything else once,
with a SHARE of its load. Progress goes to stderr.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import django
from tqdm import tqdm

if TYPE_CHECKING:
    from bench.chaos.crew import Crew
    from bench.chaos.report import Part

SUBMITTERS, RESUMERS = 2, 2
LANES = ((0, 1), (2, 3))
EVERYWHERE = ((0, 1, 2, 3), (0, 1, 2, 3))
UNFENCED = ("-m", "bench.chaos.unfenced")
CONTROLLED, CONTROL_RACES, FEW_RACES, CONTROL_PATIENCE = 20, 8, 6, 15.0


def main(rounds: str, seed: str, share: str, *names: str) -> None:
    django.setup()
    found = []
    with tqdm(file=sys.stderr, unit="part", disable=None) as bar:
        for part in parts(int(rounds), int(seed), float(share), frozenset(names)):
            found.append(part)
            bar.update()
            tqdm.write(f"{part.name}: {'good' if part.good else 'BAD'}, {part.seconds:.1f} s", file=sys.stderr)
    print(json.dumps([part.as_dict() for part in found]))


def parts(rounds: int, seed: int, share: float, names: frozenset[str] = frozenset()) -> Iterator["Part"]:
    """Play everything, or what is named, one part after the other."""
    from bench.chaos import conformance, crew, deaths  # noqa: PLC0415 - they import models

    chance = random.Random(seed)
    with crew.gathered(SUBMITTERS, RESUMERS) as everybody:
        yield from played(everybody, chance, rounds, share, names)
        trials: dict[str, Callable[[], Part]] = {
            "fences": lambda: conformance.tried(scaled(conformance.TRIES, share)),
            "kill": lambda: deaths.killed(scaled(deaths.AMID, share)),
            "crash_loop": lambda: deaths.crashed(scaled(deaths.NEIGHBOURS, share)),
            "control": lambda: control(everybody, chance, CONTROL_RACES if share >= 1 else FEW_RACES),
        }
        for name, trial in trials.items():
            if not names or name in names:
                yield trial()


def scaled(count: int, share: float) -> int:
    return max(5, round(count * share))


def played(
    everybody: "Crew", chance: random.Random, rounds: int, share: float, names: frozenset[str]
) -> Iterator["Part"]:
    """Play the scenarios once and the storms in rounds, with good pumps."""
    from bench.chaos import crew, deaths, scenarios  # noqa: PLC0415
    from bench.chaos.stage import Stage  # noqa: PLC0415

    wanted = [each for each in (*scenarios.SCENARIOS, *scenarios.STORMS * rounds) if not names or each.name in names]
    if not wanted:
        return
    with crew.pumping(*LANES) as pumps:
        deaths.wait_for(lambda: deaths.held(sum(map(len, LANES))))
        stage = Stage(everybody, pumps, chance)
        for scenario in wanted:
            yield stage.play(scenario.smaller(share))


def control(everybody: "Crew", chance: random.Random, races: int) -> "Part":
    """Play the race with two pumps without fences at every instance: a judge that sees nothing then is blind."""
    from bench.chaos import crew, scenarios  # noqa: PLC0415
    from bench.chaos.stage import Stage  # noqa: PLC0415

    race = scenarios.race(CONTROLLED, races, patience=CONTROL_PATIENCE)
    with crew.pumping(*EVERYWHERE, name="unfenced", command=UNFENCED):
        # What these pumps say is not looked at: they may say anything.
        part = Stage(everybody, (), chance).play(race)
    what = "the race, its fences and the reading of others' events off, two pumps at each instance: must be corrupted"
    return replace(part, name="control", what=what, wants_corruption=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
