import base64
import contextlib
import functools
import http.client
import io
import re
import socket

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from ply_reader import read_ply
from served import PATIENCE_MS, choose_example, click_pixel, serving
from tiny_runs import arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.demo.__main__ import main
from deepdepth_jax.demo.answers import ask
from deepdepth_jax.demo.input_images import (
    LARGEST_FILE_BYTES,
    InputImage,
    street_scenes,
)
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength
from deepdepth_jax.geometry.edges import at_edges
from deepdepth_jax.main import main as train

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def predictor(trained):
    return DepthPredictor.load(trained / "run")


@pytest.fixture(scope="module")
def answers(predictor):
    """What the page must show of the examples."""
    scenes = street_scenes(predictor.config.data, 4)
    return [ask(predictor, scene, FocalLength()) for scene in scenes]


@pytest.fixture
def mine(tmp_path):
    """An image of the visitor's own."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 70, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "mine.png")
    return tmp_path / "mine.png", image


def upload(page, path):
    page.locator("#upload input[type=file]").set_input_files(path)


def images(page):
    for image in page.locator("#views img").all():
        _, _, content = image.get_attribute("src").partition("base64,")
        yield np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def assert_reads(page, answer, column, row):
    reading = page.locator("#reading")
    expect(reading).to_contain_text(f"Column {column}, row {row};")
    depth_m, low_m, high_m = map(float, re.findall(r"([\d.]+) m", reading.inner_text()))
    said = answer.prediction
    assert depth_m == pytest.approx(said.depth_m[row, column], abs=0.06)
    assert low_m == pytest.approx(said.low_m[row, column], abs=0.06)
    assert high_m == pytest.approx(said.high_m[row, column], abs=0.06)
    assert low_m < depth_m < high_m


def points_shown(page):
    return np.asarray(
        Image.open(io.BytesIO(page.locator("#points canvas").screenshot())).convert(
            "RGB"
        )
    )


def num_colours(image):
    return len(np.unique(image.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("index", [0, 2])
def test_an_example_is_shown_with_its_depth_and_confidence(
    server, visit, answers, index
):
    page, answer = visit(server), answers[index]
    if index:
        choose_example(page, index)
    shown_image, depth, confidence = images(page)
    difference = shown_image.astype(int) - answer.input.image
    assert np.abs(difference).mean() < 5  # it is a JPEG
    said = answer.prediction
    for shown, expected in (
        (depth, answer.prediction.depth_scale.paint(said.depth_m)),
        (confidence, answer.prediction.confidence_scale.paint(said.confidence)),
    ):
        np.testing.assert_array_equal(shown, expected)
    scales = page.locator(".scale")
    for word in ("near", "far", "80 m"):
        expect(scales.nth(0)).to_contain_text(word)
    for word in ("unsure", "sure"):
        expect(scales.nth(1)).to_contain_text(word)


@pytest.mark.parametrize("how", ["choose", "drop"])
def test_an_own_image_is_shown(server, visit, predictor, mine, how):
    path, image = mine
    page = visit(server)
    if how == "choose":
        upload(page, path)
    else:
        files = page.evaluate_handle(
            """encoded => {
              const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
              const files = new DataTransfer();
              files.items.add(new File([bytes], "mine.png", { type: "image/png" }));
              return files;
            }""",
            base64.b64encode(path.read_bytes()).decode(),
        )
        page.locator("#upload button").first.dispatch_event(
            "drop", {"dataTransfer": files}
        )
    page.locator("figure", has_text="mine, 70 x 40 pixels").wait_for()
    answer = ask(predictor, InputImage("mine", image), FocalLength())
    _, depth, _ = images(page)
    np.testing.assert_array_equal(
        depth, answer.prediction.depth_scale.paint(answer.prediction.depth_m)
    )
    click_pixel(page, 1, 66, 3)
    assert_reads(page, answer, 66, 3)
    # There is room for the next one.
    upload(page, path.rename(path.with_name("next.png")))
    page.locator("figure", has_text="next,").wait_for()


def test_a_clicked_pixel_is_read(server, visit, answers):
    page = visit(server)
    expect(page.locator("#reading")).to_contain_text("Click in an image")
    for view, column, row in ((0, 0, 0), (1, 63, 31), (2, 20, 25)):
        click_pixel(page, view, column, row)
        assert_reads(page, answers[0], column, row)
    marks = page.locator("#views .mark")
    for index in range(3):
        expect(marks.nth(index)).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert_reads(page, answers[0], 21, 25)
    page.keyboard.press("ArrowUp")
    assert_reads(page, answers[0], 21, 24)
    choose_example(page, 1)
    expect(page.locator("#reading")).to_contain_text("Click in an image")
    expect(marks.first).to_be_hidden()


def test_visitors_do_not_see_each_others_images(server, visit, answers):
    first, second = visit(server), visit(server)
    choose_example(first, 1)
    choose_example(second, 3)
    for page, answer in ((first, answers[1]), (second, answers[3])):
        click_pixel(page, 0, 40, 20)
        assert_reads(page, answer, 40, 20)


def test_downloads_hold_metres(server, visit, answers, tmp_path):
    page, answer = visit(server), answers[1]
    choose_example(page, 1)
    for name, label in (("depth.png", "16-bit PNG"), ("points.ply", "PLY")):
        with page.expect_download() as download:
            page.get_by_text(label).click()
        assert download.value.suggested_filename == f"street_2_{name}"
        download.value.save_as(tmp_path / name)
    said = answer.prediction.depth_m
    with Image.open(tmp_path / "depth.png") as image:
        values = np.asarray(image)
    assert values.dtype == np.uint16
    np.testing.assert_allclose(values / 256, said, atol=1 / 512)
    points, _ = read_ply(tmp_path / "points.ply")
    depths_m = [point["z"] for point in points]
    np.testing.assert_allclose(depths_m, said[~at_edges(said)], rtol=1e-5)


def test_points_are_drawn_and_turn(server, visit):
    page = visit(server)
    canvas = page.locator("#points canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # for drawing
    start = points_shown(page)
    background = start[2, 2]
    assert num_colours(start) > 100
    assert (start != background).any(axis=-1).mean() > 0.1
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 30)
    page.mouse.up()
    page.wait_for_timeout(1000)
    turned = points_shown(page)
    assert num_colours(turned) > 100
    assert (turned != start).any(axis=-1).mean() > 0.05
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(1000)
    is_drawn = [
        (shown != background).any(axis=-1).sum()
        for shown in (turned, points_shown(page))
    ]
    assert is_drawn[1] < is_drawn[0] / 2  # farther away
    page.mouse.dblclick(x, y)
    page.wait_for_timeout(1000)
    np.testing.assert_array_equal(points_shown(page), start)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "1 x 1"])
def test_any_image_is_shown(server, visit, predictor, tmp_path, mode):
    width, height = (1, 1) if mode == "1 x 1" else (50, 30)
    path = tmp_path / "mine.png"
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    image = Image.fromarray(noise).convert("RGB" if mode == "1 x 1" else mode)
    image.save(path)
    page = visit(server)
    upload(page, path)
    page.locator("figure", has_text=f"mine, {width} x {height} pixels").wait_for()
    answer = ask(
        predictor, InputImage("mine", np.asarray(image.convert("RGB"))), FocalLength()
    )
    click_pixel(page, 0, width - 1, height - 1)
    assert_reads(page, answer, width - 1, height - 1)


@pytest.mark.parametrize("name", ["text.png", "empty.jpg", "notes.txt"])
def test_a_wrong_file_is_told(server, visit, answers, tmp_path, name):
    (tmp_path / name).write_text("" if "empty" in name else "not an image")
    page = visit(server)
    upload(page, tmp_path / name)
    told = f"{name}: not a readable image"
    expect(page.locator("#reading")).to_contain_text(told)
    # What was there is still there.
    click_pixel(page, 1, 10, 20)
    assert_reads(page, answers[0], 10, 20)


@pytest.mark.parametrize(
    ("size", "told"),
    [((8000, 8000), "at most 50 megapixels"), ((2000, 2), "at most 16 times as long")],
)
def test_a_size_that_cannot_be_shown_is_told(server, visit, tmp_path, size, told):
    Image.new("1", size).save(tmp_path / "mine.png")
    page = visit(server)
    upload(page, tmp_path / "mine.png")
    expect(page.locator("#reading")).to_contain_text(told)


def test_too_many_bytes_are_told(server, visit, tmp_path):
    (tmp_path / "large.png").write_bytes(bytes(LARGEST_FILE_BYTES + 1))
    page = visit(server)
    upload(page, tmp_path / "large.png")
    message = page.get_by_text("exceed the maximum allowed size of 20")
    expect(message.first).to_be_visible()


def test_a_focal_length_changes_the_depth(server, visit, predictor, mine):
    path, image = mine
    page = visit(server)
    upload(page, path)
    page.locator("figure", has_text="mine,").wait_for()
    depth = page.locator("#views img").nth(1)
    before = depth.get_attribute("src")
    field = page.locator("#focal input")
    field.fill("100")
    field.press("Enter")
    expect(depth).not_to_have_attribute("src", before)
    answer = ask(predictor, InputImage("mine", image), FocalLength(100.0))
    _, shown, _ = images(page)
    np.testing.assert_array_equal(
        shown, answer.prediction.depth_scale.paint(answer.prediction.depth_m)
    )
    click_pixel(page, 1, 5, 30)
    assert_reads(page, answer, 5, 30)
    field.fill("1")
    field.press("Enter")
    expect(page.locator("#reading")).to_contain_text("focal length in pixels")


def test_the_page_fits_a_phone(server, visit, answers):
    phone = {"width": 390, "height": 844}
    page = visit(server, viewport=phone, is_mobile=True, has_touch=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == phone["width"]
    confidence = page.locator("#views .pixels").nth(2)
    confidence.scroll_into_view_if_needed()
    confidence.tap(position={"x": 1, "y": 1})
    assert_reads(page, answers[0], 0, 0)
    expect(page.locator("#reading")).to_be_in_viewport()


def test_a_click_while_another_image_is_predicted_reads_nothing(
    server, visit, tmp_path
):
    size = (600, 900, 3)  # another program is compiled for it
    image = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "large.png")
    page = visit(server)
    page.evaluate(
        """() => {
          window.readings = [];
          new MutationObserver(() =>
            window.readings.push(document.getElementById("reading").innerText)
          ).observe(document.getElementById("reading"), {
            childList: true, subtree: true, characterData: true,
          });
        }"""
    )
    upload(page, tmp_path / "large.png")
    page.locator("#views[data-busy]").wait_for()
    page.locator("#views .pixels").first.dispatch_event("click")
    page.locator("figure", has_text="large, 900 x 600 pixels").wait_for()
    page.locator("#views:not([data-busy])").wait_for()
    assert not any("Column" in said for said in page.evaluate("window.readings"))
    click_pixel(page, 0, 450, 300)
    expect(page.locator("#reading")).to_contain_text("Column")


def test_an_assumed_camera_is_named(server, visit, predictor, mine):
    path, _ = mine
    page = visit(server)
    depth = page.locator("#views figure").nth(1)
    expect(depth).not_to_contain_text("assumed")
    upload(page, path)
    focal_px = predictor.training_focal_px
    expect(depth).to_contain_text(f"unknown and assumed ({focal_px:.0f} pixels)")


def status(server, path="/", body=None, **headers):
    """Returns the status of the server's answer. With a body, the request is a POST."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        origin = answer.getheader("Access-Control-Allow-Origin")
        assert origin in (None, headers.get("Host") and f"http://{headers['Host']}")
        return answer.status


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    b"%s\r\n--x--\r\n"
)


