# Two commands for everybody: `make demo` shows what this is, `make test` shows that it works.
# Each does all of its own set-up in .venv; nothing is installed anywhere else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
DEMO ?= demo-data

.PHONY: demo test test-train lint lock bench chaos services clean

demo: $(VENV)/main.ready
	$(BIN)/observatory demo --out $(DEMO)

test: $(VENV)/dev.ready
	$(BIN)/python -m pytest $(PYTEST)

# the parts that need ultralytics (several GB): parity of boxes, training, export; in an environment of their own
test-train: .venv-train/ready
	.venv-train/bin/python -m pytest -m train $(PYTEST)

lint: $(VENV)/dev.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.ready
	$(BIN)/observatory bench

chaos: $(VENV)/dev.ready
	OBSERVATORY_CHAOS=long $(BIN)/python -m pytest -m chaos $(PYTEST)

# real Kafka and real object stores on this machine, without a container engine (needs Java, Maven and Go)
services: $(VENV)/dev.ready
	$(BIN)/python deploy/services/local.py prepare

LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 requirements/build.in pyproject.toml
lock:
	$(LOCK) -o requirements/main.txt
	$(LOCK) --extra serve -o requirements/image.txt
	$(LOCK) --group dev --extra mongo --extra pdf --extra serve -o requirements/dev.txt
	$(LOCK) --group dev --extra train --extra mlflow --extra mongo --extra pdf --extra serve -o requirements/train.txt

$(VENV)/python.ready:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/main.ready: $(VENV)/python.ready requirements/main.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/main.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.ready: $(VENV)/main.ready requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@

.venv-train/ready: requirements/train.txt pyproject.toml
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements/train.txt
	.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) .venv-train $(DEMO)
