PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run test lint format check lock migrate

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## Start everything, and show the demo; Ctrl-C stops it
	@exec $(BIN)/tocsin up --demo

test: $(VENV)/.installed-dev  ## Run all tests, on servers of their own
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-dev  ## Look for mistakes in code and types
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev  ## Write all code in the one form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: lint  ## What CI runs beside the tests
	$(BIN)/ruff format --check
	$(BIN)/python .ci/lock_in_step.py

lock: $(VENV)/.installed-dev  ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --output-file requirements-dev.lock --extra dev

migrate: $(VENV)/.installed  ## Bring the database of the settings to this version
	@$(BIN)/tocsin migrate

# The environment, made anew whenever its lock is newer; the stamp is the last thing that is made.
$(VENV)/.installed: requirements.lock
$(VENV)/.installed-dev: requirements-dev.lock
$(VENV)/.installed $(VENV)/.installed-dev:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv module" \
	    "(Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing $< into $(VENV), once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
