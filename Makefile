# SignWrite's workshop. `make help` lists what it makes; CONTRIBUTING.md says when to use which.

PYTHON ?= python3
TENSORFLOW ?= cpu
PORT ?= 3000
RUNTIME ?= openvino
# Two TensorFlow builds cannot live in one environment, so each has its own.
VENV ?= $(if $(filter gpu,$(TENSORFLOW)),.venv-gpu,.venv)
# Further arguments for pytest, e.g. ARGS='-k ranking', and for the resolver, e.g. ARGS=--upgrade.
ARGS ?=

# TensorFlow's greetings hide what matters.
export TF_CPP_MIN_LOG_LEVEL ?= 2

ifeq ($(filter cpu gpu,$(TENSORFLOW)),)
$(error TENSORFLOW: cpu or gpu wanted; received "$(TENSORFLOW)")
endif

MODEL := asl-letters
BUNDLE := build/$(MODEL)
EXAMPLE := build/example/B.mp4
BIN := $(VENV)/bin
PEERS := build/venv-peers
CODE := signwrite pipeline service tests benchmarks loadtests
LOCKS := dev-cpu dev-gpu run-cpu run-gpu serve-cpu serve-gpu serve-openvino peers-cpu

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run env test check bench peers load image image-test docs fmt lock sbom clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo "variables: PYTHON=$(PYTHON) TENSORFLOW=$(TENSORFLOW) (cpu or gpu) PORT=$(PORT) VENV=$(VENV) ARGS='$(ARGS)'"

run: $(BUNDLE)/model.json $(EXAMPLE) ## serve the shipped model on http://localhost:$PORT
	$(BIN)/signwrite serve --model $(BUNDLE) --port $(PORT) --example $(EXAMPLE)

env: $(VENV)/dev.done ## install the whole command line, for training and development

test: $(VENV)/dev.done ## run the whole test suite
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.done ## what CI runs: format, lint, types, layers, tests
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/dev.done $(BUNDLE)/model.json ## measure speed, as ratios within one run (ARGS='--rounds 5')
	$(BIN)/python -m benchmarks --model $(BUNDLE) $(ARGS)

peers: $(VENV)/dev.done $(BUNDLE)/model.json ## measure the service against what people would use instead
	$(MAKE) VENV=$(PEERS) $(PEERS)/peers.done
	$(BIN)/python -m benchmarks.peers --model $(BUNDLE) --python $(PEERS)/bin/python $(ARGS)

load: $(VENV)/dev.done $(BUNDLE)/model.json ## load the service until it bends, and judge it (ARGS='--shape soak --host URL')
	$(BIN)/python -m loadtests --model $(BUNDLE) $(ARGS)

# Docker builds it too: `docker build .`; this needs no engine.
image: ## build the container image with buildah (RUNTIME=openvino, cpu or gpu; ARGS: options of buildah)
	STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot buildah build --layers --format docker --build-arg RUNTIME=$(RUNTIME) --tag signwrite $(ARGS) .

image-test: $(VENV)/dev.done ## start the built image from its own file system, and ask it; as root
	$(BIN)/python -m tests.image --runtime $(RUNTIME) $(ARGS)

docs: $(VENV)/dev.done ## write the tables of docs/operating.md from the settings' classes
	$(BIN)/python -m tests.operating

fmt: $(VENV)/dev.done ## format the code and fix what ruff can fix
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

# One after another, each held to the versions of the first: all agree on every package.
# Needs no more than uv: an environment that lags behind pyproject.toml must not stand in the way.
lock: ## resolve pyproject.toml into requirements/*.txt (ARGS=--upgrade: newest versions)
	@test -x $(BIN)/uv || $(MAKE) $(VENV)/dev.done
	set -e; for lock in $(LOCKS); do \
	  case $$lock in \
	    dev-*) extras="--extra pipeline --group dev" ;; \
	    run-*) extras="--extra cli --group build" ;; \
	    serve-*) extras="" ;; \
	    peers-*) extras="--group peers" ;; \
	  esac; \
	  case $$lock in dev-cpu) like="$(ARGS)" ;; *) like="--constraint requirements/dev-cpu.txt" ;; esac; \
	  $(BIN)/uv pip compile pyproject.toml --extra $${lock#*-} $$extras $$like \
	    --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	    --no-annotate --no-emit-index-url --custom-compile-command "make lock" \
	    --quiet --output-file requirements/$$lock.txt; \
	done

sbom: $(VENV)/dev.done ## list what the service consists of, as CycloneDX: build/sbom-cpu.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements/serve-$(TENSORFLOW).txt --pyproject pyproject.toml \
	  --output-reproducible --output-file build/sbom-$(TENSORFLOW).json

clean: ## remove the environment, what was built and every cache; your videos and runs stay
	rm -rf $(VENV) build .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -----------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or 3.12 wanted; $(PYTHON) is not a command here (choose one: make PYTHON=python3.12 ...)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.version_info[:2] in ((3, 11), (3, 12)) or sys.exit("Python 3.11 or 3.12 wanted; $(PYTHON) is " + sys.version.split()[0] + " (choose one: make PYTHON=python3.12 ...)")'
	$(PYTHON) -m venv --without-pip $(VENV)

# The machine's pip fills the environment: some systems ship Python without the pip that venv wants.
PIP = $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check

# $(1): a lock. Installs exactly what it pins, wheels only (no build tool is fetched), then this
# project without dependencies. pip's chatter becomes one counted line a package; its errors stay.
define install
	@total=$$(grep -c '^[a-z]' requirements/$(1)-$(TENSORFLOW).txt); \
	echo "installing requirements/$(1)-$(TENSORFLOW).txt into $(VENV): about $$total packages"; \
	( $(PIP) install --require-hashes --no-deps --only-binary :all: \
	    --progress-bar off -r requirements/$(1)-$(TENSORFLOW).txt; echo "exit $$?" ) \
	| { count=0; while read -r verb what rest; do case "$$verb" in \
	      Collecting|Processing) count=$$((count + 1)); echo "  $$count/$$total $$what" ;; \
	      Installing) echo "  unpacking" ;; \
	      exit) exit "$$what" ;; \
	    esac; done; }
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(PIP) check
endef

$(VENV)/run.done: requirements/run-$(TENSORFLOW).txt pyproject.toml | $(BIN)/python
	$(call install,run)
	@touch $@

# The lock for development holds all of the lock for running.
$(VENV)/dev.done: requirements/dev-$(TENSORFLOW).txt pyproject.toml | $(BIN)/python
	$(call install,dev)
	@touch $(VENV)/run.done $@

# What the peers serve with would change how BentoML serves, so they live apart.
$(VENV)/peers.done: requirements/peers-$(TENSORFLOW).txt pyproject.toml | $(BIN)/python
	$(call install,peers)
	@touch $@

# --- what is served ------------------------------------------------------------------------------

# The SavedModel is built from the shipped weights once (docs/adr/0002).
$(BUNDLE)/model.json: $(wildcard models/$(MODEL)/*) pipeline/export.py $(wildcard pipeline/network/*.py) | $(VENV)/run.done
	$(BIN)/signwrite export models/$(MODEL) --out $(BUNDLE)
	@touch $@

$(EXAMPLE): pipeline/example.py | $(VENV)/run.done
	$(BIN)/signwrite example --sign $(basename $(notdir $@)) --out $@
	@touch $@
