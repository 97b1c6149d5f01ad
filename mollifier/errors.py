"""What can go wrong in the mollifier; each error has a code that stays."""


class MollifierError(Exception):
    """The root of the tree."""

    code = "mollifier_error"


class BufferUnavailable(MollifierError):
    """Redis can't be reached, answers too late, or refuses the command."""

    code = "buffer_unavailable"


class EntryUnreadable(MollifierError):
    """A stored entry is not in a form that this version knows."""

    code = "entry_unreadable"


class SandboxBusy(MollifierError):
    """Another simulation is under way; try again when it is done."""

    code = "simulation_busy"


class SimulationTooShort(MollifierError):
    """Not one trigger was through when its time was up."""

    code = "simulation_too_short"
