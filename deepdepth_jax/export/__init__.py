"""The network for other runtimes, ONNX or StableHLO: `python -m deepdepth_jax.export`.

`__main__` parses the command line. The other modules build a model, check its parity
with the network, and write it.
"""
