# make train    train a network on handwritten digits: make train ARGS="--epochs 2"
# make test     every test and every example in a docstring: make test ARGS="-k floors"
# make fuzz     every case of every operation compiled, and many random programs: make fuzz SEEDS=5000
# make lint     ruff (rules, format) and pyright
# make bench    measure against the peers that are installed: make bench ARGS="--only heat --rounds 5"
# make format   let ruff format and repair what it can
# make viewer   build the picture from viewer/ into the package (needs Node; nothing else does)
# make lock     choose the newest versions of everything but the peers and write requirements/dev.lock
# make clean    remove what the above made, the environment included (runs/ stays)
#
# The first call makes .venv; PYTHON=/path/to/python3 chooses what from.

VENV := .venv
PY := $(VENV)/bin/python
LOCK := requirements/dev.lock
ARGS ?=
SEEDS ?= 1000
PYTHON ?=

.PHONY: help train test fuzz lint bench format viewer lock clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//p; /^$$/q' Makefile

train: $(VENV)/.examples
	@$(PY) -m geartrain train digits $(ARGS)

test: $(VENV)/.dev
	$(PY) -m pytest -n auto $(ARGS)

fuzz: $(VENV)/.dev
	GEARTRAIN_GUARD=1 GEARTRAIN_FUZZ=$(SEEDS) $(PY) -m pytest -n auto $(ARGS) \
		tests/backends/test_compile.py tests/backends/test_every_case.py tests/backends/test_roll.py

lint: $(VENV)/.dev
	$(PY) -m ruff check --ignore-noqa .
	$(PY) -m ruff format --check .
	$(PY) -m pyright --warnings

bench: $(VENV)/.bench
	$(PY) -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

# The built files are committed, so only a change of viewer/src needs this. Tests say when it was forgotten.
viewer: $(VENV)/.dev
	$(PY) -m geartrain.view.optable viewer/src/optable.json
	npm ci --prefix viewer --no-audit --no-fund --silent
	npm run --prefix viewer --silent check
	npm run --prefix viewer --silent build

lock: $(VENV)/.python
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
		--all-extras --no-extra peers --no-emit-index-url --custom-compile-command "make lock" \
		--output-file $(LOCK) pyproject.toml requirements/tools.in

clean:
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each set of packages: .venv/.dev says that the extra `dev` is installed as the lock has it.
$(VENV)/.examples $(VENV)/.bench $(VENV)/.dev: $(VENV)/.%: $(VENV)/.python pyproject.toml $(LOCK)
	@echo "Installing geartrain[$*] into $(VENV) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) pip hatchling editables
	@$(PY) -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) --no-build-isolation --editable '.[$*]'
	@touch $@

# An environment that works and is new enough is kept.
$(VENV)/.python:
	@new_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if $(PY) -c "$$new_enough" 2>/dev/null; then touch $@; exit; fi; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
		if "$$python" -c "$$new_enough" 2>/dev/null; then \
			"$$python" -m venv --clear $(VENV) && touch $@; exit; \
		fi; \
		seen="$$seen$$python is $$("$$python" --version 2>/dev/null || echo 'not there'); "; \
	done; \
	echo "geartrain needs Python 3.11 or newer: $${seen}choose one with: make PYTHON=/path/to/python3" >&2; exit 1
