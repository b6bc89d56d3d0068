"""The one exception that stands for a mistake of the user's."""


class UserError(Exception):
    """A mistake in what the user asked for or has on disk.

    The message is one line that names the file or the config field and says what to
    do. Commands print it to stderr and exit with code 2; anything else that is raised
    is a bug and keeps its traceback.
    """
