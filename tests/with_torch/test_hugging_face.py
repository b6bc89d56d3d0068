import jax
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import ResNetConfig, ResNetForImageClassification

from deepdepth_jax.models.resnet import ResNet
from deepdepth_jax.weights.conversion import convert_file

DEPTHS = {
    "resnet18": ([2, 2, 2, 2], "basic", [64, 128, 256, 512]),
    "resnet50": ([3, 4, 6, 3], "bottleneck", [256, 512, 1024, 2048]),
}


def random_resnet(architecture):
    depths, kind, sizes = DEPTHS[architecture]
    torch.manual_seed(0)
    model = ResNetForImageClassification(
        ResNetConfig(depths=depths, layer_type=kind, hidden_sizes=sizes)
    )
    last = "layer.1.normalization" if kind == "basic" else "layer.2.normalization"
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # A small last gain in each block keeps the sums over many in range.
            module.weight.data.uniform_(0.5, 1.5).mul_(0.3 if last in name else 1.0)
            module.bias.data.normal_(0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("architecture", DEPTHS)
def test_computes_what_hugging_face_computes(architecture, tmp_path):
    model = random_resnet(architecture)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    image = torch.randn(2, 3, 97, 97, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model.resnet(image).last_hidden_state.numpy()

    conversion = convert_file(tmp_path / "model.safetensors")
    # 100 MB that pytest would keep.
    (tmp_path / "model.safetensors").unlink()

    backbone = conversion.backbone
    network = ResNet(
        backbone.metadata.architecture,
        output_stride=32,
        stride_on=backbone.metadata.stride_on,
    )
    variables = {"params": backbone.params, "batch_stats": backbone.batch_stats}
    ours = jax.jit(network.apply)(variables, image.permute(0, 2, 3, 1).numpy())[-1]
    ours = np.transpose(ours, (0, 3, 1, 2))
    assert backbone.metadata.architecture == architecture
    assert np.abs(ours - expected).max() < 1e-4 * np.abs(expected).max()
    assert ["classifier.1.weight", "classifier.1.bias"] in [
        sorted(names, reverse=True) for names in conversion.left_out.values()
    ]
