"""The values that a line of steps sees; a change makes a new one and leaves the old as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Variables:
    """`base` is what expressions see by name; beside it stand `steps`, the results so far, and `loop`.

    `path` tells the iterations and branches that this line is in; `changes` are the members of `base` that it has set,
    and `results` the steps that it has done.
    """

    base: Mapping[str, Any]
    path: str = ""
    steps: Mapping[str, Any] = field(default_factory=dict)
    loop: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    def names(self) -> dict[str, Any]:
        """Return what an expression may name."""
        return {**self.base, "steps": self.steps, "loop": self.loop}

    def done(self, step: str, result: Any) -> "Variables":
        """Add a step's result."""
        return replace(self, steps={**self.steps, step: result}, results={**self.results, step: result})

    def set(self, values: Mapping[str, Any]) -> "Variables":
        """Set variables, as set_variables does."""
        return replace(self, base={**self.base, **values}, changes={**self.changes, **values})

    def line(self, place: str, loop: Mapping[str, Any]) -> "Variables":
        """Return what a line that starts here sees; of an inner loop also the names of the outer ones."""
        return replace(self, path=f"{self.path}{place}/", loop={**self.loop, **loop}, changes={}, results={})

    def joined(self, lines: "list[Variables]", *, results: bool) -> "Variables":
        """Take over what lines have set, in their order, so that the last wins; and their results if asked."""
        joined = self
        for each in lines:
            joined = joined.set(each.changes)
            if results:
                joined = replace(
                    joined, steps={**joined.steps, **each.results}, results={**joined.results, **each.results}
                )
        return joined
