# SPDX-License-Identifier: EUPL-1.2
# Two commands do everything on a fresh machine with Python 3.11: `make up` and `make test`.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
DATA ?= data
PORT_BASE ?= 8100
ROUNDS ?= 60
LEDGER_ROUNDS ?= 3
SECONDS ?= 120
# one test run on each of two cores; the files of a suite stay together
PROCESSES ?= 2
BIN := .venv/bin
# tests make thousands of small databases; where the machine has memory for them they need no disk
TEST_TMPDIR := $(shell test -w /dev/shm && echo /dev/shm || echo $${TMPDIR:-/tmp})
# what needs more than Python runs in .ci/run, each suite by its mark
PYTHON_ONLY := not node and not browser and not postgres and not network and not slow

.PHONY: help up demo test test-network test-postgres check format screens assets contracts bench fuzz mutants lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/run.done: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=…)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.done: requirements/dev.txt .venv/run.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	touch $@

.venv/assurance.done: requirements/assurance.txt .venv/dev.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/assurance.txt
	touch $@

up: .venv/run.done ## set everything up and start it: http://localhost:8100
	@exec $(BIN)/testimoni up --data "$(DATA)" --port-base $(PORT_BASE)

demo: .venv/run.done ## walk the main path once, without a person
	@exec $(BIN)/testimoni demo

test: .venv/dev.done ## every test that needs only Python
	@echo "deselected here, run by .ci/run: node, browser, postgres, network, slow"
	TMPDIR=$(TEST_TMPDIR) $(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile -m "$(PYTHON_ONLY)" $(if $(COVERAGE),--cov --cov-report=json:build/coverage.json)

test-network: .venv/dev.done ## the ledger on four real QBFT validators (needs Go; docs/network.md)
	bash tests/network/engine/build.sh
	TMPDIR=$(TEST_TMPDIR) $(BIN)/python -m pytest -q --forbid-skips -m network

test-postgres: .venv/dev.done ## the tests of stores, leases and races on a private PostgreSQL (needs Debian's postgresql)
	TMPDIR=$(TEST_TMPDIR) $(BIN)/python -m pytest -q --forbid-skips -m postgres

check: .venv/dev.done ## lint, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: .venv/dev.done ## let the formatter decide
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screens: .venv/dev.done ## every page in every language at 360 and 1280 px, to build/screens/
	$(BIN)/python -m pytest -q -m browser tests/browser -k screens

assets: ## fetch and build the design system (needs Node.js)
	bash assets/build.sh

contracts: .venv/dev.done ## compile the contracts (needs Node.js)
	$(BIN)/python -m contracts.build

build/bench/venv.done: requirements/bench.txt
	test -x build/bench/venv/bin/python || $(PYTHON) -m venv build/bench/venv
	build/bench/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/bench.txt
	touch $@

# the peers from npm run where there is Node.js; elsewhere the report names them as absent
build/bench/npm.done: bench/package.json bench/package-lock.json
	mkdir -p build/bench
	if command -v npm > /dev/null; then npm ci --silent --no-fund --no-audit --prefix bench && touch $@; fi || true

bench: build/bench/venv.done build/bench/npm.done ## our core beside its peers, in one run (docs/performance.md); ROUNDS=60
	@build/bench/venv/bin/python -m bench --rounds $(ROUNDS) --output build/bench.json
	@build/bench/venv/bin/python -m bench.ledger --rounds $(LEDGER_ROUNDS) --output build/bench-ledger.json

fuzz: .venv/assurance.done ## every parser under coverage-guided fuzzing; SECONDS=120 in all
	@mkdir -p build
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) 2> build/fuzz.log

# the static analyser of the contracts; its own environment, because it wants other versions of what we use
build/slither/venv.done: requirements/slither.txt
	test -x build/slither/venv/bin/python || $(PYTHON) -m venv build/slither/venv
	build/slither/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/slither.txt
	touch $@

mutants: .venv/assurance.done ## break the checks, line by line, and see their tests fail (docs/mutants.md)
	TMPDIR=$(TEST_TMPDIR) $(BIN)/python -m tests.assurance.mutants

lock: .venv/dev.done ## resolve the dependencies again, nothing younger than a week
	before=$$(date -u -d '7 days ago' +%Y-%m-%d); for part in dev run assurance bench; do \
	  $(BIN)/uv pip compile -q --no-header --generate-hashes --no-emit-find-links --python-version 3.11 \
	    --exclude-newer $$before requirements/$$part.in -c requirements/dev.txt -o requirements/$$part.txt; done; \
	  $(BIN)/uv pip compile -q --no-header --generate-hashes --no-emit-find-links --python-version 3.11 \
	    --exclude-newer $$before requirements/slither.in -o requirements/slither.txt

clean: ## remove what was built; data/ stays
	rm -rf .venv build node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
