# Every job of the project. `make help` lists them; two commands do everything on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := vms ingest blanking retention api config sample_streams auditor
UV_VERSION := 0.13.9
# uv's own cache may lie on another volume than the environment
export UV_LINK_MODE := copy

.PHONY: help demo test test-fast check format lock bench leak-campaign erase-campaign mutants clean system-demo system-test up

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: system-demo $(VENV)/.runtime  ## set up, start the demo city and the whole system, and print where to sign in
	@$(BIN)/vms demo

up: $(VENV)/.runtime  ## run the system on this machine with its own data in var/ (no demo cameras)
	@$(BIN)/vms up

test: system-test $(VENV)/.dev  ## set up and run all tests
	@$(BIN)/pytest

test-fast: $(VENV)/.dev  ## only the tests that start no processes and no browser
	@$(BIN)/pytest -m "not processes and not browser and not slow"

check: $(VENV)/.dev  ## linter, formatter, types, import contracts, locked requirements
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev  ## let the formatter and the linter's safe repairs change files
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

leak-campaign: $(VENV)/.dev  ## random cameras against an independent truth; FRAMES=20000 SEED=1 STRIDE=4
	@$(BIN)/python -m tests.blanking.campaign --frames $(or $(FRAMES),20000) --seed $(or $(SEED),1) --stride $(or $(STRIDE),4)

erase-campaign: $(VENV)/.dev  ## random histories of retention, and a crash at every step of every operation; HISTORIES=5000
	@VMS_HISTORIES=$(or $(HISTORIES),5000) VMS_EVERY_STEP=1 $(BIN)/pytest -q tests/retention/test_state_machine.py tests/retention/test_every_step.py

bench: system-test $(VENV)/.dev  ## measure against named peers; prints ratios with their spread
	@$(BIN)/python -m bench

mutants: $(VENV)/.dev  ## plant faults in a copy of the code, one by one, and see that the tests find each
	@$(BIN)/python -m tests.mutants

lock: $(VENV)/.uv  ## compile requirements/*.in to hashed requirements/*.txt (asks the package index)
	@for name in runtime build tokens dev; do $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --custom-compile-command "make lock" requirements/$$name.in --output-file requirements/$$name.txt; done

clean:  ## remove the environment, caches and the demo's data
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

system-demo:
	@requirements/install-system-packages demo

system-test:
	@requirements/install-system-packages test

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml auditor/pyproject.toml $(VENV)/.uv
	@echo "Installing Python packages ..."
	@$(BIN)/uv pip install --quiet --require-hashes -r requirements/runtime.txt
	@$(BIN)/uv pip install --quiet --require-hashes -r requirements/build.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e . -e ./auditor
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing development packages ..."
	@$(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
