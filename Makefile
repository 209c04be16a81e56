# Every target does its own set-up and costs nothing when run again.
PY     ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One lock for the shared tools: two targets at once do not install over each other.
STAMP  := $(VENV)/.synced
NODE   := node_modules/.package-lock.json
BROWNIE := .venv-brownie/.synced
export npm_config_update_notifier = false
# Where the environment forbids to keep compiled sources, each command that a test starts would compile them all.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup browser demo portal test check format bench contracts slow crash soak clean
help:                 ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 14

setup: $(STAMP) $(NODE)   ## the Python environment and the devnet's tools

$(STAMP): pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv sync --frozen --quiet --compile-bytecode
	@touch $@

$(NODE): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(BROWNIE): scripts/setup-brownie.sh scripts/solc-shim.js $(STAMP) $(NODE)
	bash scripts/setup-brownie.sh
	@touch $@

browser: setup        ## a chromium for the tests of pages, where it may be installed
	@bash scripts/setup-chromium.sh

demo: setup           ## devnet, contract, two real months, a receipt verified, frauds caught, and the portal
	$(BIN)/python scripts/demo.py

portal: setup         ## the portal that `make demo` has left, served again
	$(BIN)/python scripts/demo_portal.py

# In the order of the folders, not the largest files first: else the slow files, which hold one test, come last and alone.
test: setup $(BROWNIE) browser ## all tests, on two cores
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

check: setup          ## format, lint, types, layers, spelling, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/deptry .

format: setup         ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup          ## the promises of the design, measured; one JSON document on stdout
	$(BIN)/python scripts/bench.py

contracts: setup      ## recompile the contracts and write the committed artifacts and gas snapshot
	node_modules/.bin/forge fmt
	$(BIN)/python scripts/compile_contracts.py
	rm -f tests/forge/snapshots/*.json
	node_modules/.bin/forge test --match-contract GasTest

slow: setup           ## the tests that take minutes: large files, long runs
	$(BIN)/pytest -m slow

crash: setup          ## fifty seeded SIGKILLs during append and anchor, on SQLite and on PostgreSQL
	POOLPROOF_TEST_KILLS=50 $(BIN)/pytest tests/e2e/test_crash.py -m 'slow or not slow' -q

SOAK_MINUTES ?= 10
soak: setup           ## two API processes and a worker, killed and restarted under load; SOAK_MINUTES=10
	SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/pytest tests/e2e/test_soak.py -m slow -q

clean:                ## remove what the targets made, but not your ledgers
	rm -rf $(VENV) .venv-brownie node_modules .solcx out cache build .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
