"""What needs W&B and MLflow is only collected where they are: `make test-trackers`."""

import importlib.util

if not all(map(importlib.util.find_spec, ("wandb", "mlflow"))):
    collect_ignore_glob = ["test_*.py"]
