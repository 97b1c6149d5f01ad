"""What the tests of declarative definitions share."""

from tests.declared import actions, forgotten, whole_context

__all__ = ["actions", "forgotten", "whole_context"]
