# tvidz: `make run` and `make test` are all one needs; `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# Tests run side by side, one more at a time than two cores, as many of them wait; those that share a
# running site stay together.
PYTEST_ARGS ?= -n 3 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help run demo test lint format evaluate bench screenshots lock clean

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

run: $(VENV)/.base ## Serve site, websocket and workers on PORT (8000) until Ctrl-C
	@exec $(BIN)/python manage.py run --port $(PORT)

demo: $(VENV)/.base ## Fill a library with made-up videos and upload doctored copies, served on PORT
	@exec $(BIN)/python manage.py demo --port $(PORT)

test: $(VENV)/.dev ## Run all tests (real PostgreSQL, ffmpeg, browser)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

longtest: $(VENV)/.dev ## Run the tests that take minutes: long playback, keyboard walks, S3 on a bad day
	@$(BIN)/python -m pytest --long -m long $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Style, types, import contracts, missing migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

evaluate: $(VENV)/.base ## Score the engine on the folder that TVIDZ_CORPUS names (its dev set)
	@test -n "$(TVIDZ_CORPUS)" || { echo "Set TVIDZ_CORPUS to the corpus folder."; exit 1; }
	@$(BIN)/python manage.py evaluate "$(TVIDZ_CORPUS)/dev"

bench: $(VENV)/.dev ## Measure how fast this machine is: all of it takes an hour, or BENCH="search …"
	@$(BIN)/python manage.py bench $(BENCH)

screenshots: $(VENV)/.dev ## Make the pictures of the docs from the demo (needs chromium, clamd)
	@$(BIN)/python -m docs.screenshots

lock: $(VENV)/.dev ## Pin requirements/*.in again, with hashes
	@for set in base prod dev; do \
		constraint=$$([ $$set = base ] || echo "--constraint requirements/base.txt"); \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header --no-emit-index-url --upgrade $$constraint \
			requirements/$$set.in --output-file requirements/$$set.txt; \
	done

clean: ## Remove the environment and caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(BIN)/python:
	@echo "Making the virtual environment in $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "tvidz needs Python 3.11 or newer; name one with PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		rm -rf $(VENV) && \
		$(PYTHON) -m pip install --quiet --target $(VENV)-maker virtualenv && \
		PYTHONPATH=$(VENV)-maker $(PYTHON) -m virtualenv --quiet $(VENV) && \
		rm -rf $(VENV)-maker; }

# The development set holds the base set, so either stamp serves `make run`.
$(VENV)/.base: requirements/base.txt | $(BIN)/python
	@echo "Installing what tvidz needs …"
	@$(PIP) -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing what tvidz, its tests and linters need …"
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(VENV)/.base
