"""How fences are taken out of a process; that it corrupts is shown by the control of bench/chaos/run.py."""

import subprocess
import sys

import pytest

from bench.chaos import unfenced
from bench.chaos.unfenced import NotUnfenced

LOOK = """
import django; django.setup()
from bench.chaos import unfenced
unfenced.take_fences_out()
from workflows import statements
from workflows.pump import claims, leases
said = [statements.append("", plain=plain) for plain in (True, False)] + [claims.CLAIM, leases.ACQUIRE]
fences = ("lost_ownership", "i.tail <>", unfenced.READY, unfenced.OWNER_ONLY)
print(sum(fence in text for text in said for fence in fences))
"""


@pytest.mark.processes
@pytest.mark.usefixtures("for_processes")
def test_no_fence_is_left_in_a_process_that_asked_for_it():
    ran = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"


def test_a_statement_that_has_changed_is_an_error():
    assert unfenced.without("a AND b", " AND b") == "a"
    with pytest.raises(NotUnfenced):
        unfenced.without("a", " AND b")
