"""What needs PyTorch is only collected where it is installed: `make test-torch`."""

import importlib.util

if not all(map(importlib.util.find_spec, ("torch", "transformers"))):
    collect_ignore_glob = ["test_*.py"]
