"""Every metric of the service for one scrape."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from mollifier import metrics as mollifier_metrics
from workflows import metrics as workflows_metrics
from workflows.intake import refresher


class Service:
    """The whole service as one Prometheus collector; a source that is away says so and hides no other."""

    def collect(self) -> Iterator[Metric]:
        yield from mollifier_metrics.collect()
        yield from workflows_metrics.collect()
        yield workflows_metrics.directory_age(refresher.age_seconds())
