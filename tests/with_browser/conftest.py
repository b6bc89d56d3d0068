"""What needs Gradio and a browser is only collected with them: `make test-browser`."""

import importlib.util

import pytest
from served import CHROMIUM, arrive, browsing, new_page, serving

if not CHROMIUM or not all(map(importlib.util.find_spec, ("gradio", "playwright"))):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def server(trained, tmp_path_factory):
    with serving(trained / "run", tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def browser():
    with browsing() as browser:
        yield browser


@pytest.fixture
def visit(browser):
    """Opens pages; nothing may fail in them, and nothing may leave the machine."""
    wrong, pages = [], []

    def open_watched(server, **options):
        def look_at(request):
            if not request.url.startswith((server.url, "data:", "blob:")):
                wrong.append(request.url)

        page = new_page(browser, **options)
        pages.append(page)
        page.on("request", look_at)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return arrive(page, server)

    yield open_watched
    for page in pages:
        page.close()
    assert not wrong
