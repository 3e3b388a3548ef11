# What a newcomer needs is `make run` and `make test`; everything they use is installed into .venv.

PORT ?= 8000
PORTAL_DATA ?= .local
export PORT PORTAL_DATA

# The first Python that is new enough; PYTHON=/path/to/python3.12 names another one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PIP = .venv/bin/python -m pip install --require-hashes --no-deps --disable-pip-version-check --no-input
LOCAL = .venv/bin/python -m callcentric.local

.DEFAULT_GOAL := help
.PHONY: help run test bench lint fmt lock clean

help: ## Say what can be made
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1|/' | awk -F'|' '{ printf "  make %-6s %s\n", $$1, $$2 }'

run: .venv/run.installed ## Start the portal on http://127.0.0.1:$PORT (8000), with its data in $PORTAL_DATA (.local)
	@$(LOCAL) run

test: .venv/test.installed ## Run the whole suite; PYTEST_ARGS="-k cart" for a part of it
	@$(LOCAL) test -- .venv/bin/python -m pytest -n logical --dist worksteal $(PYTEST_ARGS)

bench: .venv/test.installed ## Measure stock, coverage, checkout, ledger, the month, the FAQ and the first page (about ten minutes)
	@$(LOCAL) bench -- .venv/bin/python -m bench

YAML = '{extends: default, rules: {document-start: disable, line-length: {max: 110}}}'
lint: .venv/lint.installed ## Check style, types, templates, migrations and the container files
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	@$(LOCAL) test -- .venv/bin/python -m mypy .
	.venv/bin/python -m djlint --quiet --lint templates
	.venv/bin/python -m yamllint --strict -d $(YAML) docker-compose.yml
	.venv/bin/hadolint Dockerfile
	@$(LOCAL) test -- .venv/bin/python manage.py makemigrations --check --dry-run
	@$(LOCAL) test -- .venv/bin/python -m pytest --quiet tests/test_architecture.py

fmt: .venv/lint.installed ## Format the code and mend what can be mended
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

COMPILE = .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header
lock: | .venv/bin/pip ## Lock what pyproject.toml names, with hashes; LOCK_ARGS=--upgrade for the newest versions
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) $(LOCK_ARGS) --extra local --extra test --extra lint -o requirements/lint.txt
	$(COMPILE) $(LOCK_ARGS) -c requirements/lint.txt --extra local --extra test -o requirements/test.txt
	$(COMPILE) $(LOCK_ARGS) -c requirements/lint.txt --extra local -o requirements/run.txt
	$(COMPILE) $(LOCK_ARGS) -c requirements/lint.txt -o requirements/prod.txt

clean: ## Remove .venv and the data folder, with all that is in it
	rm -rf .venv $$(readlink $(PORTAL_DATA)/postgres $(PORTAL_DATA)/*/postgres) $(PORTAL_DATA)

# One environment; each lock holds the one before it. The stamp is made last, so a half-made install is done again.
.venv/%.installed: requirements/%.txt | .venv/bin/pip
	@echo "Installing what $* needs into .venv (once, about a minute)"
	@$(PIP) -r $<
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed$(if $(PYTHON),; $(PYTHON) is not): say PYTHON=/path/to/python3.11 make $(MAKECMDGOALS)."; exit 1; }
	@$(PYTHON) -m venv .venv
