"""What tests of the admin share."""

from tests.nowhere import no_redis

__all__ = ["no_redis"]
