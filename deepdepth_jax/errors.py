"""The one exception that stands for a mistake of the user's."""


class UserError(Exception):
    """A mistake in what the user asked for or has on disk.

    The message is one line that names the file or the config field and says what to
    do. Commands print it to stderr and exit with code 2; anything else that is raised
    is a bug and keeps its traceback.
    """


class PreemptedError(Exception):
    """A run that was asked to make way, and has saved its state.

    Commands print the message and exit with code 75, which schedulers take for "start
    me again"; the run then goes on where it was.
    """
