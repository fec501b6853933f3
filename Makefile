# Acometida. Python >= 3.11 and make are all that is needed to start; `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
PROFILE ?= demo-es
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
export PYTHONPATH := $(CURDIR):$(CURDIR)/gen
PROTOS := $(shell find protos -name '*.proto')
CATALOGUES := $(shell find services -name '*.po')
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or say which one with 'make run PYTHON=/path/to/python3'."; exit 1; }
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.version_info >= (3, 11) or sys.exit("Python %s is too old: Acometida needs 3.11 or newer; name one with make run PYTHON=/path/to/python3." % v)'
	@echo "Preparing the environment in $(VENV) (once; downloads about 90 MB)..."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv."; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	@# Compiled here by all cores, where pip takes one. It complains of what no Python of this version can run: templates.
	@$(PY) -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@$(PY) -c 'import pathlib, sys, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "acometida-gen.pth").write_text(sys.argv[1])' $(CURDIR)/gen
	@touch $@

gen/.ready: $(VENV)/.ready $(PROTOS)
	@echo "Generating code from the protos..."
	@rm -rf gen && mkdir -p gen
	@$(PY) -m grpc_tools.protoc -Iprotos --python_out=gen --pyi_out=gen --grpc_python_out=gen $(PROTOS)
	@touch $@

$(VENV)/.catalogues: $(VENV)/.ready $(CATALOGUES)
	@for folder in services/*/translations services/*/locale; do \
		if [ -d $$folder ]; then $(BIN)/pybabel --quiet compile --directory $$folder || exit 1; fi; done
	@touch $@

setup: $(VENV)/.ready gen/.ready $(VENV)/.catalogues ## make the environment, the generated code and the catalogues

protos: gen/.ready ## generate code from the protos

run: setup ## start everything on this machine (PORT=8000, PROFILE=demo-es or demo-ar, COOP_DATA_DIR=var)
	@exec $(PY) -m services.local run --profile $(PROFILE)

run-production-like: setup ## the same with a throw-away PostgreSQL and Apache Kafka
	@exec $(PY) -m services.local run --profile $(PROFILE) --production-like

# The system packages come while the environment is made: each waits for the network while the other works.
test: ## everything: unit, contract, integration on both databases and both event logs, browser journeys
	@$(PYTHON) -m tests.everything --only-packages & $(MAKE) --no-print-directory setup; made=$$?; wait; \
		[ $$made -eq 0 ] && exec $(PY) -m tests.everything

test-fast: setup ## unit tests only
	@exec $(PY) -m pytest -q tests/unit

test-k8s: setup ## the journeys on a real one-node Kubernetes, built here (root, Go, cgroups; deploy/lab)
	@exec $(PY) -m tests.k8s.everything

image: ## build the image with buildah, podman or docker; its archive and bill of materials go to var/image
	@exec deploy/image/build

lab-up: setup ## start the laboratory: one-node Kubernetes with the images; then deploy/lab/kubectl
	@exec deploy/lab/up

lab-down: ## end the laboratory and put the machine back as it was
	@exec deploy/lab/down

lint: setup ## style, types, migrations, import rules, protos
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy services && $(PY) -m services.chassis.migration_lint \
		&& $(PY) -m pytest -q tests/unit/rules

bench: setup ## measure, as JSON
	@exec $(PY) -m tests.bench

lock: setup ## choose exact versions anew, with hashes and without any address
	@$(BIN)/pip install --quiet pip-tools
	@{ sed -n 1p requirements.lock; $(BIN)/pip-compile --quiet --all-extras --generate-hashes --allow-unsafe --strip-extras \
		--no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file=- pyproject.toml \
		| grep -v '^$$'; } > requirements.new && mv requirements.new requirements.lock

docs: setup ## write docs/events.md and docs/metrics.md anew from the protos and the code
	@$(PY) -m tests.support.events_catalogue > docs/events.md
	@$(PY) -m tests.support.metrics_catalogue > docs/metrics.md

clean: ## forget the environment and everything generated; data under var/ stays
	rm -rf $(VENV) gen .pytest_cache .hypothesis .mypy_cache .ruff_cache *.egg-info

.PHONY: help setup protos run run-production-like test test-fast test-k8s image lab-up lab-down lint bench lock docs clean
