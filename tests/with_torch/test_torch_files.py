import hashlib
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from foreign_checkpoints import aspp, classifier, state_dict

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.pretrained import load_backbone
from deepdepth_jax.weights.catalogue import Checkpoint
from deepdepth_jax.weights.conversion import convert_file
from deepdepth_jax.weights.hub import resolve


def tensors(prefix=""):
    arrays = state_dict("resnet18", prefix=prefix) | classifier(32)
    return {name: torch.from_numpy(x) for name, x in arrays.items()}


def scale(path):
    return convert_file(path).backbone.params["layer2_0"]["downsample_bn"]["scale"]


EXPECTED = state_dict("resnet18")["layer2.0.downsample.1.weight"]


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats(suffix, zipped, tmp_path):
    path = tmp_path / f"in{suffix}"
    torch.save(tensors(), path, _use_new_zipfile_serialization=zipped)

    np.testing.assert_array_equal(scale(path), EXPECTED)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_a_state_dict_among_other_things(key, tmp_path):
    path = tmp_path / "in.pth"
    torch.save({"epoch": 3, key: tensors("module."), "best": 0.7}, path)

    np.testing.assert_array_equal(scale(path), EXPECTED)


def test_parameters_and_half_precision(tmp_path):
    halved = {
        name: torch.nn.Parameter(x.bfloat16()) if x.is_floating_point() else x
        for name, x in tensors().items()
    }
    torch.save(halved, tmp_path / "in.pth")

    np.testing.assert_allclose(scale(tmp_path / "in.pth"), EXPECTED, rtol=1e-2)
    assert scale(tmp_path / "in.pth").dtype == np.float32


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_nothing_in_a_checkpoint_is_executed(plain_pickle, tmp_path):
    content = tensors() | {"bomb": Bomb(tmp_path / "exploded")}
    if plain_pickle:
        (tmp_path / "in.pth").write_bytes(pickle.dumps(content))
    else:
        torch.save(content, tmp_path / "in.pth")

    with pytest.raises(UserError, match="never unpickled") as error:
        convert_file(tmp_path / "in.pth")

    assert "\n" not in str(error.value)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_files(zipped, tmp_path):
    path = tmp_path / "in.pth"
    torch.save(tensors(), path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"in\.pth: truncated, damaged") as error:
            convert_file(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, {"model": {}}])
def test_no_state_dict(content, tmp_path):
    torch.save(content, tmp_path / "in.pth")

    with pytest.raises(UserError, match=r"holds no state dict; save model\.state_dict"):
        convert_file(tmp_path / "in.pth")


@pytest.mark.parametrize("key", [3, None, (1, 2), b"conv1.weight"])
def test_keys_that_are_no_names(key, tmp_path):
    torch.save(tensors() | {key: torch.ones(2)}, tmp_path / "in.pth")

    with pytest.raises(UserError, match=r"holds no state dict; save model\.state_dict"):
        convert_file(tmp_path / "in.pth")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "odd",
    [
        lambda: torch.empty(3, device="meta"),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        lambda: torch.zeros(2, dtype=torch.complex32),
        lambda: torch.zeros(2, dtype=torch.complex64).conj(),
        lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
    ],
)
def test_tensors_without_numbers_are_named(odd, tmp_path):
    torch.save(tensors() | {"odd": odd()}, tmp_path / "in.pth")

    with pytest.raises(UserError, match="odd holds no numbers that can be") as error:
        convert_file(tmp_path / "in.pth")
    assert "\n" not in str(error.value)


def flip_a_bit_of_the_largest_member(path):
    """Changes a weight: torch loads such a file without a word."""
    with zipfile.ZipFile(path) as file:
        largest = max(file.infolist(), key=lambda member: member.file_size)
    content = bytearray(path.read_bytes())
    content[largest.header_offset + largest.file_size // 2] ^= 1
    path.write_bytes(content)


def test_a_file_that_has_changed_is_refused(tmp_path):
    path = tmp_path / "in.pth"
    torch.save(tensors(), path)
    flip_a_bit_of_the_largest_member(path)
    assert torch.load(path, weights_only=True).keys() == tensors().keys()

    with pytest.raises(UserError, match=r"the checksum of in/data/\d+ is wrong"):
        convert_file(path)


def test_files_that_were_saved_without_checksums(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(tensors(), tmp_path / "in.pth")
    finally:
        torch.serialization.set_crc32_options(True)

    np.testing.assert_array_equal(scale(tmp_path / "in.pth"), EXPECTED)


def test_the_digest_in_the_name(tmp_path):
    torch.save(tensors(), tmp_path / "in.pth")
    digest = hashlib.sha256((tmp_path / "in.pth").read_bytes()).hexdigest()
    right = tmp_path / f"resnet18-{digest[:8]}.pth"
    wrong = tmp_path / "resnet18-5d3b4d8f.pth"
    (tmp_path / "in.pth").rename(right)

    np.testing.assert_array_equal(scale(right), EXPECTED)
    right.rename(wrong)
    with pytest.raises(UserError, match=f"begins with {digest[:8]} instead of 5d3b4d8"):
        convert_file(wrong)


def test_by_name_from_the_cache(tmp_path):
    torch.save(tensors(), tmp_path / "resnet18.pth")
    digest = hashlib.sha256((tmp_path / "resnet18.pth").read_bytes()).hexdigest()
    known = {"a": Checkpoint("http://127.0.0.1:9/resnet18.pth", f"sha256:{digest}")}

    path = resolve("a", tmp_path, known)

    assert load_backbone(path).metadata.source_sha256 == digest


def test_deeplab_with_its_head(tmp_path):
    arrays = state_dict("resnet101", prefix="Scale.") | aspp(
        128, name="Scale.layer5.conv2d_list.{}"
    )
    path = tmp_path / "in.pth"
    torch.save({name: torch.from_numpy(x) for name, x in arrays.items()}, path)

    backbone = convert_file(path).backbone

    assert backbone.metadata.architecture == "resnet101"
    np.testing.assert_array_equal(
        backbone.aspp["branch3"]["bias"], arrays["Scale.layer5.conv2d_list.3.bias"]
    )
