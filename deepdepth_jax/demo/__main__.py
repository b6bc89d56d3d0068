"""Serves the web page: `python -m deepdepth_jax.demo`."""

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.runtime.shipped import SHIPPED

NUM_EXAMPLES = 4


def main(argv: list[str], shipped: Path = SHIPPED) -> None:
    """Runs the command.

    Args:
      argv: command-line arguments without the program's name.
      shipped: the network to use if the arguments name none.
    """
    parser = cli.Parser(
        "deepdepth_jax.demo", "Serve a web page that predicts depth for images."
    )
    add = parser.add_argument
    cli.add_network(parser, required=False)
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 serves the whole network",
    )
    add("--port", type=_port, default=7860, help="port to listen on")
    arguments = parser.parse_args(argv)
    network = cli.named_network(arguments, shipped)
    with _listen(arguments.host, arguments.port) as listener:
        _serve(arguments, network, listener)


def _serve(
    arguments: argparse.Namespace, network: Path, listener: socket.socket
) -> None:
    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    from deepdepth_jax.demo.guard import Names
    from deepdepth_jax.demo.input_images import street_scenes
    from deepdepth_jax.inference.network_metadata import describe_shipped
    from deepdepth_jax.inference.predictor import DepthPredictor
    from deepdepth_jax.runtime.compiled import set_up_compiling

    set_up_compiling(arguments.workdir)
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="deepdepth-demo-") as folder,
    ):
        server = _import_server(folder)
        predictor = DepthPredictor.load(network, arguments.checkpoint)
        if not (arguments.weights or arguments.workdir):
            print("\n".join(describe_shipped(network)), flush=True)
        server.serve(
            predictor,
            list(street_scenes(predictor.config.data, NUM_EXAMPLES)),
            run=network.name,
            folder=Path(folder),
            listener=listener,
            names=Names(arguments.host, listener.getsockname()[0]),
        )


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Lets signals end the command as errors do, which removes the folder."""
    before = {}
    closing = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
    for signum in {signal.SIGTERM, closing}:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            before[signum] = signal.signal(signum, lambda *_: sys.exit())
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _port(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: must be a number from 1 to 65535")


def _listen(host: str, port: int) -> socket.socket:
    """Opens the socket first, so that a taken port fails before anything slow."""
    try:
        host.encode("idna")  # or the socket would stay open where this fails
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"--host={host} --port={port}: cannot listen there ({error}); give another"
        ) from error


def _import_server(folder: str) -> ModuleType:
    """Imports the server with Gradio confined to `folder` and its analytics off."""
    for name in list(os.environ):
        if name.startswith("GRADIO_"):  # they change the page, or publish files
            del os.environ[name]
    os.environ["GRADIO_TEMP_DIR"] = folder
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        from deepdepth_jax.demo import server
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "gradio", "uvicorn"):
            raise
        raise UserError(
            f"the page needs the package gradio: {install_command('demo')}"
        ) from error
    return server


if __name__ == "__main__":
    cli.run(main)
