"""Networks on the Hugging Face Hub, here a server that speaks its protocol."""

import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from foreign_checkpoints import state_dict
from huggingface_hub import ModelCard, constants
from local_hub import COMMIT, TOKEN, serve
from PIL import Image
from safetensors.numpy import save_file
from tiny_runs import arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.convert import main as convert
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference import hugging_face
from deepdepth_jax.inference.network_metadata import read_metadata
from deepdepth_jax.main import main
from deepdepth_jax.predict.__main__ import main as predict
from deepdepth_jax.runtime.cli import MISTAKE
from deepdepth_jax.runtime.installation import install_command

IMAGE = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
NAME = "someone/streets"
# huggingface_hub 2.4 uploads in a way that its own HTTP client calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "depth.safetensors"
    convert([f"--input={trained / 'run'}", f"--output={path}"])
    return path


@pytest.fixture
def hub(file, tmp_path, monkeypatch):
    """A hub with one network, and an empty cache."""
    hugging_face.download.cache_clear()
    yield from _configured(serve(), file, tmp_path, monkeypatch)
    hugging_face.download.cache_clear()


def _configured(served, file, tmp_path, monkeypatch):
    for hub in served:
        hub.files[NAME] = {"depth.safetensors": file.read_bytes()}
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        # Files are uploaded through LFS: the server does not speak Xet.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield hub


@pytest.fixture
def at_once(monkeypatch):
    """The client does not wait before it tries again."""
    for module in ("file_download", "utils._http"):
        client = importlib.import_module(f"huggingface_hub.{module}")
        monkeypatch.setattr(client.time, "sleep", lambda _: None)


def downloads(hub):
    return [x for x in hub.requests if x[0] == "GET" and "/resolve/" in x[1]]


def one_line(error, *parts):
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


def test_a_network_is_loaded_by_its_name(hub, file):
    expected = DepthPredictor.load(file)(IMAGE)
    for predictor in (
        DepthPredictor.from_pretrained(NAME),
        DepthPredictor.from_pretrained(f"hub:{NAME}"),
        DepthPredictor.from_pretrained(NAME, revision=COMMIT),
        DepthPredictor.from_pretrained(str(file)),
        DepthPredictor.load(f"hub:{NAME}"),
    ):
        found = predictor(IMAGE)
        np.testing.assert_array_equal(found.depth_m, expected.depth_m)
    assert len(downloads(hub)) == 1


def test_a_cut_off_download_resumes(hub, file, at_once, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    size = file.stat().st_size
    hub.cuts += [size // 3, size // 3]
    path = hugging_face.download(NAME)
    assert path.read_bytes() == file.read_bytes()
    ranges = [int(x[2][len("bytes=") : -1]) if x[2] else 0 for x in downloads(hub)]
    assert len(ranges) == 3
    assert ranges == sorted(set(ranges))


def test_a_download_that_is_cut_off_for_good_is_continued_by_the_next(
    hub, file, at_once, monkeypatch
):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10)
    hub.cuts += [100] + 20 * [0]
    with pytest.raises(UserError) as error:
        hugging_face.download(NAME)
    one_line(error, NAME, "try again")
    hub.cuts.clear()
    hub.requests.clear()
    path = hugging_face.download(NAME)
    assert path.read_bytes() == file.read_bytes()
    assert [x[2] for x in downloads(hub)] == ["bytes=100-"]
    assert [x.name for x in path.parents[2].rglob("*partial*")] == []


def test_a_killed_download_is_continued(hub, tmp_path, monkeypatch):
    content = bytes(25 << 20)  # the client writes 10 MiB at a time
    hub.files[NAME]["depth.safetensors"] = content
    hub.stall = 21 << 20
    program = "import sys; from deepdepth_jax.inference.hugging_face import download; "
    killed = subprocess.Popen(
        [sys.executable, "-c", program + "download(sys.argv[1])", NAME],
        env=os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path)},
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    while sum(x.stat().st_size for x in tmp_path.rglob(".partial-*")) < 20 << 20:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    hub.stall = None
    hub.resume.set()
    assert hugging_face.download(NAME).read_bytes() == content
    assert [x[2] for x in downloads(hub)] == [None, f"bytes={20 << 20}-"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[::-1], "truncated or modified, its sha256 begins"),
        (lambda content: content + b"more", "Consistency check failed"),
    ],
)
def test_other_content_is_refused_and_the_next_download_succeeds(
    hub, file, change, message
):
    hub.cdn = True
    hub.served = change(file.read_bytes())
    with pytest.raises(UserError) as error:
        hugging_face.download(NAME)
    one_line(error, NAME, message)
    assert hugging_face.find(NAME) is None
    hub.served = None
    assert hugging_face.download(NAME).read_bytes() == file.read_bytes()


