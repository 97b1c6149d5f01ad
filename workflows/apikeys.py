"""The form of API keys."""

from rest_framework_api_key.crypto import KeyGenerator


class ApiKeyGenerator(KeyGenerator):
    """Makes keys of the form mo_<prefix>_<secret>."""

    def generate(self) -> tuple[str, str, str]:
        prefix = self.get_prefix()
        key = f"mo_{prefix}_{self.get_secret_key()}"
        return key, prefix, self.hash(key)
