"""What tests of the admin share."""

from tests.declared import actions
from tests.nowhere import no_redis

__all__ = ["actions", "no_redis"]
