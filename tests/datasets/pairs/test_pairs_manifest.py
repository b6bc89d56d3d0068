import json

import pytest

from deepdepth_jax.datasets.pairs.manifest import read_manifest
from deepdepth_jax.errors import UserError


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def to_jsonl(*objects):
    return "\n".join(json.dumps(each) for each in objects)


def assert_refused(path, *words):
    with pytest.raises(UserError) as raised:
        read_manifest(path)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    for word in words:
        assert word in message


JSONL = """
{"image": "a.jpg", "depth": "../depth/a.png", "focal_px": 721.5, "split": "train"}

{"split": "val", "image": "/far/b.png", "depth": "b.NPY", "focal_px": null}
{"image": "c.png", "depth": "/far/c.exr", "split": "test", "focal_px": "300"}\r
"""
CSV = """
split,depth,image,focal_px

train,../depth/a.png,a.jpg,721.5
,,,
val, b.NPY , "/far/b.png",
test,/far/c.exr,"c.png",300
"""


@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("pairs.jsonl", JSONL, (2, 4, 5)),
        ("pairs.csv", CSV, (4, 6, 7)),
        ("PAIRS.CSV", CSV.replace("\n", "\r\n"), (4, 6, 7)),
    ],
)
def test_both_formats_say_the_same(tmp_path, name, text, lines, byte_order_mark):
    path = write(tmp_path / name, byte_order_mark + text.encode())
    pairs = read_manifest(path)
    assert [pair.name for pair in pairs] == ["a.jpg", "/far/b.png", "c.png"]
    images = [str(pair.image) for pair in pairs]
    assert images == [f"{tmp_path}/a.jpg", "/far/b.png", f"{tmp_path}/c.png"]
    depths = [str(pair.depth) for pair in pairs]
    assert depths == [f"{tmp_path}/../depth/a.png", f"{tmp_path}/b.NPY", "/far/c.exr"]
    assert [pair.focal_px for pair in pairs] == [721.5, 0.0, 300.0]
    assert [pair.split for pair in pairs] == ["train", "val", "test"]
    assert [pair.origin for pair in pairs] == [f"{path}, line {n}" for n in lines]


def test_paths_may_hold_commas_and_what_unicode_takes_for_line_ends(tmp_path):
    image = "a, b\u2028c\x85.jpg"
    text = f'image,depth\n"{image}",a.png\n'
    assert read_manifest(write(tmp_path / "m.csv", text))[0].name == image
    text = json.dumps({"image": image, "depth": "a.png"}, ensure_ascii=False)
    assert read_manifest(write(tmp_path / "m.jsonl", text))[0].name == image


@pytest.mark.parametrize("split", ["", None])
def test_without_splits_two_of_ten_lines_are_held_out(tmp_path, split):
    lines = [
        {"image": f"{i}.png", "depth": f"{i}.npy"}
        | ({} if split is None else {"split": ""})
        for i in range(23)
    ]
    # Blank lines do not count.
    pairs = read_manifest(write(tmp_path / "m.jsonl", "\n\n" + to_jsonl(*lines)))
    held_out = {i: pair.split for i, pair in enumerate(pairs) if pair.split != "train"}
    expected = {0: "test", 5: "val", 10: "test", 15: "val", 20: "test"}
    assert held_out == expected


PAIR = {"image": "a.png", "depth": "a.npy"}
OTHER = {"image": "b.png", "depth": "b.npy"}


