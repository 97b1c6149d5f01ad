"""Scenarios are what the design asks for, and may be had smaller."""

from collections import Counter

from bench.chaos import scenarios
from bench.chaos.scenarios import SCENARIOS, STORMS, Scenario, Send

BY_NAME = {each.name: each for each in (*SCENARIOS, *STORMS)}


def test_the_six_scenarios_have_the_numbers_of_the_design():
    assert len(BY_NAME["concurrent"].sends) == 50
    assert {send.at for send in BY_NAME["concurrent"].sends} == {0}
    assert set(Counter(send.at for send in BY_NAME["sustained"].sends).values()) == {5}
    assert sorted({send.at for send in BY_NAME["sustained"].sends})[:3] == [0, 2, 4]
    assert [send.payload for send in BY_NAME["payloads"].sends] == [{"fill": 500_000}] * 10
    assert [send.payload for send in BY_NAME["loops"].sends] == [{"n": 50}] * 10
    assert len({send.definition for send in BY_NAME["six"].sends}) == len(BY_NAME["six"].sends) == 6
    (most, count), *_ = Counter(send.definition for send in BY_NAME["one_against"].sends).most_common()
    assert (most, count) == ("chaos-loop", 32)


def test_the_race_has_the_numbers_of_the_design():
    race = BY_NAME["race"]
    assert len(race.sends) == 200
    assert race.sends[0].payload == {"iterations": 8, "sleep": 0.5, "pause": 0.1}
    assert race.resuming is not None
    assert race.resuming.burst == 10
    assert BY_NAME["step_storm"].sends[0].payload == {"rounds": 6, "branches": 8}


def test_resumes_of_the_hook_storm_straddle_its_watchdog():
    storm = BY_NAME["hook_storm"]
    assert storm.resuming is not None
    assert storm.resuming.earliest < storm.sends[0].payload["sleep"] < storm.resuming.latest


def test_a_smaller_one_keeps_one_of_each_definition():
    whole = Scenario("s", "", tuple(Send(0, name, {}) for name in "aaaaaaaabc"))
    assert [send.definition for send in whole.smaller(0.2).sends] == ["a", "a", "b", "c"]
    assert whole.smaller(1) is whole


def test_sends_are_dealt_to_every_hand():
    sends = [Send(number, "a", {}) for number in range(5)]
    assert [[send.at for send in hand] for hand in scenarios.dealt(sends, 2)] == [[0, 2, 4], [1, 3]]
