"""Public checkpoints by name, with URL and digest."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from deepdepth_jax.weights.readers import digest_in_name


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A downloadable file.

    Attributes:
      url: address of the file.
      digest: algorithm and first digits, such as `sha256:63fe2227`.
    """

    url: str
    digest: str

    @property
    def file_name(self) -> str:
        """The last part of the URL."""
        return self.url.rsplit("/", 1)[-1]


PYTORCH = "https://download.pytorch.org/models/"
TIMM = (
    "https://github.com/huggingface/pytorch-image-models/releases/download/"
    "v0.1-rsb-weights/"
)
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"

# From torchvision's `weights` enums and timm's registry. The names end in the first
# digits of the SHA-256.
NAMED_BY_DIGEST: Mapping[str, str] = MappingProxyType(
    {
        "torchvision/resnet18": f"{PYTORCH}resnet18-f37072fd.pth",
        "torchvision/resnet34": f"{PYTORCH}resnet34-b627a593.pth",
        "torchvision/resnet50": f"{PYTORCH}resnet50-0676ba61.pth",
        "torchvision/resnet50.v2": f"{PYTORCH}resnet50-11ad3fa6.pth",
        "torchvision/resnet101": f"{PYTORCH}resnet101-63fe2227.pth",
        "torchvision/resnet101.v2": f"{PYTORCH}resnet101-cd907fc2.pth",
        "torchvision/resnet152": f"{PYTORCH}resnet152-394f9c45.pth",
        "torchvision/resnet152.v2": f"{PYTORCH}resnet152-f82ba261.pth",
        "timm/resnet18.tv_in1k": f"{PYTORCH}resnet18-f37072fd.pth",
        "timm/resnet34.tv_in1k": f"{PYTORCH}resnet34-b627a593.pth",
        "timm/resnet50.tv_in1k": f"{PYTORCH}resnet50-0676ba61.pth",
        "timm/resnet50.tv2_in1k": f"{PYTORCH}resnet50-11ad3fa6.pth",
        "timm/resnet101.tv_in1k": f"{PYTORCH}resnet101-63fe2227.pth",
        "timm/resnet101.tv2_in1k": f"{PYTORCH}resnet101-cd907fc2.pth",
        "timm/resnet152.tv_in1k": f"{PYTORCH}resnet152-394f9c45.pth",
        "timm/resnet152.tv2_in1k": f"{PYTORCH}resnet152-f82ba261.pth",
        "timm/resnet18.a1_in1k": f"{TIMM}resnet18_a1_0-d63eafa0.pth",
        "timm/resnet34.a1_in1k": f"{TIMM}resnet34_a1_0-46f8f793.pth",
        "timm/resnet50.a1_in1k": f"{TIMM}resnet50_a1_0-14fe96d1.pth",
        "timm/resnet101.a1_in1k": f"{TIMM}resnet101_a1_0-cdcb52a9.pth",
        "timm/resnet152.a1_in1k": f"{TIMM}resnet152_a1_0-2eee8a7a.pth",
    }
)

# As Keras checks them itself; with its classifier and without.
_KERAS_FILE = "{}_weights_tf_dim_ordering_tf_kernels{}.h5"
KERAS_MD5: Mapping[str, str] = MappingProxyType(
    {
        _KERAS_FILE.format("resnet50", ""): "2cb95161c43110f7111970584f804107",
        _KERAS_FILE.format("resnet50", "_notop"): "4d473c1dd8becc155b73f8504c6f6626",
        _KERAS_FILE.format("resnet101", ""): "f1aeb4b969a6efcfb50fad2f0c20cfc5",
        _KERAS_FILE.format("resnet101", "_notop"): "88cf7a10940856eca736dc7b7e228a21",
        _KERAS_FILE.format("resnet152", ""): "100835be76be38e30d865e96f2aaae62",
        _KERAS_FILE.format("resnet152", "_notop"): "ee4c566cf9a93f14d82f913c2dc6dd0c",
    }
)


def _checkpoints() -> dict[str, Checkpoint]:
    by_name = {
        name: Checkpoint(url, digest_in_name(url) or "")
        for name, url in NAMED_BY_DIGEST.items()
    }
    for name in ("resnet50", "resnet101", "resnet152"):
        file_name = _KERAS_FILE.format(name, "_notop")
        by_name[f"keras/{name}"] = Checkpoint(
            KERAS + file_name, f"md5:{KERAS_MD5[file_name]}"
        )
    return by_name


CHECKPOINTS: Mapping[str, Checkpoint] = MappingProxyType(_checkpoints())


def known_digest(file_name: str) -> str | None:
    """Returns the digest of a known file, or the one in its name, or None."""
    if file_name in KERAS_MD5:
        return f"md5:{KERAS_MD5[file_name]}"
    return digest_in_name(file_name)
