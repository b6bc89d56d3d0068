"""Naming schemes of public ResNet checkpoints, one per source."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from deepdepth_jax.weights.naming import NamingScheme

TORCH_LEAVES = MappingProxyType(
    {
        "kernel": ".weight",
        "scale": ".weight",
        "bias": ".bias",
        "mean": ".running_mean",
        "var": ".running_var",
    }
)
OIHW_TO_HWIO = (2, 3, 1, 0)
HWIO = (0, 1, 2, 3)
CLASSIFIER = "the classifier: its classes are not depth"
COUNTER = "counters that nothing uses once the statistics are there"

TORCHVISION = NamingScheme(
    name="torchvision",
    title="torchvision or timm",
    mark=r"(module\.)?layer\d\.\d+\.(conv|bn)\d\..*",
    prefix=r"(module\.)?",
    stem={"conv1": "conv1", "bn1": "bn1"},
    block="layer{stage}.{block}.",
    first_stage=1,
    first_block=0,
    layers={
        "conv1": "conv1",
        "bn1": "bn1",
        "conv2": "conv2",
        "bn2": "bn2",
        "conv3": "conv3",
        "bn3": "bn3",
        "downsample_conv": "downsample.0",
        "downsample_bn": "downsample.1",
    },
    head={},
    leaves=TORCH_LEAVES,
    kernel_axes=OIHW_TO_HWIO,
    conv_bias="",
    epsilon=1e-5,
    convention="imagenet_rgb",
    stride_on="3x3",
    left_out={r"fc\.(weight|bias)": CLASSIFIER, r".*\.num_batches_tracked": COUNTER},
)

DEEPLAB_V2 = dataclasses.replace(
    TORCHVISION,
    name="deeplab_v2",
    title="DeepLab v2 in PyTorch",
    mark=r"(module\.)?layer5\.conv2d_list\..*",
    head={f"branch{i}": f"layer5.conv2d_list.{i}" for i in range(4)},
    stride_on="1x1",
)

# The same network from Caffe's weights. Only the multi-scale wrapper has the prefix.
DEEPLAB_V2_COCO = dataclasses.replace(
    DEEPLAB_V2,
    name="deeplab_v2_coco",
    title="DeepLab v2 in PyTorch, COCO initialisation",
    mark=r"(module\.)?Scale\..*",
    prefix=r"(module\.)?(Scale\.)?",
    convention="caffe_bgr",
)

CAFFE_PORT = NamingScheme(
    name="caffe_port",
    title="DeepLab v2 in PyTorch, port of Caffe's",
    mark=r"(module\.)?(base\.)?layer\d\.(conv1|block\d+\.\w+)\.(conv|bn)\..*",
    prefix=r"(module\.)?(base\.)?",
    stem={"conv1": "layer1.conv1.conv", "bn1": "layer1.conv1.bn"},
    block="layer{stage}.block{block}.",
    first_stage=2,
    first_block=1,
    layers={
        "conv1": "reduce.conv",
        "bn1": "reduce.bn",
        "conv2": "conv3x3.conv",
        "bn2": "conv3x3.bn",
        "conv3": "increase.conv",
        "bn3": "increase.bn",
        "downsample_conv": "shortcut.conv",
        "downsample_bn": "shortcut.bn",
    },
    head={f"branch{i}": f"aspp.c{i}" for i in range(4)},
    leaves=TORCH_LEAVES,
    kernel_axes=OIHW_TO_HWIO,
    conv_bias="",
    epsilon=1e-5,
    convention="deeplab_bgr",
    stride_on="1x1",
    left_out={r"fc\.(weight|bias)": CLASSIFIER, r".*\.num_batches_tracked": COUNTER},
)

HUGGING_FACE = NamingScheme(
    name="huggingface",
    title="Hugging Face",
    mark=r"(resnet\.)?encoder\.stages\.\d\.layers\..*",
    prefix=r"(resnet\.)?",
    stem={
        "conv1": "embedder.embedder.convolution",
        "bn1": "embedder.embedder.normalization",
    },
    block="encoder.stages.{stage}.layers.{block}.",
    first_stage=0,
    first_block=0,
    layers={
        "conv1": "layer.0.convolution",
        "bn1": "layer.0.normalization",
        "conv2": "layer.1.convolution",
        "bn2": "layer.1.normalization",
        "conv3": "layer.2.convolution",
        "bn3": "layer.2.normalization",
        "downsample_conv": "shortcut.convolution",
        "downsample_bn": "shortcut.normalization",
    },
    head={},
    leaves=TORCH_LEAVES,
    kernel_axes=OIHW_TO_HWIO,
    conv_bias="",
    epsilon=1e-5,
    convention="imagenet_rgb",
    stride_on="3x3",
    left_out={
        r"classifier\.1\.(weight|bias)": CLASSIFIER,
        r".*\.num_batches_tracked": COUNTER,
    },
)

KERAS = NamingScheme(
    name="keras",
    title="Keras applications",
    mark=r"conv\d_block\d+_\d_(conv|bn)/.*",
    prefix="",
    stem={"conv1": "conv1_conv", "bn1": "conv1_bn"},
    block="conv{stage}_block{block}_",
    first_stage=2,
    first_block=1,
    layers={
        "conv1": "1_conv",
        "bn1": "1_bn",
        "conv2": "2_conv",
        "bn2": "2_bn",
        "conv3": "3_conv",
        "bn3": "3_bn",
        "downsample_conv": "0_conv",
        "downsample_bn": "0_bn",
    },
    head={},
    leaves={
        "kernel": "/kernel",
        "scale": "/gamma",
        "bias": "/beta",
        "mean": "/moving_mean",
        "var": "/moving_variance",
    },
    kernel_axes=HWIO,
    conv_bias="/bias",
    epsilon=1.001e-5,
    convention="caffe_bgr",
    stride_on="1x1",
    left_out={
        r"(predictions|probs|fc1000)/(kernel|bias)": CLASSIFIER,
        r"optimizer/.*": "the state of an optimiser",
    },
)

# The first scheme whose mark matches is taken, so special ones come first.
SOURCES: Mapping[str, NamingScheme] = MappingProxyType(
    {
        source.name: source
        for source in (
            DEEPLAB_V2_COCO,
            DEEPLAB_V2,
            CAFFE_PORT,
            HUGGING_FACE,
            KERAS,
            TORCHVISION,
        )
    }
)

# Networks that share most of their names with a ResNet.
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        r"(.*\.)?conv1\.0\.weight": (
            'a "d" variant (or c, s, t), whose stem is three 3x3 convolutions'
        ),
        r".*/depthwise_kernel": "a ResNeXt, whose 3x3 convolutions are grouped",
        r".*_preact_bn/.*": "a ResNet V2, which normalises before its convolutions",
        r".*\.se\..*": "an SE-ResNet, which weighs its channels",
    }
)
