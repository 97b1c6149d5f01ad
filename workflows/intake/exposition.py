"""Every metric of the service: the one table of them, and all of them for one scrape."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric

from mollifier import metrics as mollifier_metrics
from workflows import metrics as workflows_metrics
from workflows.intake import refresher


@dataclass(frozen=True, slots=True)
class Meter:
    """One metric as it is told of: in docs, in rules, on boards."""

    name: str
    help: str
    labels: tuple[str, ...]


TABLE = tuple(
    Meter(name, text, source.LABELS.get(name, ()))
    for source in (mollifier_metrics, workflows_metrics)
    for name, text in source.TABLE.items()
)


class Service:
    """The whole service as one Prometheus collector; a source that is away says so and hides no other."""

    def collect(self) -> Iterator[Metric]:
        yield from mollifier_metrics.collect()
        yield from workflows_metrics.collect()
        yield workflows_metrics.directory_age(refresher.age_seconds())
