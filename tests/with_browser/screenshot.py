"""Takes the screenshot of the page that the README shows.

Usage: screenshot.py WORKDIR FILE.png [WIDTH_OF_THE_WINDOW]
"""

import sys
import tempfile
from pathlib import Path

from served import arrive, browsing, choose_example, click_pixel, new_page, serving


def main(workdir, target, width=1120):
    window = {"width": int(width), "height": 900}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(workdir, Path(folder)) as server,
        browsing() as browser,
    ):
        page = arrive(new_page(browser, viewport=window), server)
        choose_example(page, 1)
        image = page.locator("#views img").first
        columns, rows = image.evaluate("i => [i.naturalWidth, i.naturalHeight]")
        click_pixel(page, 1, 3 * columns // 8, 3 * rows // 5)
        page.get_by_text("90% interval").wait_for()
        page.mouse.move(0, 0)
        page.wait_for_timeout(2000)  # for drawing
        page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
