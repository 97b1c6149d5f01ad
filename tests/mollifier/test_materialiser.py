import inspect

import pytest

from mollifier.materialiser import Materialiser
from tests.mollifier.memory import MemoryMaterialiser
from workflows.intake.materialiser import InstanceMaterialiser

# What they must do is in tests/contracts/test_materialiser.py.


@pytest.mark.parametrize("implementation", [MemoryMaterialiser, InstanceMaterialiser])
@pytest.mark.parametrize("verb", ["materialise", "bury"])
def test_an_implementation_has_the_ports_verbs(implementation, verb):
    port = inspect.signature(getattr(Materialiser, verb))
    assert list(inspect.signature(getattr(implementation, verb)).parameters) == list(port.parameters)
