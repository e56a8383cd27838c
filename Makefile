PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run test fuzz lint format check lock migrate quality quality-short cost bench bench-short picture chaos

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## Start everything, and show the demo; Ctrl-C stops it
	@exec $(BIN)/tocsin up --demo

test: $(VENV)/.installed-dev  ## Run all tests (or TESTS=folders), in two processes, on servers of their own
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS) $(TESTS)

fuzz: $(VENV)/.installed-dev  ## Ask every route by the OpenAPI document, for minutes (EXAMPLES=200, SEED=1)
	@$(BIN)/python -m pytest -q -s tests/fuzz/fuzz_routes.py

lint: $(VENV)/.installed-dev  ## Look for mistakes in code and types
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive app workers migrations \
	  2> $(VENV)/bandit.log || { cat $(VENV)/bandit.log >&2; exit 1; }

format: $(VENV)/.installed-dev  ## Write all code in the one form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: lint  ## What CI runs beside the tests
	$(BIN)/ruff format --check
	$(BIN)/python .ci/lock_in_step.py

lock: $(VENV)/.installed-dev  ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --output-file requirements-dev.lock --extra dev
	$(subst pyproject.toml,benchmarks/quality/metrics.in,$(COMPILE)) --upgrade \
	  --override benchmarks/quality/metrics-without.in --output-file requirements-quality.lock

quality: $(VENV)/.installed $(VENV)-quality/.installed  ## Measure the detector on labelled series (DATA=folder), an hour or two
	@$(BIN)/python -m benchmarks.quality $(if $(DATA),--data $(DATA)) $(ARGS)

quality-short: $(VENV)/.installed $(VENV)-quality/.installed  ## The same on a few series, in minutes
	@$(BIN)/python -m benchmarks.quality --short $(if $(DATA),--data $(DATA)) $(ARGS)

cost: $(VENV)/.installed  ## Time the detector beside plain scikit-learn
	@$(BIN)/python -m benchmarks.cost $(ARGS)

bench: $(VENV)/.installed  ## Time the whole service beside its references: an hour, 20 GB (ARGS=scoring: one row)
	@$(BIN)/python -m benchmarks.service $(ARGS)

bench-short: $(VENV)/.installed  ## The same with little of everything, in minutes
	@$(BIN)/python -m benchmarks.service --short $(ARGS)

picture: $(VENV)/.installed  ## Draw docs/pipeline.png: one real anomaly on its way through the detector
	@$(BIN)/python -m benchmarks.picture

chaos: $(VENV)/.installed-dev  ## Kill, cut off and fill up a loaded installation (DURATION=1800, SEED=n)
	@$(BIN)/python -m tests.chaos --duration $(or $(DURATION),1800) $(if $(SEED),--seed $(SEED)) $(ARGS)

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
	@echo "Installing $< into $(VENV), once: it takes a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "from app.detection import prepare; prepare()"  # compiles loops, once
	@touch $@

# What ranks scores: not a part of the product, and of its own versions. Its packages are pinned
# without what they would need for more than that, hence no dependencies are looked at.
$(VENV)-quality/.installed: requirements-quality.lock
	@echo "Installing $< into $(VENV)-quality, once: it takes a few minutes"
	@$(PYTHON) -m venv $(VENV)-quality
	@$(VENV)-quality/bin/python -m pip install --quiet --require-hashes --no-deps --requirement $<
	@touch $@
