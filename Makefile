# Shortcuts; each line runs what README.rst and CONTRIBUTING.rst say by hand.
PYTHON ?= python3
VENV ?= .venv

.PHONY: install test lint docs package wheelhouse stubs findings clean

install: $(VENV)/bin/python
	$(VENV)/bin/pip install -r requirements.txt

test: $(VENV)/bin/python
	$(VENV)/bin/pip install -r requirements-dev.txt
	$(VENV)/bin/tox -p 2

lint: $(VENV)/bin/python
	$(VENV)/bin/pip install -r requirements-dev.txt
	$(VENV)/bin/tox -e lint,types

docs: $(VENV)/bin/python
	$(VENV)/bin/pip install -r requirements-dev.txt
	$(VENV)/bin/tox -e docs

package: $(VENV)/bin/python
	$(VENV)/bin/pip install -r requirements-dev.txt
	$(VENV)/bin/tox -e package

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf build dist .tox .mypy_cache .ruff_cache .pytest_cache docs/_build

# Wheels of all distributions and of what they require, for machines without a network or without this clone.
wheelhouse: $(VENV)/bin/python
	$(VENV)/bin/pip wheel --quiet --wheel-dir wheelhouse -r requirements.txt -r requirements-plugins.txt

# The operations of the plugins' clients for type checkers, after a change of a bundled document.
stubs: $(VENV)/bin/python
	$(VENV)/bin/python .ci/stubs.py

findings:
	@for script in findings/*.sh; do echo "== $$script"; "$$script" || exit 1; done
