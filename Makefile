# `make` lists the targets. Everything runs without questions, so that CI can call it too.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: bench bench-full chaos check check-format citus-statements citus-test clean dist drain format fuzz help imports lint lint-container lock run setup soak test test-fast types

VENV := .venv
BIN := $(VENV)/bin
# Made once their step has succeeded: an interrupted setup starts that step again, a finished one costs nothing.
HAVE_REQUIREMENTS := $(VENV)/.requirements-installed
HAVE_PROJECT := $(VENV)/.project-installed

IS_NEW := $(if $(wildcard $(BIN)/python),,yes)

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --no-color
# Errors only.
QUIET := --quiet --quiet

# Half as many workers again as cores, as tests wait for databases, browsers and processes, too; at most eight. Each has
# databases of its own. One that is done early takes over from another.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
  echo $$(( cores * 3 / 2 > 8 ? 8 : cores * 3 / 2 )))
PYTEST_ARGS ?= --numprocesses $(WORKERS) --dist worksteal
# Dialogues, calls and daily tasks, which together run every kind of statement.
WITH_EVERY_STATEMENT = tests/services/test_safety.py $(addprefix tests/services/, delivery events management upkeep)
# Without databases, sockets and processes.
PURE = tests/commands tests/domain

help: ## List the targets
	@bold=; plain=; \
	if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ] && [ "$${TERM:-dumb}" != dumb ]; then \
	  bold=$$(printf '\033[1;36m'); plain=$$(printf '\033[0m'); \
	fi; \
	awk -v bold="$$bold" -v plain="$$plain" -F ' *## ' \
	  '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  %s%-16s%s %s\n", bold, $$1, plain, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(HAVE_PROJECT) ## Make .venv with everything in it
	@:

# exec: no shell stands between make and the gateway, so that a signal to make reaches it.
run: setup ## Run the demo on http://127.0.0.1:8086 (PORT=9000: another port, CARRIER=smpp: a toy carrier beside it)
	@export SMSGW_ENV=demo; $(if $(PORT),export SMSGW_PORT='$(PORT)';) exec $(BIN)/smsgw demo --by-make \
	  $(if $(CARRIER),--carrier '$(CARRIER)') $(if $(CARRIER_PORT),--carrier-port '$(CARRIER_PORT)')

test: setup ## Run all the tests, 15 to 25 minutes on two cores
	@echo 'All the tests: 15 to 25 minutes on two cores.'
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# One process: to start another takes longer than these tests.
test-fast: setup ## Run the tests of the pure core
	$(BIN)/python -m pytest $(PURE)

# A carrier that sends anything over its sessions: 100,000 PDUs, of which `make test` has 10,000.
PEERS = tests/providers/session/test_fuzz.py

SEEDS ?= 0-1999
soak: setup ## Flood sessions, and live many simulated lives (SEEDS=0-9999 for others than the first 2,000)
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest $(PEERS)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

# The short forms of the same tests are part of `make test`.
FUZZ = tests/fuzz tests/properties tests/commands/test_parser.py tests/commands/test_reading.py \
	tests/commands/test_sequences.py tests/domain/test_segments.py tests/domain/test_stored_text.py \
	$(PEERS)

fuzz: export HYPOTHESIS_PROFILE = thorough
fuzz: setup ## Try many generated texts, requests and connections, other ones each time; takes hours
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(FUZZ)

# PostgreSQL as if its tables were distributed, and every statement checked against the rules of Citus.
citus-statements: setup ## Check that Citus would take every statement, without Citus
	$(BIN)/python -m pytest $(PYTEST_ARGS) --distributed -k postgresql $(WITH_EVERY_STATEMENT)

citus-test: setup ## Test on a Citus cluster (DATABASE_URL=postgresql://…: an empty database on its coordinator)
	@test -n '$(DATABASE_URL)' || { echo 'Say which: make citus-test DATABASE_URL=postgresql://…'; exit 1; }
	$(BIN)/python -m tests.cluster '$(DATABASE_URL)'

chaos: setup ## Kill processes and PostgreSQL under load (ROUNDS=100, SEED=1), more than an hour
	$(BIN)/python -m tests.crash.chaos --rounds $(or $(ROUNDS),100) --seed $(or $(SEED),1)
	$(BIN)/python -m pytest --long tests/crash/test_binds.py tests/crash/test_database.py

