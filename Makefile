# Everything there is to do in a checkout. `make help` lists it.
#
# The build itself is meson's; scripts/build.sh runs it and puts the products in place.

PYTHON ?= /usr/bin/python3.11
VENV   := build/venv
PYTEST := $(VENV)/bin/python -m pytest
JOBS   ?= $(shell nproc)
ARGS   ?=

.DEFAULT_GOAL := all
.PHONY: all help test test-ready test-full test-cpython lint format debug asan ubsan bench bench-quick bench-setup bench-compare \
	bench-paired bench-steady bench-instructions docs wheel tarball deb release test-packages test-deployments test-wheels clean

all: ## Build build/bin/pyston3 and build/python/ (the default)
	@scripts/build.sh release

DEPLOYMENTS := build/deployments

test-ready: all $(VENV)/.ready $(DEPLOYMENTS)/stock/.ready $(DEPLOYMENTS)/pyston3/.ready build/wheels/.ready
	@ninja -C build/meson

test: test-ready ## Build and run the tests (ARGS="-k name" selects)
	$(PYTEST) -n $(JOBS) tests $(ARGS)

test-full: test-ready ## The tests, the slow ones included
	$(PYTEST) -n $(JOBS) tests --full $(ARGS)

# What tests/test_wheels.py runs; `make test-wheels` installs the rest.
build/wheels/.ready: tests/wheels/packages.toml tests/wheels/requirements.txt | all $(VENV)/.ready
	@$(VENV)/bin/python tests/wheels/run_wheels.py --quick --setup
	@touch $@

test-wheels: test-ready ## Packages of the index and their own tests with the engine on, about an hour (ARGS="numpy lxml" selects)
	$(VENV)/bin/python tests/wheels/run_wheels.py $(ARGS)

test-cpython: test-ready ## CPython's own test suite under pyston3 (long)
	$(VENV)/bin/python tests/cpython/run_suite.py --mode pyston3 --set all $(ARGS)

lint: $(VENV)/.ready ## Check formatting and lint: C, Python, shell
	@scripts/lint.sh

format: $(VENV)/.ready ## Format the C and Python files in place
	@scripts/lint.sh --fix

debug: ## Build without optimisation, assertions on, into build/debug/
	@scripts/build.sh debug

asan: ## Build with the address sanitizer into build/asan/
	@scripts/build.sh asan

ubsan: ## Build with the undefined-behaviour sanitizer into build/ubsan/
	@scripts/build.sh ubsan

# NAME="djangocms micro" selects benchmarks and groups, INTERPRETERS="stock ext" columns of the table, PYTHONS="/path ..."
# adds columns, ROUNDS=5 sets the processes per benchmark, FRESH=1 does not go on with an interrupted run.
BENCH = $(VENV)/bin/python benchmarks/bench.py
BENCH_OPTIONS = --interpreters "$(INTERPRETERS)" --pythons "$(PYTHONS)" $(if $(ROUNDS),--rounds $(ROUNDS)) \
	$(if $(FRESH),--fresh) $(ARGS)

bench: all $(VENV)/.ready ## Run the benchmark suite, about 30 minutes (NAME=... selects; benchmarks/README.md)
	$(BENCH) run $(NAME) $(BENCH_OPTIONS)

bench-quick: all $(VENV)/.ready ## A selection of it, about 5 minutes
	$(BENCH) run $(NAME) --level quick $(BENCH_OPTIONS)

bench-setup: all $(VENV)/.ready ## Only make the environments that the whole suite needs, once
	$(BENCH) setup $(NAME) $(BENCH_OPTIONS)

bench-compare: $(VENV)/.ready ## What got faster or slower beyond noise: A=FOLDER B=FOLDER
	@test -n "$(A)" -a -n "$(B)" || { echo "make bench-compare A=FOLDER B=FOLDER, each below build/bench/results/"; exit 2; }
	@$(BENCH) compare "$(A)" "$(B)"

bench-paired: all $(VENV)/.ready ## A few cold programs against python3.11, with the share of compiling (ARGS=--help)
	$(VENV)/bin/python benchmarks/paired.py $(ARGS)

bench-steady: all $(VENV)/.ready ## A site's pages in steady state, processes in turns (SITE=djangocms ARGS="--way stock --way ext")
	$(VENV)/bin/python benchmarks/steady.py $(or $(SITE),flaskblogging) $(ARGS)

bench-instructions: all $(VENV)/.ready ## Count instructions of some programs (valgrind; as JSON too)
	$(VENV)/bin/python benchmarks/instructions.py --json build/bench/instructions.json $(ARGS)

DOCS := build/docs-venv

# --strict (and not --quiet, which hides warnings from it): a link, an anchor or a page that is missing fails. linkchecker
# looks at what came out; as root it would become `nobody`, who may not be able to read the checkout.
LINKCHECKER = $(DOCS)/bin/python -c 'from linkcheck.command import linkchecker as l; l.drop_privileges = bool; l.linkchecker()'

docs: $(DOCS)/.ready ## Build the documentation as a site, build/site/index.html, and check its links
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --clean
	@$(LINKCHECKER) --no-status build/site/index.html >build/docs-links.txt 2>&1 || { cat build/docs-links.txt; exit 1; }
	@tail -n 2 build/docs-links.txt

$(DOCS)/.ready: requirements-docs.txt
	@scripts/venv.sh "$(PYTHON)" $(DOCS) requirements-docs.txt

# The packages (packaging/README.md): OUT=/path takes the finished ones, WORK=/path what is built on the way,
# PYTHON=/path/to/python3.11 is built with.
export OUT WORK
wheel: ## Build the wheels into dist/
	@PYTHON="$(PYTHON)" packaging/wheel.sh

tarball: ## Build the relocatable archive of pyston3 into dist/
	@PYTHON="$(PYTHON)" packaging/tarball.sh

deb: ## Build the Debian packages into dist/
	@PYTHON="$(PYTHON)" packaging/deb.sh

release: ## Build every package from a clean copy of the last commit into dist/, with checksums
	@PYTHON="$(PYTHON)" packaging/release.sh

test-packages: test-ready ## Build every package, install each, run, remove (chroots need root)
	$(PYTEST) tests/packages --packages $(ARGS)

test-deployments: test-ready ## Servers, queues, debuggers, profilers and notebooks with the engine (15 minutes)
	$(PYTEST) -n $(JOBS) tests/deployments --deployments $(ARGS)

# One of python3.11, one made by pyston3, which has to be there; a rebuilt pyston3 leaves it as it is.
$(DEPLOYMENTS)/stock/.ready: requirements-deployments.txt
	@scripts/venv.sh "$(PYTHON)" $(DEPLOYMENTS)/stock requirements-deployments.txt

$(DEPLOYMENTS)/pyston3/.ready: requirements-deployments.txt | all
	@scripts/venv.sh "$(CURDIR)/build/bin/pyston3" $(DEPLOYMENTS)/pyston3 requirements-deployments.txt

clean: ## Remove everything that was built
	rm -rf build dist

$(VENV)/.ready: requirements-test.txt requirements-apps.txt benchmarks/requirements.txt
	@scripts/venv.sh "$(PYTHON)" $(VENV)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