def test_another_host_does_not_learn_the_token(hub, file):
    hub.cdn = True
    assert hugging_face.download(NAME).read_bytes() == file.read_bytes()
    hosts = {path.split("/")[1]: token for path, token in hub.tokens}
    assert hosts == {"someone": f"Bearer {TOKEN}", "cdn": None}


def test_a_new_version_with_the_same_network_is_not_downloaded(hub):
    first = hugging_face.download(NAME)
    hugging_face.download.cache_clear()
    hub.commit = "f" * 40  # of an edited card
    second = hugging_face.download(NAME)
    assert first != second
    assert second.read_bytes() == first.read_bytes()
    assert len(downloads(hub)) == 1


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("someone/nothing", ["has no such network, or it is private"]),
        (f"{NAME}@old", ["no such branch, tag or commit"]),
        ("someone/else", ["holds no depth.safetensors"]),
        ("someone", ["'someone': is no name on the hub; write user/name"]),
        ("a/b/c", ["is no name on the hub"]),
        ("a b/c", ["is no name on the hub"]),
        ("a--b/c", ["a--b/c"]),
    ],
)
def test_names_that_do_not_exist_are_one_line(hub, name, parts):
    hub.files["someone/else"] = {"model.bin": b"x"}
    with pytest.raises(UserError) as error:
        DepthPredictor.from_pretrained(name)
    one_line(error, *parts)


def test_a_file_of_another_project_is_refused(hub):
    hub.files[NAME]["depth.safetensors"] = b"something else"
    with pytest.raises(UserError, match="no safetensors file, or a cut one") as error:
        DepthPredictor.from_pretrained(NAME)
    one_line(error)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return closed.getsockname()[1]


def test_without_a_connection_the_cache_is_used(
    hub, file, at_once, monkeypatch, caplog
):
    url = f"http://127.0.0.1:{closed_port()}"
    path = hugging_face.download(NAME)
    hugging_face.download.cache_clear()
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    assert hugging_face.download(NAME) == path
    assert hugging_face.find(NAME) == path
    assert hugging_face.find("someone/nothing") is None
    caplog.clear()
    with pytest.raises(UserError) as error:
        hugging_face.download("someone/nothing")
    one_line(error, url, "cannot be reached", "not in the cache")
    assert not caplog.records
    with pytest.raises(UserError) as error:
        convert([f"--input={file}", f"--output=hub:{NAME}"])
    one_line(error, f"the connection to {url} failed (", "try again")


