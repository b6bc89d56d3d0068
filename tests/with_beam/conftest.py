"""What needs Apache Beam is only collected where it is installed: `make test-beam`."""

import importlib.util

if importlib.util.find_spec("apache_beam") is None:
    collect_ignore_glob = ["test_*.py"]
