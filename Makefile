# Everything a newcomer needs: each target first makes .venv and installs the locked libraries into it.
PYTHON ?= python3
PORT ?= 8000
DATA ?=

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
INSTALLED := $(VENV)/.installed-$(shell cat $(LOCK) pyproject.toml | cksum | cut -d' ' -f1)
TEST_FLAGS ?= -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format serve-env sharded lock clean

help:  ## Show these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 20

install: $(INSTALLED)  ## Make .venv with the locked libraries and this project

demo: $(INSTALLED)  ## Simulate a service (or read DATA=your files), train, judge, publish, serve (PORT=8000)
	$(BIN)/marquee demo $(if $(DATA),data="$(DATA)") port=$(PORT)

test: $(INSTALLED)  ## Run the quick tests (TEST_FLAGS="-m slow" for the slow ones)
	$(BIN)/pytest $(TEST_FLAGS)

lint: $(INSTALLED)  ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## Rewrite the code in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

serve-env: $(VENV)-serve/.python  ## Make .venv-serve with what the server needs and nothing more
	$(VENV)-serve/bin/pip install --quiet --constraint $(LOCK) ".[serve]"
	@du -sh $(VENV)-serve

sharded: $(INSTALLED)  ## Add TorchRec, for item tables shared out over processes
	$(BIN)/pip install --quiet --no-deps $$($(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["sharded"])')

lock: $(INSTALLED)  ## Resolve the libraries anew, keeping the versions in requirements.lock where they fit
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --no-annotate --no-header --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file $(LOCK) pyproject.toml
	sed -i.old -e '/^marquee @/d' -e '/^#/d' -e '/^$$/d' -e 's/+cpu$$//' $(LOCK) && rm $(LOCK).old

clean:  ## Remove the environments and caches
	rm -rf $(VENV) $(VENV)-serve dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(INSTALLED): $(VENV)/.python
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $(LOCK)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-* && touch $@

%/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Marquee needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -1);" \
			"name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@echo "Making $*; the first installation takes a few minutes"
	$(PYTHON) -m venv $*
	@touch $@
