"""Runs the command, and lists the other machines that it tries to reach.

Usage: serve_watched.py LIST ARGUMENTS_OF_THE_COMMAND
"""

import runpy
import sys
from pathlib import Path

from jaxtyping import install_import_hook

STRANGERS = Path(sys.argv.pop(1))
OWN = ("127.0.0.1", "localhost", "", None)


def note(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in OWN:
        with STRANGERS.open("a") as file:
            file.write(f"{host}\n")


sys.addaudithook(note)
install_import_hook("deepdepth_jax", "beartype.beartype")
sys.argv[0] = "deepdepth_jax.demo"
runpy.run_module("deepdepth_jax.demo", run_name="__main__", alter_sys=True)
