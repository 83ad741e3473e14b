# All that a person or CI does with the project; `make` lists it.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

# A .venv whose Python is gone, as after a system upgrade, is made again.
$(shell test -x $(PY) || rm -f $(VENV)/.made $(VENV)/.app $(VENV)/.dev)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format hooks clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.app ## install what the app needs, if it is not yet, and open it
	$(PY) -m streamlit run streamlit_app.py $(ARGS)

test: lint ## lint, then run all tests; ARGS="-k name" for some
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=15 $(ARGS)

lint: $(VENV)/.dev ## check format, lint, types and README's table of hyperparameters
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) docs/hyperparameters.py --check

format: $(VENV)/.dev ## format the code, fix what can be fixed automatically, write README's table
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
	$(PY) docs/hyperparameters.py

hooks: $(VENV)/.dev ## check format, lint and types before each commit
	$(PY) -m pre_commit install

clean: ## remove .venv and the tools' caches; runs are kept
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.app: requirements.txt $(VENV)/.made
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements-formats.txt requirements-labels.txt requirements-umap.txt requirements.txt $(VENV)/.made
	$(PIP) install -r requirements-dev.txt
	@touch $(VENV)/.app $@

# Each candidate is tried, as a name may be there that does not run, or without ensurepip.
$(VENV)/.made:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "Digit Studio needs Python 3.11, 3.12 or 3.13 with venv, and found none." >&2; \
	echo "Install one (Debian, Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python" >&2; \
	exit 1