@pytest.mark.parametrize(
    ("second_line", "words"),
    [
        ("{", ["is no JSON", "column 2"]),
        ('{"image": "b.png" "depth": "b.npy"}', ["is no JSON"]),
        ('["image", "depth"]', ["is no JSON object", '"depth": "a.png"']),
        ("7", ["is no JSON object"]),
        (to_jsonl(OTHER | {"focal": 3}), ["unknown field 'focal'", "focal_px"]),
        (to_jsonl({"image": "b.png"}), ["has no field 'depth'"]),
        (to_jsonl({"depth": "b.npy"}), ["has no field 'image'"]),
        (to_jsonl(OTHER)[:-1] + ', "image": "c"}', ["field 'image' twice"]),
        (to_jsonl(OTHER | {"image": ""}), ["image is ''", "path"]),
        (to_jsonl(OTHER | {"depth": None}), ["depth is None", "path"]),
        (to_jsonl(OTHER | {"depth": 3}), ["depth is 3.0", "path"]),
        (to_jsonl(OTHER | {"depth": "b.jpg"}), ["depth 'b.jpg'", ".exr"]),
        (to_jsonl(OTHER | {"depth": "b"}), ["depth 'b'", ".exr"]),
        (to_jsonl(OTHER | {"focal_px": 0}), ["focal_px is 0.0", "from 1 to"]),
        (to_jsonl(OTHER | {"focal_px": -1.5}), ["focal_px is -1.5"]),
        (to_jsonl(OTHER | {"focal_px": 1e-300}), ["focal_px is 1e-300"]),
        (to_jsonl(OTHER | {"focal_px": 1e300}), ["focal_px is 1e+300"]),
        (to_jsonl(OTHER | {"focal_px": float("nan")}), ["focal_px is nan"]),
        (to_jsonl(OTHER | {"focal_px": float("inf")}), ["focal_px is inf"]),
        (to_jsonl(OTHER | {"focal_px": 10**4000}), ["focal_px is inf"]),
        (to_jsonl(OTHER | {"focal_px": True}), ["focal_px is True"]),
        (to_jsonl(OTHER | {"focal_px": [700]}), ["focal_px is [700.0]"]),
        (to_jsonl(OTHER | {"focal_px": "wide"}), ["focal_px is 'wide'"]),
        (
            to_jsonl(OTHER | {"split": "training"}),
            ["split is 'training'", "train, val"],
        ),
        (to_jsonl(OTHER | {"split": ["val"]}), ["split is ['val']"]),
        (to_jsonl(PAIR | {"depth": "b.npy"}), ["image 'a.png'", "line 1", "delete"]),
        (
            to_jsonl(OTHER | {"image": "x/.././a.png"}),
            ["image 'x/.././a.png'", "line 1"],
        ),
    ],
)
def test_faults_of_jsonl_are_named_with_their_line(tmp_path, second_line, words):
    path = write(tmp_path / "m.jsonl", to_jsonl(PAIR) + "\n" + second_line + "\n")
    assert_refused(path, f"{path}, line 2: ", *words)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("image;depth\na.png;a.npy", 1, ["unknown field 'image;depth'"]),
        ("image,depth,fov\na.png,a.npy,3", 1, ["unknown field 'fov'"]),
        ("a.png,a.npy\nb.png,b.npy", 1, ["unknown field 'a.png'", "header line"]),
        ("image,focal_px\na.png,700", 1, ["has no field 'depth'"]),
        ("depth\na.npy", 1, ["has no field 'image'"]),
        ("image,depth,image\na.png,a.npy,b.png", 1, ["field 'image' twice"]),
        ("image,depth\n\na.png,a.npy,700", 3, ["3 values", "2 fields"]),
        ("image,depth,split\na.png,a.npy", 2, ["2 values", "3 fields"]),
        ("image,depth\na.png,", 2, ["depth is ''"]),
        ("image,depth\na.png,a.gif", 2, ["depth 'a.gif'"]),
        ('image,depth,focal_px\na.png,a.npy,"721,5"', 2, ["focal_px is '721,5'"]),
        ("image,depth,focal_px\na.png,a.npy,0", 2, ["focal_px is '0'"]),
        ("image,depth,split\na.png,a.npy,Train", 2, ["split is 'Train'"]),
        ('image,depth\n"a.png,a.npy\n', 2, ["is no CSV", "quotes"]),
        ('image,depth\n"a"x,a.npy\n', 2, ["is no CSV"]),
        ("image,depth\na.png,a.npy\n./a.png,b.npy", 3, ["'./a.png'", "line 2"]),
    ],
)
def test_faults_of_csv_are_named_with_their_line(tmp_path, text, line, words):
    path = write(tmp_path / "m.csv", text)
    assert_refused(path, f"{path}, line {line}: ", *words)


def test_an_image_is_the_same_by_its_absolute_path(tmp_path, monkeypatch):
    text = f"image,depth\na.png,a.npy\n{tmp_path}/a.png,b.npy"
    write(tmp_path / "m.csv", text)
    monkeypatch.chdir(tmp_path)
    assert_refused("m.csv", "line 3", "line 2", "delete")


@pytest.mark.parametrize("with_split", [0, 1, 2])
def test_every_line_names_its_split_or_none_does(tmp_path, with_split):
    lines = [{"image": f"{i}.png", "depth": f"{i}.npy"} for i in range(3)]
    lines[with_split]["split"] = "val"
    path = write(tmp_path / "m.jsonl", to_jsonl(*lines))
    first_without = 2 if with_split == 0 else 1
    assert_refused(
        path,
        f"{path}, line {first_without}: has no split",
        f"line {with_split + 1} has",
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.txt", "a.png a.npy", ["data.pairs.manifest", ".jsonl", ".csv"]),
        ("manifest", "", [".jsonl", ".csv"]),
        ("m.csv", "", ["is empty"]),
        ("m.csv", "image,depth\n\n", ["lists no pairs", "a header line"]),
        ("m.jsonl", " \n\n", ["lists no pairs", '{"image"']),
        ("m.csv", "image,depth\né.png,é.npy".encode("latin-1"), ["line 2", "UTF-8"]),
        ("m.csv", "image,depth\na.png,a.npy".encode("utf-16"), ["line 1", "UTF-8"]),
        ("m.csv", b"\xef\xbb\xbfimage,depth\n\xff.png,a.npy", ["line 2", "UTF-8"]),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, name, content, words):
    assert_refused(write(tmp_path / name, content), *words)


def test_a_manifest_that_is_not_there_is_named(tmp_path):
    assert_refused(tmp_path / "none.csv", "No such file")