def test_a_cache_that_cannot_be_written_is_one_line(hub, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(UserError) as error:
        hugging_face.download(NAME)
    one_line(error, str(tmp_path / "file"), "set HF_HOME")


def test_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    hugging_face.download.cache_clear()
    for use in (
        lambda: DepthPredictor.from_pretrained(NAME),
        lambda: convert([f"--input={tmp_path}", f"--output=hub:{NAME}"]),
    ):
        with pytest.raises(UserError, match=re.escape(install_command("hub"))):
            use()


def test_commands_take_names(hub, file, tmp_path):
    """In processes of their own, which know the hub by HF_ENDPOINT."""
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
    }
    for name, code, error in (
        (NAME, 0, ""),
        ("someone/nothing", MISTAKE, f"error: someone/nothing: {hub.url} has no such"),
    ):
        argv = [
            f"--weights=hub:{name}",
            f"--input={tmp_path / 'a.png'}",
            f"--output={tmp_path / 'out'}",
            "--save=npy",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "deepdepth_jax.predict", *argv],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        if error:
            assert done.stderr.startswith(error)
            assert done.stderr.count("\n") == 1
    found = np.load(tmp_path / "out" / "a_depth.npy")
    np.testing.assert_array_equal(found, DepthPredictor.load(file)(IMAGE).depth_m)


def test_a_missing_file_that_may_be_a_name_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(IMAGE).save("a.png")
    with pytest.raises(UserError, match="hub:someone/streets"):
        predict(["--weights=someone/streets", "--input=a.png", "--output=out"])


def test_a_training_starts_from_a_name_and_resumes_without_it(hub, tmp_path, capsys):
    argv = arguments(
        tmp_path,
        data__streets__test_scenes=0,
        eval__every=0,
        model__pretrained=f"hub:{NAME}",
    )
    main(argv)
    assert "took backbone and head of" in capsys.readouterr().out
    assert len(downloads(hub)) == 1
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "4")
    hub.files.clear()
    main(argv)
    assert "resuming from step 3 of 4" in capsys.readouterr().out


def test_a_network_is_published_with_a_card(hub, trained):
    predictor = DepthPredictor.load(trained / "run")
    url = predictor.push_to_hub("someone/new", licence="Apache-2.0", dtype="bfloat16")
    assert url == f"{hub.url}/someone/new"
    files = hub.files["someone/new"]
    assert sorted(files) == ["README.md", "depth.safetensors"]
    card = ModelCard(files["README.md"].decode(), ignore_metadata_errors=False)
    assert card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "depth-estimation"
    evaluation = json.loads((trained / "run" / "eval.json").read_text())
    assert f"{evaluation['metrics']['abs_rel']:.3f}" in card.text
    assert "streets test, 3 images" in card.text
    assert 'DepthPredictor.from_pretrained("someone/new")' in card.text
    again = DepthPredictor.from_pretrained("someone/new")
    assert again(IMAGE).depth_m.shape == (33, 47)
    fields = read_metadata(hugging_face.download("someone/new"))
    assert fields["sha256"] in card.text
    # A card that its owner has written stays.
    files["README.md"] = b"mine"
    again.push_to_hub("someone/new")
    assert hub.files["someone/new"]["README.md"] == b"mine"


def said_by_convert(capsys, *argv):
    capsys.readouterr()
    convert(list(argv))
    return capsys.readouterr().out


def test_a_run_is_published_by_one_command(hub, trained, capsys):
    run, argv = trained / "run", ["--output=hub:someone/new", "--licence=MIT"]
    said = said_by_convert(capsys, f"--input={run}", *argv)
    assert "streets test, 3 images" in said
    assert "licence: MIT" in said
    size_mb = len(hub.files["someone/new"]["depth.safetensors"]) / 1e6
    assert said.endswith(
        f"uploaded depth.safetensors ({size_mb:.1f} MB) to {hub.url}/someone/new "
        f"(public), main, commit {COMMIT[:8]}; wrote README.md\n"
    )
    assert hub.private == set()
    card = hub.files["someone/new"]["README.md"].decode()
    assert "streets test, 3 images" in card
    expected = DepthPredictor.load(run)(IMAGE).depth_m
    found = DepthPredictor.from_pretrained("someone/new")(IMAGE).depth_m
    np.testing.assert_array_equal(found, expected)
    # The same again, to a branch that is made. Its card stays.
    argv[0] += "@v2"
    said = said_by_convert(capsys, f"--input={run}", *argv)
    assert "(public), v2, commit" in said
    assert said.endswith("kept its README.md\n")
    assert hub.branches == {"main", "v2"}


