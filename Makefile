# Everything a developer does, each in one command on a bare machine (git, make, python3 >= 3.11 with venv).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers bench dst lock clean integration postgres prometheus browser real

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Two environments in one folder: the run-time pins first, so that the demo need not wait for the developer's tools.
$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "installing into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## board + factory + local batch system with real payloads, ends by itself with a summary and a picture
	@$(BIN)/apf demo

test: $(VENV)/.dev ## the tests that need nothing but this machine
	@$(BIN)/pytest $(FLAGS) -m "not browser and not htcondor and not postgres and not prometheus"

check: lint types layers test ## what must be green before a commit

lint: $(VENV)/.dev ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

layers: $(VENV)/.dev ## import-linter: a floor imports only what is below it
	@$(BIN)/lint-imports

integration: $(VENV)/.dev ## the tests on a real HTCondor pool (testbed/htcondor up)
	@testbed/htcondor up
	@eval "$$(testbed/htcondor env)" && $(BIN)/pytest $(FLAGS) -m htcondor

postgres: $(VENV)/.dev ## the tests on a real PostgreSQL server (testbed/postgres up)
	@testbed/postgres up
	@eval "$$(testbed/postgres env)" && $(BIN)/pytest $(FLAGS) -m postgres

prometheus: $(VENV)/.dev ## the tests on a real Prometheus (testbed/prometheus up)
	@testbed/prometheus up
	@eval "$$(testbed/prometheus env)" && $(BIN)/pytest $(FLAGS) -m prometheus

browser: $(VENV)/.dev ## the dashboard's tests in a real browser (testbed/chromium up)
	@testbed/chromium up
	@eval "$$(testbed/chromium env)" && $(BIN)/pytest $(FLAGS) -m browser

REAL := htcondor postgres prometheus chromium
real: $(VENV)/.dev ## the tests on all of these in one go
	@for one in $(REAL); do testbed/$$one up || exit 1; done
	@for one in $(REAL); do eval "$$(testbed/$$one env)"; done; \
	    $(BIN)/pytest $(FLAGS) -m "htcondor or postgres or prometheus or browser"

SEEDS ?= 2000
dst: $(VENV)/.dev ## simulated worlds full of faults and crashes: make dst SEEDS=10000
	@$(BIN)/python -m autopyfactory.sim.dst --seeds $(SEEDS) --jobs 2

bench: $(VENV)/.dev ## the benchmarks behind docs/performance.md
	@$(BIN)/python -m benchmarks

lock: $(VENV)/.dev ## pin all requirements anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url pyproject.toml requirements/build.in -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --all-extras pyproject.toml requirements/build.in requirements/dev.in -c requirements/run.txt -o requirements/dev.txt

clean: ## remove what the commands above made
	@rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
