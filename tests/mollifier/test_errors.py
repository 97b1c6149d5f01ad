from mollifier import errors


def test_each_error_has_a_code_of_its_own():
    tree = [errors.MollifierError, *errors.MollifierError.__subclasses__()]
    assert {error.code for error in tree} == {"mollifier_error", "buffer_unavailable", "entry_unreadable"}
