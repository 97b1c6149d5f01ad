import threading

from mollifier.entry import Claim
from mollifier.flights import Flight, Flights
from tests.mollifier.makers import ACME
from tests.mollifier.test_batch import make_entry


def test_a_flight_that_was_given_up_holds_its_lease_no_longer_but_hangs():
    flights, flight = Flights(), Flight(Claim("t", ()))
    flights.add(flight)
    assert (flights.all(), flights.hung()) == ([flight], 0)
    flight.given_up = True
    assert (flights.all(), flights.hung()) == ([], 1)
    assert flights.hangs(threading.current_thread())
    flights.remove(flight)
    assert (flights.hung(), flights.hangs(threading.current_thread())) == (0, False)


def test_it_knows_how_many_lanes_were_replaced():
    flights = Flights()
    for token in "abc":
        flights.add(Flight(Claim(token, ()), replaced=token != "a"))
    assert flights.replaced() == 2


def test_an_org_is_late_as_long_as_its_batch_is():
    flights, flight = Flights(), Flight(Claim("t", (make_entry(),)))
    flights.add(flight)
    assert not flights.is_late(ACME.org)
    flight.late = flight.given_up = True
    assert (flights.is_late(ACME.org), flights.is_late("other")) == (True, False)
    flights.remove(flight)
    assert not flights.is_late(ACME.org)


def test_its_age_is_in_milliseconds():
    assert Flight(Claim("t", ()), since=10.0).age_ms(10.5) == 500
