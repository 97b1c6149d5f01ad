"""Grafana's boards: what an import needs, nothing unknown asked, nothing left out."""

import json
import re

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.workflows.ops.test_rules import KNOWN, metrics_of
from workflows.intake import exposition
from workflows.ops import boards, rules

RECORDED = {record.name: record.expr for record in rules.RECORDS}


def queries(board):
    return [expr for panel in board.panels for expr, _ in panel.queries]


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_a_board_asks_for_its_data_source_and_names_no_other(board):
    document = json.loads(boards.text(board))
    (variable,) = document["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    sources = re.findall(r'"uid": "(.*?)"', boards.text(board))
    assert set(sources) == {"${datasource}", document["uid"]}


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_grafanas_own_models_know_all_that_a_board_says(board):
    document = json.loads(boards.text(board))
    plugins.register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(document)))
    # A query for annotations is the data source's own, of which these models hold only a part.
    for each in document["annotations"]["list"]:
        del each["step"], each["textFormat"], each["titleFormat"]
    assert said(document) <= said(read)


def said(part, *path):
    """Return each value of a document with where it stands."""
    if isinstance(part, dict | list):
        parts = part.items() if isinstance(part, dict) else enumerate(part)
        return {(*path, "of", type(part).__name__)}.union(*(said(each, *path, name) for name, each in parts))
    return {(*path, part)}


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_panels_stand_side_by_side_and_never_on_each_other(board):
    document = json.loads(boards.text(board))
    taken = set()
    for place in (panel["gridPos"] for panel in document["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= boards.WIDTH
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_a_board_asks_only_for_metrics_that_are_there(board):
    for query in queries(board):
        assert metrics_of(query)
        assert metrics_of(query) <= KNOWN, query


def test_every_metric_is_on_some_board():
    shown = {name for board in boards.BOARDS for query in queries(board) for name in metrics_of(query)}
    behind = {name for recorded in shown & set(RECORDED) for name in metrics_of(RECORDED[recorded])}
    deeper = {name for recorded in behind & set(RECORDED) for name in metrics_of(RECORDED[recorded])}
    assert {meter.name for meter in exposition.TABLE} <= shown | behind | deeper


def test_a_number_turns_red_on_the_side_it_should():
    steps = {
        panel["title"]: [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        for panel in json.loads(boards.text(boards.OVERVIEW))["panels"]
    }
    assert (steps["Redis"], steps["Dead letters"], steps["Queued"]) == (["red", "green"], ["green", "red"], ["green"])
