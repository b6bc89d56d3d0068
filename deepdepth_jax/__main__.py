"""All commands under one name: `deepdepth COMMAND`, or `python -m deepdepth_jax`."""

import argparse
import runpy
import sys
from pathlib import Path
from types import MappingProxyType

from deepdepth_jax import __version__
from deepdepth_jax.runtime import cli

COMMANDS = MappingProxyType(
    {
        "train": ("deepdepth_jax.main", "train a network, then evaluate it"),
        "evaluate": ("deepdepth_jax.main", "evaluate a run"),
        "prepare": ("deepdepth_jax.main", "only prepare the data"),
        "adapt": ("deepdepth_jax.adapt", "adapt a network to images without depth"),
        "predict": ("deepdepth_jax.predict", "depth of images and videos"),
        "demo": ("deepdepth_jax.demo", "a local web page"),
        "export": ("deepdepth_jax.export", "write a model for other runtimes"),
        "convert": ("deepdepth_jax.convert", "convert weights of other projects"),
        "check_data": ("deepdepth_jax.check_data", "report missing and broken data"),
    }
)
"""The module of each command, and its purpose. Those of `main` are modes of it."""


def main(argv: list[str]) -> None:
    """Runs a command with the arguments that follow its name."""
    command = _parser().parse_args(argv[:1]).command
    module, _ = COMMANDS[command]
    cli.Parser.command = f"{_program()} {command}"
    mode = [f"--mode={command}"] if module == "deepdepth_jax.main" else []
    sys.argv = [sys.argv[0], *mode, *argv[1:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _program() -> str:
    """Returns the words that started this program."""
    name = Path(sys.argv[0]).name
    return "python -m deepdepth_jax" if name == "__main__.py" else name


def _parser() -> cli.Parser:
    parser = cli.Parser("deepdepth_jax", "Metric depth from a single image.")
    parser.prog = _program()
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        required=True,
        parser_class=argparse.ArgumentParser,
        help="followed by its own options, which COMMAND --help shows",
    )
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    return parser


def run() -> None:
    """Is the console command `deepdepth`."""
    cli.run(main)


if __name__ == "__main__":
    run()
