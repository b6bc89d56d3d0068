"""Parsing and error handling of all commands: help with defaults, one line per mistake.

A command's own module imports only this module, errors and the standard library. Heavy
imports follow once the arguments are parsed, as JAX and TensorFlow take seconds. Help
and wrong arguments are answered at once.
"""

import argparse
import difflib
import errno
import math
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from deepdepth_jax.errors import PreemptedError, UserError
from deepdepth_jax.runtime.paths import expand_home
from deepdepth_jax.runtime.shipped import SHIPPED, shipped_network
from deepdepth_jax.runtime.startup import set_up_process

MISTAKE = 2
"""The exit code for a mistake of the user's."""
START_AGAIN = 75
"""The exit code for a run that was preempted (EX_TEMPFAIL of sysexits.h)."""
CANNOT_WRITE = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Errors of paths that cannot be written or read. They are not bugs of ours."""


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds the default to the help of an option that has one, once."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        is_said = "(default" in (action.help or "")
        if is_said or action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser whose help shows defaults and whose errors are one line."""

    command = ""
    """The words that started the command. Empty: `python -m` and its module."""

    def __init__(
        self, prog: str, description: str, *, takes_config: bool = False
    ) -> None:
        super().__init__(
            prog=self.command or f"python -m {prog}",
            description=description,
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=not takes_config,
        )
        self._takes_config = takes_config
        if takes_config:
            self.add_argument(
                "-h",
                "--help",
                action=_Help,
                nargs="?",
                choices=["config"],
                default=argparse.SUPPRESS,
                help="show this message, or with config every field of the config, "
                "and exit",
            )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuses unknown options first. A missing one may be misspelled, after all."""
        for argument in args or ():
            name = argument.partition("=")[0]
            if name == "--":
                break
            if name.startswith("--") and not name.lower().startswith("--config."):
                self._check_option(name)
        return super().parse_known_args(args, namespace)

    def _check_option(self, name: str) -> None:
        known = list(self._option_string_actions)
        if name in known:
            return
        words = _by_words(known)
        near = difflib.get_close_matches(name.replace("-", "_"), words, 1)
        meant = words[near[0]] if near else self._nearest_field(name)
        hint = f"; did you mean {meant}?" if meant else ""
        self.error(f"unknown option {name}{hint}")

    def _nearest_field(self, name: str) -> str | None:
        """Finds the field of the config that an unknown option is most like."""
        if not self._takes_config:
            return None
        from deepdepth_jax.config import FIELDS
        from deepdepth_jax.config.suggest import nearest

        field = nearest(name.removeprefix("--"), FIELDS.values())
        return field and f"--config.{field}"

    def error(self, message: str) -> NoReturn:
        """Reports a wrong argument as any other mistake."""
        raise UserError(f"{message} (see {self.prog} --help)")


def _by_words(options: Sequence[str]) -> dict[str, str]:
    """Returns options by their names with underscores alone."""
    return {name.replace("-", "_"): name for name in options}


class _Help(argparse.Action):
    """Prints the help of a command or, on `--help config`, that of the config."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Prints, and ends the command."""
        from deepdepth_jax.config.describe import help_text

        print(help_text() if values == "config" else parser.format_help())
        parser.exit()


def run(main: Callable[[list[str]], int | None]) -> NoReturn:
    """Runs a command's main function on the process's arguments and exits.

    `UserError`, a full disk and a missing permission end in one line on stderr and exit
    code 2, `PreemptedError` and Ctrl-C in one line and the code of `stop_code`. Any
    other exception is a bug and keeps its traceback.

    Args:
      main: the command's function of its arguments. Returns the exit code or None.
    """
    set_up_process()
    try:
        code = main(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(MISTAKE)
    except (PreemptedError, KeyboardInterrupt) as notice:
        print(str(notice) or "interrupted", file=sys.stderr)
        sys.exit(stop_code(notice))
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror}", file=sys.stderr)
        sys.exit(MISTAKE)
    sys.exit(code or 0)


def stop_code(notice: PreemptedError | KeyboardInterrupt) -> int:
    """Returns the exit code of a process that a signal has stopped."""
    if isinstance(notice, KeyboardInterrupt):
        return 128 + signal.SIGINT
    if notice.signum == signal.SIGTERM:
        return START_AGAIN
    return 128 + notice.signum


def add_network(parser: Parser, *, required: bool = True) -> None:
    """Adds the options that name a trained network.

    Args:
      parser: of the command.
      required: whether one must be named, as the command does not use the shipped one.
    """
    network = parser.add_mutually_exclusive_group(required=required)
    network.add_argument(
        "--workdir",
        type=folder,
        default=argparse.SUPPRESS,
        help="workdir of a trained run",
    )
    network.add_argument(
        "--weights",
        type=path,
        default=argparse.SUPPRESS,
        help="file of weights, written by `convert`, or "
        "hub:user/name for a network on the Hugging Face Hub"
        + ("" if required else ". (default: the network that comes with the package)"),
    )
    parser.add_argument(
        "--checkpoint",
        type=checkpoint,
        default="best",
        help="of a run: last, best (by validation), or a step",
    )
    parser.set_defaults(workdir=None, weights=None)


def named_network(arguments: argparse.Namespace, shipped: Path = SHIPPED) -> Path:
    """Returns the folder of the run or the file of weights that the options name.

    Args:
      arguments: of a parser with the options of `add_network`.
      shipped: the file if they name none.

    Returns:
      The path.

    Raises:
      UserError: they name none, and there is no such file.
    """
    return arguments.weights or arguments.workdir or shipped_network(shipped)


def checkpoint(text: str) -> str | int:
    """Parses which checkpoint is meant: `last`, `best` or a step."""
    if text in ("last", "best"):
        return text
    if text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: must be last, best or a step")


def count(text: str) -> int:
    """Parses a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be >= 1")
    return int(text)


def positive(text: str) -> float:
    """Parses a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: must be > 0")
    return number


def focal_mm35(text: str) -> float:
    """Parses a focal length as 35 mm equivalent."""
    from deepdepth_jax.geometry import FocalLength

    try:
        return FocalLength.given(mm35=positive(text)).mm35
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def path(text: str) -> Path:
    """Parses a path, in which `~` is the home folder."""
    return Path(expand_home(text))


def folder(text: str) -> Path:
    """Parses a folder to write to, which need not be there yet."""
    place = path(text)
    for part in (place, *place.parents):
        if part.exists() and not part.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: {part} is a file, not a folder")
    return place
