"""What the tests of declarative definitions share."""

from tests.declared import actions, forgotten

__all__ = ["actions", "forgotten"]
