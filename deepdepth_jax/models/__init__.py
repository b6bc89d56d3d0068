"""The network: layers, ResNet, DeepLab v2, its heads, and pretrained backbones.

May import `runtime` and the pure modules at the top. Knows no data set.
"""
