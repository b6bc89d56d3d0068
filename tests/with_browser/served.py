"""Serves the page, and uses it in a browser."""

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

CHROMIUM = shutil.which("chromium")
SOFTWARE_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE_MS = 60_000
DESKTOP = {"width": 1280, "height": 900}


@dataclasses.dataclass
class Server:
    """The command that serves the page, in a process of its own."""

    process: subprocess.Popen
    port: int
    folder: Path
    """Where it keeps files."""
    strangers: Path
    """Lists the other machines that it tried to reach."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def end(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def serving(workdir, folder, **variables):
    """Serves the page, with additional environment variables."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files, strangers = folder / "files", folder / "strangers.txt"
    files.mkdir(parents=True)
    strangers.touch()
    script = Path(__file__).with_name("serve_watched.py")
    command = (sys.executable, script, strangers)
    options = (f"--workdir={workdir}", f"--port={port}")
    with subprocess.Popen(
        [*command, *options],
        env=os.environ | {"TMPDIR": str(files)} | variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith(f"the page is at http://127.0.0.1:{port}/ ")
            yield Server(process, port, files, strangers)
        finally:
            process.terminate()


@contextlib.contextmanager
def browsing():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=SOFTWARE_WEBGL
        )
        yield browser
        browser.close()


def new_page(browser, **options):
    """Opens a window that is not the one of an earlier visitor."""
    options = {"viewport": DESKTOP, "reduced_motion": "reduce"} | options
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE_MS)
    return page


def arrive(page, server):
    """Goes to the page, and waits for what it shows at first."""
    page.goto(server.url)
    page.locator("figure", has_text="street_1,").wait_for()
    return page


def choose_example(page, index):
    page.locator("#examples .thumbnail-item").nth(index).click()
    page.locator("figure", has_text=f"street_{index + 1},").wait_for()


def click_pixel(page, view, column, row):
    """Clicks into the image (view 0), its depth (1) or its confidence (2)."""
    pixels = page.locator("#views .pixels").nth(view)
    box = pixels.bounding_box()
    width, height = pixels.locator("img").evaluate(
        "image => [image.naturalWidth, image.naturalHeight]"
    )
    place = {
        "x": (column + 0.5) / width * box["width"],
        "y": (row + 0.5) / height * box["height"],
    }
    pixels.click(position=place)
