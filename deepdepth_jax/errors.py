"""The exceptions that commands end with in one line."""

import signal


class UserError(Exception):
    """A mistake in the user's arguments, config or files.

    The message is one line that names the file or the config field and the remedy.
    Commands print it to stderr and exit with code 2. Any other exception is a bug and
    keeps its traceback.
    """


class PreemptedError(Exception):
    """A run that was asked to stop by a signal, and has saved its state.

    Commands print the message. After SIGTERM they exit with code 75, which schedulers
    take for "start me again", and after another signal with 128 + its number, as shells
    report it. Started again, the run resumes from there.

    Args:
      message: describes the saved state.
      signum: of the signal.
    """

    def __init__(self, message: str, signum: signal.Signals = signal.SIGTERM) -> None:
        super().__init__(message)
        self.signum = signum
