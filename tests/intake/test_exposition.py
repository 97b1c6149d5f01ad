"""One scrape holds the mollifier, the engine and this process."""

import pytest

from mollifier import gate
from mollifier import metrics as mollifier_metrics
from tests.mollifier.makers import arrival
from workflows import metrics as workflows_metrics
from workflows.intake import exposition, refresher
from workflows.models import Shard


@pytest.mark.django_db
def test_a_scrape_holds_every_source_once():
    names = [metric.name for metric in exposition.Service().collect()]
    assert len(names) == len(set(names))
    assert {name.removesuffix("_total") for name in workflows_metrics.TABLE} <= set(names)
    assert {"mollifier_up", "mollifier_buffer_entries"} <= set(names) & set(mollifier_metrics.TABLE)


@pytest.mark.django_db
def test_the_age_of_the_directory_is_this_process_own():
    refresher.refresh()
    age = next(each for each in exposition.Service().collect() if each.name == "workflows_directory_age_seconds")
    assert 0 <= age.samples[0].value < 60


@pytest.mark.django_db
def test_the_table_names_the_labels_that_a_scrape_shows():
    Shard.objects.get_or_create(index=0)
    gate.admit(arrival())
    tabled = {meter.name: set(meter.labels) - {"le"} for meter in exposition.TABLE}
    assert len(tabled) == len(exposition.TABLE)
    shown = {}
    for metric in exposition.Service().collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        assert metric.documentation == next(meter.help for meter in exposition.TABLE if meter.name == name)
        for sample in metric.samples:
            shown.setdefault(name, set()).update(set(sample.labels) - {"le"})
    assert {name: tabled[name] for name in shown} == shown
    assert set(tabled) - set(shown) <= {"mollifier_drain_total", "mollifier_mirrored_total"}, "nothing was drained here"
