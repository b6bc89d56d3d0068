"""Serves the page over HTTP. Needs Gradio."""

import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import fastapi
import gradio as gr
import uvicorn

from deepdepth_jax.demo.guard import Guard, Names
from deepdepth_jax.demo.input_images import LARGEST_FILE_BYTES, InputImage
from deepdepth_jax.demo.page import HERE, Page
from deepdepth_jax.inference.predictor import DepthPredictor

CLEAN_EVERY_S = 600
KEEP_S = 3600
MOST_VISITORS = 16
"""Visitors whose last prediction stays in memory, at most 70 MB each."""
MOST_WAITING = 32


def serve(
    predictor: DepthPredictor,
    examples: Sequence[InputImage],
    *,
    run: str,
    folder: Path,
    listener: socket.socket,
    names: Names,
) -> None:
    """Serves the page until it is interrupted.

    Args:
      predictor: the trained network.
      examples: images to choose from, of which the first is shown at the start.
      run: the name of the network on the page.
      folder: for files to download. It must be Gradio's own, which removes them.
      listener: the socket that accepts connections.
      names: of the page.
    """
    with gr.Blocks(
        title="Depth from a single image",
        analytics_enabled=False,
        delete_cache=(CLEAN_EVERY_S, KEEP_S),
    ) as blocks:
        page = Page(predictor, examples, run, folder)
        page.connect(blocks)
    guard = Guard(_application(blocks), names, page.storage)
    config = uvicorn.Config(
        guard, log_level="error", lifespan="on", timeout_graceful_shutdown=1
    )
    print(f"the page is at {_url(listener)} (Ctrl-C stops it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _application(blocks: gr.Blocks) -> fastapi.FastAPI:
    # `Blocks.launch` takes no guard, and reaches itself through `http_proxy`.
    blocks.queue(max_size=MOST_WAITING, api_open=False)
    blocks.state_session_capacity = MOST_VISITORS
    return gr.mount_gradio_app(
        fastapi.FastAPI(openapi_url=None),
        blocks,
        path="/",
        root_path="",
        show_error=False,
        max_file_size=LARGEST_FILE_BYTES,
        theme=gr.themes.Default(primary_hue="teal", neutral_hue="slate"),
        css_paths=HERE / "page.css",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "localhost"
    elif address.version == 6:
        host = f"[{host}]"
    return f"http://{host}:{port}/"
