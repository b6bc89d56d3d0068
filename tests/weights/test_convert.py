import re
import subprocess
import sys

import numpy as np
import pytest
from foreign_checkpoints import classifier, state_dict
from safetensors.numpy import load_file, save_file

from deepdepth_jax.convert import main
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import load_backbone
from deepdepth_jax.runtime.installation import install_command


@pytest.fixture
def foreign(tmp_path):
    path = tmp_path / "resnet18.safetensors"
    save_file(state_dict("resnet18") | classifier(32), path)
    return path


def test_there_and_back(foreign, tmp_path, capsys):
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"

    main([f"--input={foreign}", f"--output={ours}"])
    report = capsys.readouterr().out
    main([f"--input={ours}", f"--output={theirs}", "--to=torchvision"])

    assert "torchvision or timm, resnet18, 122 tensors, 100 taken" in report
    assert "fc.bias, fc.weight" in report
    assert report.endswith(f"wrote {ours}\n")
    before, after = load_file(foreign), load_file(theirs)
    assert after.keys() <= before.keys()
    assert all(np.array_equal(before[name], x) for name, x in after.items())


def test_options_reach_the_metadata(foreign, tmp_path):
    output = tmp_path / "ours.safetensors"

    main(
        [
            f"--input={foreign}",
            f"--output={output}",
            "--kind=deeplab_v2",
            "--convention=deeplab_bgr",
            "--stride_on=3x3",
        ]
    )

    metadata = load_backbone(output).metadata
    assert metadata.source == "deeplab_v2"
    assert metadata.convention == CONVENTIONS["deeplab_bgr"]
    assert metadata.stride_on == "3x3"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input={foreign}"], r"required: --output"),
        (["--input={foreign}", "--output={out}.pth"], r"must end in \.safetensors"),
        (["--input={foreign}", "--output={foreign}"], "is the input"),
        (["--input={out}", "--output={out}.safetensors"], "no such file"),
        (["--input={out}.npz", "--output={out}.safetensors"], "unknown type"),
        (
            ["--input={foreign}", "--output={out}.safetensors", "--kind=x"],
            "choose from",
        ),
        (
            ["--input={foreign}", "--output={out}.safetensors", "--to=torchvision"],
            "not converted yet",
        ),
        (
            [
                "--input={foreign}",
                "--output={out}.safetensors",
                "--to=torchvision",
                "--stride_on=3x3",
            ],
            "--stride_on does not apply",
        ),
    ],
)
def test_mistakes(arguments, message, foreign, tmp_path):
    (tmp_path / "out.npz").touch()
    names = {"foreign": foreign, "out": tmp_path / "out"}

    with pytest.raises(UserError, match=message):
        main([argument.format(**names) for argument in arguments])

    assert not (tmp_path / "out.safetensors").exists()


def test_torch_is_only_asked_for_when_it_is_needed(foreign, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "in.pth").touch()

    main([f"--input={foreign}", f"--output={tmp_path / 'out.safetensors'}"])
    with pytest.raises(UserError, match=re.escape(install_command("torch"))):
        main([f"--input={tmp_path / 'in.pth'}", f"--output={tmp_path}/2.safetensors"])


def test_known_names_carry_their_digest(foreign, tmp_path):
    renamed = tmp_path / "resnet18-f37072fd.pth"
    foreign.rename(renamed)

    with pytest.raises(UserError, match=r"sha256 begins with \w{8} instead of f37072f"):
        main([f"--input={renamed}", f"--output={tmp_path / 'out.safetensors'}"])
    keras = tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    renamed.rename(keras)
    with pytest.raises(UserError, match=r"md5 begins with \w{32} instead of 4d473c1d"):
        main([f"--input={keras}", f"--output={tmp_path / 'out.safetensors'}"])


def test_the_command_ends_a_mistake_with_one_line(tmp_path):
    command = [sys.executable, "-m", "deepdepth_jax.convert"]
    arguments = [f"--input={tmp_path}/no.h5", f"--output={tmp_path}/out.safetensors"]

    result = subprocess.run(
        command + arguments, check=False, capture_output=True, text=True
    )

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == f"error: {tmp_path}/no.h5: no such file\n"
