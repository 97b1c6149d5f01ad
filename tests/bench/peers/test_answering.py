"""A peer's end of the pipe."""

import io
import json
import sys

from bench.peers import answering


def test_each_line_is_answered_with_a_figure_or_an_error(monkeypatch, capsys):
    asked = [{"figure": "half", "given": {"of": 3}}, {"figure": "half", "given": {"of": "x"}}, {"figure": "no"}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(each) + "\n" for each in asked)))
    answering.answer({"half": lambda of: of / 2}, "a peer")
    ready, first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ready, first) == ({"ready": "a peer"}, {"value": 1.5})
    assert second["error"].startswith("TypeError")
    assert third == {"error": "KeyError: 'no'"}


def test_a_peer_that_can_not_start_says_why(capsys):
    answering.refuse("no server")
    assert json.loads(capsys.readouterr().out) == {"error": "no server"}
