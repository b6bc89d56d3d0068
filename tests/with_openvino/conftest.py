"""What needs OpenVINO is only collected where it is: `make test-openvino`."""

import importlib.util

if importlib.util.find_spec("openvino") is None:
    collect_ignore_glob = ["test_*.py"]