drain: setup ## Drain 300,000 waiting messages with three workers, of which one is killed (MESSAGES=300000)
	$(BIN)/python -m tests.crash.backlog --messages $(or $(MESSAGES),300000)

check: check-format lint types imports test ## Format check, lint, types, import contracts, tests

check-format: setup ## Say which files are not formatted
	$(BIN)/ruff format --check .

lint: setup lint-container ## Lint the code and the container's files
	$(BIN)/ruff check .

# The container cannot be built where tests run.
lint-container: setup
	$(BIN)/hadolint Dockerfile
	$(BIN)/yamllint --strict compose.yaml examples/gateway.yaml ops/prometheus .yamllint.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

types: setup ## Check the types
	$(BIN)/mypy

imports: setup ## Check the import contracts
	$(BIN)/lint-imports --no-logo

format: setup ## Format, and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup ## Run the benchmark, and put its figures into docs/performance.md
	$(BIN)/python -m bench --picture docs/images/performance.svg --page docs/performance.md

bench-full: setup ## Benchmark large populations, backlogs, a day, and Kannel beside it; takes hours
	$(BIN)/python -m bench --full --page docs/performance.md

# Never --emit-index-url, and no uv.lock: neither the hosts of packages nor anything of this machine belongs in the project.
LOCK_OPTIONS = --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet \
	$(if $(UPGRADE),--upgrade)
LOCK = $(BIN)/uv pip compile pyproject.toml --extra postgresql $(LOCK_OPTIONS)
LOCK_CLIENTS = $(BIN)/uv pip compile --group clients $(LOCK_OPTIONS)

lock: $(HAVE_REQUIREMENTS) ## Pin the dependencies anew from pyproject.toml (UPGRADE=1 for the newest)
	$(LOCK) --group build --output-file requirements/runtime.txt
	$(LOCK) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(LOCK_CLIENTS) --output-file requirements/clients.txt

# A wheel is built from its sdist, so that an sdist that lacks a file fails here. No build environment: it would be fetched.
BUILD = $(BIN)/uv build --python $(BIN)/python --no-build-isolation --offline --quiet --out-dir dist

dist: setup ## Build the wheels and sdists of the gateway and of its test kit into dist/
	rm -rf dist
	$(BUILD) .
	$(BUILD) testkit

clean: ## Remove .venv, caches and build results (data/ is kept)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(HAVE_PROJECT): $(HAVE_REQUIREMENTS) pyproject.toml
	@$(PIP) $(QUIET) install --no-deps --no-build-isolation --editable .
	@touch $@

# At a terminal a count of the packages, in a line that is overwritten and then cleared; what pip says against them comes
# behind it, if pip fails. The pipe hides pip's status, so pip is followed by the touch that only its success reaches.
$(HAVE_REQUIREMENTS): requirements/dev.txt | $(BIN)/python
	@$(if $(IS_NEW),,echo 'Installing packages into $(VENV); it takes about a minute …')
	@rm -f $@
	@install='$(PIP) install --require-hashes --requirement requirements/dev.txt'; \
	if [ ! -t 1 ] || [ -n "$${CI:-}" ]; then $$install $(QUIET) && touch $@; exit; fi; \
	total=$$(grep -c '==' requirements/dev.txt); \
	{ $$install 2>$(VENV)/pip.log && touch $@; } | { \
	  count=0; \
	  while read -r line; do \
	    case $$line in \
	      Collecting\ *|Processing\ *|Ignoring\ *) count=$$((count + 1)); printf '%s of %s packages\r' "$$count" "$$total" ;; \
	      Installing\ collected*) printf 'Installing %s packages\r' "$$count" ;; \
	    esac; \
	  done; \
	  printf '\033[K'; \
	}; \
	[ -e $@ ] || { cat $(VENV)/pip.log >&2; exit 1; }

# PYTHON=… names the interpreter; otherwise the first that is new enough and can make environments is taken.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$("$$python" --version), once; it takes about a minute …"; \
	    exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo 'Python 3.11 or newer with its venv module is needed, and none was found.'; \
	echo "python3 is $$(python3 --version 2>&1 || true)"; \
	echo 'On Debian and Ubuntu: apt-get install python3 python3-venv. Elsewhere: make setup PYTHON=/path/to/python3.11'; \
	exit 1
