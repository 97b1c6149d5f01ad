from mollifier import names


class Shouting:
    """What NAMES names in a test."""

    def org(self, said: str) -> str:
        return said.upper()


def test_without_names_ids_are_all_there_is(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "NAMES": ""}
    known = names.current()
    assert (known.org("acme"), known.env("acme", "production"), known.of_orgs(["acme"])) == ("acme", "production", {})


def test_the_host_says_who_knows_them(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "NAMES": "tests.mollifier.test_names.Shouting"}
    assert names.current().org("acme") == "ACME"