def test_strangers_are_refused(server):
    own = f"127.0.0.1:{server.port}"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    send = functools.partial(status, server, "/gradio_api/upload", FORM % b"abc")
    assert status(server, Host=own) == 200
    assert status(server, Host=f"evil.example:{server.port}") == 403
    assert status(server, Host=own, Origin="http://evil.example") == 403
    assert send(Host=own, Origin=f"http://{own}", **form) == 200
    assert send(Host=own, Origin="http://evil.example", **form) == 403
    assert send(Host=own, Origin="null", **form) == 403


def test_uploads_leave_nothing_behind(server, visit, mine):
    path, _ = mine
    page = visit(server)
    upload(page, path)
    page.locator("figure", has_text="mine,").wait_for()
    own = f"127.0.0.1:{server.port}"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    large = FORM % bytes(LARGEST_FILE_BYTES + 1)
    sent = {"Host": own, "Origin": f"http://{own}", **form}
    assert status(server, "/gradio_api/upload", large, **sent) == 413
    [folder] = server.folder.iterdir()
    assert not [below for below in folder.iterdir() if below.is_file()]
    assert not list(folder.rglob("mine.png"))


def test_variables_for_other_programs_do_not_matter(trained, visit, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        variables = {
            "http_proxy": proxy,
            "HTTP_PROXY": proxy,
            "GRADIO_NUM_PORTS": "many",
            "GRADIO_ROOT_PATH": "/elsewhere",
            "GRADIO_SERVER_NAME": "0.0.0.0",
            "GRADIO_ALLOWED_PATHS": "/",
        }
        with serving(trained / "run", tmp_path, **variables) as server:
            visit(server)
            assert status(server, "/gradio_api/file=/etc/hostname") == 403
            assert server.end() == 0


def test_only_this_machine_is_served_and_no_other_is_reached(server):
    for host, is_served in (("127.0.0.1", True), ("127.0.0.2", False)):
        with socket.socket() as client:
            assert (client.connect_ex((host, server.port)) == 0) == is_served
    assert server.strangers.read_text() == ""


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(UserError, match="train first"):
        main([f"--workdir={tmp_path}", "--port=17860"])


def test_a_network_of_many_cameras_and_the_end(visit, mine, tmp_path):
    train(arguments(tmp_path, data__canonical_focal_px=40.0))
    path, image = mine
    with serving(tmp_path / "run", tmp_path / "server") as server:
        page = visit(server)
        upload(page, path)
        assumed_px = 26 * np.hypot(*image.shape[:2]) / np.hypot(36, 24)
        depth = page.locator("#views figure").nth(1)
        expect(depth).to_contain_text(f"unknown and assumed ({assumed_px:.0f} pixels)")
        page.locator("#focal input").fill("60")
        upload(page, path)
        expect(depth).not_to_contain_text("assumed")
        of_many = DepthPredictor.load(tmp_path / "run")
        click_pixel(page, 1, 50, 10)
        assert_reads(
            page, ask(of_many, InputImage("mine", image), FocalLength(60.0)), 50, 10
        )
        page.close()
        assert list(server.folder.rglob("mine*"))
        assert server.end() == 0
        assert not list(server.folder.iterdir())
