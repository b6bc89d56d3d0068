import json
import shlex
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from deepdepth_jax.runtime.installation import install_command


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes an installation that is found after the egg-info of a checkout."""

    def install(origin):
        folders = [
            tmp_path / name
            for name in (
                "deepdepth_jax.egg-info",
                "site-packages/deepdepth_jax-0.1.0.dist-info",
            )
        ]
        for folder, name in zip(folders, ("PKG-INFO", "METADATA"), strict=True):
            folder.mkdir(parents=True)
            (folder / name).write_text(
                "Metadata-Version: 2.4\nName: deepdepth-jax\nVersion: 0.1.0\n"
                "Provides-Extra: demo\nProvides-Extra: video\n"
                "Requires-Dist: numpy<3,>=2.0\n"
                'Requires-Dist: gradio[a]<7,>=6; extra == "demo"\n'
                'Requires-Dist: av<19,>=17.1; extra == "video"\n'
                'Requires-Dist: here; os_name == "posix" and extra == "video"\n'
                'Requires-Dist: other; os_name != "posix" and extra == "video"\n'
                'Requires-Dist: base; os_name == "posix"\n'
            )
        if origin is not None:
            (folders[1] / "direct_url.json").write_text(json.dumps(origin))
        path = [str(folder.parent) for folder in folders]
        found = list(metadata.distributions(name="deepdepth-jax", path=path))
        assert len(found) == 2
        monkeypatch.setattr(metadata, "distributions", lambda name: iter(found))

    return install


def pip_arguments(extra):
    command = shlex.split(install_command(extra))
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    return command[4:]


def test_an_editable_checkout_is_named_by_its_folder(installed):
    installed({"dir_info": {"editable": True}, "url": "file:///home/me/my%20depth"})
    assert pip_arguments("demo") == ["-e", "/home/me/my depth[demo]"]


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        (
            {"archive_info": {"hash": "sha256=00"}, "url": "file:///a/depth.whl"},
            "file:///a/depth.whl",
        ),
        ({"dir_info": {}, "url": "file:///a/depth"}, "file:///a/depth"),
        (
            {
                "url": "https://example.org/depth.git",
                "vcs_info": {"vcs": "git", "commit_id": "0123abc"},
                "subdirectory": "jax",
            },
            "git+https://example.org/depth.git@0123abc#subdirectory=jax",
        ),
    ],
    ids=["wheel", "folder", "repository"],
)
def test_what_came_from_a_place_is_named_by_it(installed, origin, url):
    installed(origin)
    [argument] = pip_arguments("demo")
    asked = Requirement(argument)
    assert (asked.name, asked.extras, asked.url) == ("deepdepth-jax", {"demo"}, url)


def test_without_a_place_the_packages_are_named(installed):
    installed(None)
    assert pip_arguments("demo") == ["gradio[a]<7,>=6"]
    assert pip_arguments("video") == ["av<19,>=17.1", "here"]


@pytest.mark.parametrize(
    "extra", ["beam", "demo", "export", "exr", "torch", "train", "video"]
)
def test_the_installation_at_hand_is_known(extra):
    arguments = pip_arguments(extra)
    assert arguments
    assert f"deepdepth-jax[{extra}]" not in arguments
