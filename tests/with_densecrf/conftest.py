"""What needs pydensecrf2 is only collected where it is: `make test-densecrf`."""

import importlib.util

if importlib.util.find_spec("pydensecrf") is None:
    collect_ignore_glob = ["test_*.py"]
