# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal
# Many containers set it. Each start would compile JAX and TensorFlow anew, for 10 seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-lowest test-torch test-beam test-densecrf test-openvino test-trackers test-browser test-gpu \
	test-kills findings smoke bench bench-gpu gpu-program dist release format lock clean

demo: .venv/installed  ## Render street scenes, train on them, evaluate, draw.
	$(BIN)/python -m deepdepth_jax.main --config=configs/streets.py

test: .venv/installed  ## Every check: format, lint, types, tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/$(PYTEST)

test-lowest:  ## The tests at the lowest versions that pyproject.toml allows.
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet "uv>=0.8,<1"
	.venv-lowest/bin/uv pip install --quiet --python=.venv-lowest/bin/python \
		--resolution=lowest-direct --editable ".[dev]"
	.venv-lowest/bin/$(PYTEST)

test-torch: .venv/installed  ## Parity with PyTorch implementations; installs them.
	$(BIN)/pip install --quiet "torch>=2.6,<3" "transformers>=4.50,<6"
	$(BIN)/pytest tests/with_torch

test-beam:  ## Preparing data with Apache Beam, in an environment of its own.
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/pip install --quiet --editable ".[beam,dev]"
	.venv-beam/bin/pytest tests/with_beam

test-densecrf:  ## Parity with the CRF's authors' code, in an environment of its own.
	$(PYTHON) -m venv .venv-densecrf
	.venv-densecrf/bin/pip install --quiet --editable ".[densecrf,dev]"
	.venv-densecrf/bin/pytest tests/with_densecrf

test-openvino:  ## The exported model in OpenVINO, in an environment of its own.
	$(PYTHON) -m venv .venv-openvino
	.venv-openvino/bin/pip install --quiet --editable ".[openvino,dev]"
	.venv-openvino/bin/pytest tests/with_openvino

test-trackers:  ## W&B offline and MLflow with a database, in an environment of its own.
	$(PYTHON) -m venv .venv-trackers
	.venv-trackers/bin/pip install --quiet --editable ".[wandb,mlflow,dev]"
	.venv-trackers/bin/pytest tests/with_trackers

test-browser:  ## The web page in Debian's browser, in an environment of its own.
	@command -v chromium >/dev/null || \
		{ test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qqy chromium; } || \
		{ echo "error: there is no chromium: install your system's package" >&2; exit 2; }
	$(PYTHON) -m venv .venv-browser
	.venv-browser/bin/pip install --quiet --editable ".[demo,dev]" "playwright>=1.50,<2"
	.venv-browser/bin/pytest tests/with_browser

test-gpu:  ## A GPU says what the CPU says, in an environment of its own.
	$(PYTHON) -m venv .venv-gpu
	.venv-gpu/bin/pip install --quiet --editable ".[cuda,dev]"
	CUDA_VISIBLE_DEVICES=$${CUDA_VISIBLE_DEVICES:-0} .venv-gpu/bin/pytest tests/with_gpu

test-kills: .venv/installed  ## Kills trainings and adaptations; they must end the same.
	$(BIN)/python tests/kill_harness.py --kills=24
	$(BIN)/python tests/kill_adaptation.py

findings:  ## Repeats what surprised us in other libraries; prints which has changed.
	PYTHON=$(PYTHON) findings/repeat.bash

smoke: .venv/installed  ## The demo's commands, small enough for a minute or two.
	rm -rf runs/smoke
	$(BIN)/python -m deepdepth_jax.main --config=configs/streets.py \
		--workdir=runs/smoke --config.data.prepared_dir=runs/smoke/prepared \
		--config.data.streets.train_scenes=8 --config.data.streets.val_scenes=2 \
		--config.data.streets.test_scenes=3 --config.model.backbone=tiny \
		--config.model.width=8 --config.train.num_steps=4
	$(BIN)/python -m deepdepth_jax.main --workdir=runs/smoke --mode=evaluate \
		--config.eval.flip=True
	$(BIN)/python -m deepdepth_jax.predict --workdir=runs/smoke \
		--input=docs/images/anywhere.png --output=runs/smoke/predicted
	$(BIN)/python -m deepdepth_jax.export --workdir=runs/smoke \
		--format=onnx --output=runs/smoke/depth.onnx

bench: .venv/installed  ## All that is measured beside others, in one table.
	$(BIN)/pip install --quiet "torch>=2.6,<3"
	$(BIN)/python -m benchmarks

bench-gpu:  ## The network beside PyTorch on a GPU, in under ten minutes.
	$(PYTHON) -m venv .venv-gpu
	.venv-gpu/bin/pip install --quiet --editable ".[bench,cuda,dev]"
	CUDA_VISIBLE_DEVICES=$${CUDA_VISIBLE_DEVICES:-0} .venv-gpu/bin/python -m \
		benchmarks.network --precision float32 bfloat16 --remat none selective --case=3x420x800@0.19 \
		--forms "channels_last compiled" --output=runs/benchmark/gpu

gpu-program:  ## Programs for GPUs, compiled and read where there is none.
	$(PYTHON) -m venv .venv-gpu-program
	.venv-gpu-program/bin/pip install --quiet --editable ".[gpu-program]"
	.venv-gpu-program/bin/python -m benchmarks.gpu_program

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dist: .venv/installed  ## Build the source distribution and the wheel into dist/.
	rm -rf dist
	$(BIN)/uv build --quiet

release:  ## dist/ for the package index. Refuses without the repository's address.
	@! grep -q '^repository = ""' pyproject.toml || \
		{ echo "error: pyproject.toml: tool.deepdepth_jax.repository must be" \
			"the public address of the repository: docs/release.md" >&2; exit 2; }
	$(MAKE) dist

lock: .venv/installed  ## Resolve pyproject.toml anew into requirements.lock.
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet --output-file requirements.lock

clean:
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache *.egg-info

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than Python 3.11: make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@# Compiling every module takes as long as all else: Python compiles what it imports.
	$(BIN)/pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@
