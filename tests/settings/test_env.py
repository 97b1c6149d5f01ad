"""Reading the environment: nothing unclear is taken."""

import pytest

from settings import env


@pytest.mark.parametrize(("word", "value"), [("1", True), ("Yes", True), ("off", False), ("false", False), ("", False)])
def test_a_flag_is_read_as_people_write_it(monkeypatch, word, value):
    monkeypatch.setenv("LAMP", word)
    assert env.flag("LAMP", default=not value) is value


def test_an_unclear_flag_is_refused(monkeypatch):
    monkeypatch.setenv("LAMP", "maybe")
    with pytest.raises(env.EnvironmentInvalidError, match="LAMP='maybe' is neither yes nor no"):
        env.flag("LAMP", default=True)


def test_a_word_that_is_no_choice_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv("COLOUR", " red")
    assert env.choice("COLOUR", "BLUE", ("BLUE", "RED")) == "RED"
    monkeypatch.setenv("COLOUR", "")
    assert env.choice("COLOUR", "BLUE", ("BLUE", "RED")) == "BLUE"
    monkeypatch.setenv("COLOUR", "loud")
    with pytest.raises(env.EnvironmentInvalidError, match="COLOUR='loud' is not one of BLUE, RED"):
        env.choice("COLOUR", "BLUE", ("BLUE", "RED"))


def test_a_number_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("COUNT", "many")
    with pytest.raises(env.EnvironmentInvalidError, match="not a whole number"):
        env.integer("COUNT", 1)


def test_blank_numbers_fall_back_and_blank_words_are_dropped(monkeypatch):
    monkeypatch.setenv("COUNT", " ")
    monkeypatch.setenv("NAMES", "one,, two ,")
    assert env.integer("COUNT", 3) == 3
    assert env.words("NAMES") == ["one", "two"]


def test_variables_are_gathered_by_their_prefix(monkeypatch):
    monkeypatch.setenv("LAMPS_COLOUR", "red")
    assert env.prefixed("LAMPS_") == {"COLOUR": "red"}


def test_what_is_required_must_be_there(monkeypatch):
    monkeypatch.setenv("LAMP", " ")
    with pytest.raises(env.EnvironmentInvalidError, match="LAMP is not set"):
        env.required("LAMP")


def test_a_kept_secret_is_read_from_the_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert env.kept("secret_key") == ""
    (tmp_path / "secret_key").write_text("hush\n")
    assert env.kept("secret_key") == "hush"
