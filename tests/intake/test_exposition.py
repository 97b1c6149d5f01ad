"""One scrape holds the mollifier, the engine and this process."""

import pytest

from mollifier import metrics as mollifier_metrics
from workflows import metrics as workflows_metrics
from workflows.intake import exposition, refresher


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
