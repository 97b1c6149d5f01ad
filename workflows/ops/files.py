"""Every file that monitoring is given, with its text; and the tables of docs/metrics.md."""

import re
from collections.abc import Iterable
from pathlib import Path

from workflows.intake import exposition
from workflows.ops import boards, rules

ROOT = Path(__file__).resolve().parents[2]
METRICS_PAGE = "docs/metrics.md"
MARKED = r"(<!-- {name} -->\n).*?(<!-- end -->)"


class PageUnmarked(Exception):
    """The page has no place for a table."""

    code = "page_unmarked"


def made(runbooks: str = rules.RUNBOOKS) -> dict[str, str]:
    """Return the files below `ops/`, by path; alerts name their runbooks below `runbooks`."""
    return {
        "ops/prometheus/rules.yml": rules.rules(runbooks),
        "ops/prometheus/rules_test.yml": rules.unit_tests(runbooks),
        **{f"ops/grafana/{board.name}.json": boards.text(board) for board in boards.BOARDS},
    }


def everything(runbooks: str = rules.RUNBOOKS) -> dict[str, str]:
    """Return all that is generated in this repository, the tables of docs/metrics.md among it."""
    return {**made(runbooks), METRICS_PAGE: page((ROOT / METRICS_PAGE).read_text())}


def page(text: str) -> str:
    """Return docs/metrics.md with its tables as they are to be.

    Raises:
        PageUnmarked: the place of one is not marked.
    """
    for name, table in (("metrics", metrics_table()), ("alerts", alerts_table())):
        found = re.search(MARKED.format(name=name), text, re.DOTALL)
        if found is None:
            raise PageUnmarked(f"{METRICS_PAGE} needs `<!-- {name} -->` and `<!-- end -->` after it")
        filled = "\n".join([found[1], *table, "", found[2]])
        text = text[: found.start()] + filled + text[found.end() :]
    return text


def metrics_table() -> Iterable[str]:
    yield "| metric | labels | what it tells |"
    yield "|---|---|---|"
    for meter in exposition.TABLE:
        yield f"| `{meter.name}` | {', '.join(meter.labels)} | {meter.help} |"


def alerts_table() -> Iterable[str]:
    yield "| alert | severity | when | for |"
    yield "|---|---|---|---|"
    for alert in rules.ALERTS:
        linked = f"[{alert.name}](runbooks/{alert.name}.md)"
        yield f"| {linked} | {alert.severity.value} | {alert.summary_of_any} | {alert.hold} |"
