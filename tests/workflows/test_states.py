from workflows.models import Event, Instance
from workflows.states import FINISHED, EventType, Status, choices


def test_choices_are_the_words_and_how_they_read():
    assert choices(Status)[0] == ("pending", "Pending")
    assert ("system_failure", "System failure") in choices(Status)
    assert [word for word, _ in choices(EventType)] == list(EventType)


def test_every_word_fits_its_column():
    for model, name, words in ((Instance, "status", Status), (Event, "type", EventType)):
        column = model._meta.get_field(name)
        assert column.choices == choices(words)
        assert max(map(len, words)) <= column.max_length


def test_an_instance_that_may_still_move_is_not_finished():
    assert set(Status) - FINISHED == {Status.PENDING, Status.RUNNING, Status.WAITING, Status.PAUSED}
