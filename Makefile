# Everything a person or CI runs. From a bare checkout only Python 3.11 or newer is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard platform tests bench)
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
# One process per core, each with a database of its own; who is idle takes over what waits.
TESTS := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

.PHONY: help demo test check schema bench proof clean

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/run-$(shell cksum < requirements.lock | tr ' ' -):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo '需要 Python 3.11 或更高版本:请安装,或用 make PYTHON=python3.12 指定。' >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo '无法创建虚拟环境:请安装 venv 与 ensurepip(Debian/Ubuntu:apt install python3-venv)。' >&2; \
		     rm -rf $(VENV); exit 1; }
	@$(PIP) install --require-hashes -r requirements.lock
	@$(BIN)/python -c "import os, sysconfig; print(os.path.abspath('platform'), \
		file=open(sysconfig.get_path('purelib') + '/guanjia.pth', 'w'))"
	@printf '#!/bin/sh\nexec "$(CURDIR)/$(BIN)/python" -m guanjia.cli "$$@"\n' > $(BIN)/guanjia && chmod +x $(BIN)/guanjia
	@touch $@

$(VENV)/dev-$(shell cksum < requirements-dev.lock | tr ' ' -): $(VENV)/run-$(shell cksum < requirements.lock | tr ' ' -)
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

RUN := $(VENV)/run-$(shell cksum < requirements.lock | tr ' ' -)
DEV := $(VENV)/dev-$(shell cksum < requirements-dev.lock | tr ' ' -)

demo: $(RUN) ## install, start PostgreSQL, migrate, onboard, load the story, serve
	@$(BIN)/guanjia demo

test: $(DEV) ## the whole suite on a real PostgreSQL
	@$(TESTS)

check: $(DEV) ## format, lint, types, floors, SDL, policies, tests: what CI runs
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	cd platform && ../$(BIN)/lint-imports --config ../pyproject.toml
	$(BIN)/guanjia schema --check
	$(BIN)/guanjia policy test
	$(TESTS)

schema: $(RUN) ## rewrite schema.graphql
	@$(BIN)/guanjia schema

bench: $(DEV) ## the side-by-side benchmark, printed as ratios
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.boards
	@$(BIN)/python -m bench.worker

proof: $(DEV) ## the tenant wall, proven by a solver in three modes
	@$(BIN)/python -m guanjia.db.proof

clean: ## remove the virtual environment and the local database
	@test ! -x $(BIN)/guanjia || $(BIN)/guanjia database stop || true
	rm -rf $(VENV) .guanjia
