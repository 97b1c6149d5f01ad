"""What is handed to pumps is all they ask for."""

from workflows.intake import outside
from workflows.pump.outside import Outside


def test_everything_a_pump_asks_for_is_there():
    asked: Outside = outside
    assert all(callable(getattr(asked, name)) for name in ("learn", "place", "relay"))