def test_a_file_is_published_for_its_owner_alone(hub, file, capsys):
    argv = [f"--input={file}", "--output=hub:someone/own", "--dtype=bfloat16"]
    said = said_by_convert(capsys, *argv, "--private")
    assert "streets test, 3 images" in said
    assert f"{hub.url}/someone/own (private), main" in said
    assert hub.private == {"someone/own"}
    # Later uploads say so, too, and nothing that must be private goes public.
    assert "(private)" in said_by_convert(capsys, *argv)
    argv[1] = f"--output=hub:{NAME}"
    before = dict(hub.files[NAME])
    with pytest.raises(UserError) as error:
        convert([*argv, "--private"])
    one_line(error, NAME, "is public already")
    assert hub.files[NAME] == before


def test_a_network_of_the_hub_becomes_a_file(hub, file, tmp_path, capsys):
    output = tmp_path / "smaller one.safetensors"
    options = ["--dtype=bfloat16", "--licence=MIT"]
    said = said_by_convert(
        capsys, f"--input=hub:{NAME}", f"--output={output}", *options
    )
    assert said.endswith(f"wrote {output}\n")
    assert output.stat().st_size < file.stat().st_size
    details = read_metadata(output)["details"]
    assert details == read_metadata(file)["details"] | {"licence": "MIT"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--output=hub:someone"], "'someone': is no name on the hub"),
        (["--output=hub:some one/new"], "'some one/new': is no name on the hub"),
        (["--output=hub:someone/new@"], "'someone/new@': is no name on the hub"),
        (["--output=hub:someone/new@a b"], "'someone/new@a b': is no name on the hub"),
        (["--output=hub:"], "'': is no name on the hub"),
        (["--output=someone/new"], "must end in .safetensors, or be hub:user/name"),
        (["--output=hub:someone/new", "--to=torchvision"], "--to does not apply"),
        (["--output=x.safetensors", "--private"], "--private does not apply"),
        (["--output=hub:a--b/c"], "a--b/c: "),
    ],
)
def test_mistakes_of_publishing_are_one_line(hub, trained, argv, message):
    with pytest.raises(UserError) as error:
        convert([f"--input={trained / 'run'}", *argv])
    one_line(error, message)
    assert list(hub.files) == [NAME]


def test_a_backbone_is_not_published(hub, tmp_path):
    path = tmp_path / "resnet18.safetensors"
    save_file(state_dict("resnet18"), path)
    with pytest.raises(UserError) as error:
        convert([f"--input={path}", "--output=hub:someone/new"])
    one_line(error, "holds no depth network of deepdepth_jax")
    assert list(hub.files) == [NAME]


def test_an_unusual_licence_is_named_as_it_is(hub, file):
    DepthPredictor.load(file).push_to_hub("someone/own", licence='Ours | "1": x')
    card = ModelCard(hub.files["someone/own"]["README.md"].decode())
    assert (card.data.license, card.data.license_name) == ("other", 'Ours | "1": x')


def test_nobody_is_logged_in(hub, file, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    predictor = DepthPredictor.load(file)
    for publish in (
        lambda: predictor.push_to_hub("someone/new"),
        lambda: convert([f"--input={file}", "--output=hub:someone/new"]),
    ):
        with pytest.raises(UserError) as error:
            publish()
        one_line(error, "someone/new", "hf auth login")
    assert "someone/new" not in hub.files


def test_only_a_loaded_network_is_published(file):
    loaded = DepthPredictor.load(file)
    predictor = DepthPredictor(loaded.config, loaded._trained)
    with pytest.raises(ValueError, match="can be published"):
        predictor.push_to_hub("someone/new")
