from mollifier import errors


def test_each_error_has_a_code_of_its_own():
    tree = [errors.MollifierError, *errors.MollifierError.__subclasses__()]
    assert sorted(error.code for error in tree) == [
        "buffer_unavailable",
        "entry_unreadable",
        "mollifier_error",
        "simulation_busy",
        "simulation_too_short",
    ]
