# Everything that is done with this repository. `make` alone lists it.
# Needs Node >= 20.19, npm and make; `make setup` gets the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

bin := node_modules/.bin
vitest = $(bin)/vitest run $(VITEST_FLAGS)
# Folders too: their time changes when a file goes.
sources := $(shell find src actors examples bench test/simulation -mindepth 1 \( -name '*.ts' -o -type d \) 2>/dev/null)

## Variables, as in `make simulate SEEDS=500`:
SEEDS ?= 50#   how many seeds `simulate` runs
SEED ?=#       the one that `replay` shows, and `chaos` does again
REQUESTS ?= 10000# how many requests `fuzz` sends
MESSAGES ?= 20000# how many messages `fuzz-wire` sends
MINUTES ?= 5#     how long `chaos` breaks things
DIR ?=#        the tree that `demo` hunts through (default: node_modules); where `up` keeps its data
VITEST_FLAGS ?=# passed to every vitest run

.PHONY: help setup build check fix format lint types package test test-unit test-integration fuzz fuzz-wire simulate replay scenarios-update chaos mutants behaviours fault-table model demo up bench bench-million graph clean

help:
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: node_modules/.conclave-stamp ## install what is needed: the locked packages, and a nats-server if there is none
	@infra/scripts/setup-nats-server.sh

# Install scripts do not run (.npmrc). The stamp lives in node_modules, so removing that folder installs again.
node_modules/.conclave-stamp: package-lock.json package.json .npmrc
	npm ci
	@touch $@

build: setup dist/.conclave-stamp ## compile src, actors and examples into dist

dist/.conclave-stamp: $(sources) tsconfig.json tsconfig.build.json node_modules/.conclave-stamp
	rm -rf dist/src dist/actors dist/examples dist/bench dist/test
	$(bin)/tsc -p tsconfig.build.json
	@if [ -f dist/src/cli/main.js ]; then chmod +x dist/src/cli/main.js; fi
	@touch $@

check: setup format lint types package ## everything that can be checked without running it; what CI runs

format: setup
	$(bin)/prettier --check --log-level warn .

fix: setup ## lay out the code and mend what lint can mend by itself
	$(bin)/prettier --write --log-level warn .
	$(bin)/eslint --fix .

lint: setup ## typed lint, and code that nobody uses
	$(bin)/eslint --max-warnings 0 .
	$(bin)/knip

types: setup ## types of everything, and that the core compiles with no Node and no browser
	$(bin)/tsc -p tsconfig.json
	$(bin)/tsc -p tsconfig.pure.json

package: build
	$(bin)/publint --strict

test: build ## all tests: unit, machines, simulation, conformance, integration, HTTP
	$(vitest)

test-unit: setup ## the tests that need no server (seconds)
	$(vitest) test/unit test/machines test/tidy.test.ts

test-integration: build ## the tests against a real nats-server
	$(vitest) test/conformance test/integration test/http examples test/infra

fuzz: build ## REQUESTS requests made from the OpenAPI document, against a real fleet
	FUZZ_REQUESTS=$(REQUESTS) $(vitest) test/http/fuzz.test.ts

fuzz-wire: setup ## MESSAGES messages that nobody should send, at every subject of a fleet: simulated, and a few on a real server
	FUZZ_MESSAGES=$(MESSAGES) $(vitest) test/simulation/wire-fuzz.test.ts test/simulation/answer-fuzz.test.ts test/integration/wire-fuzz.test.ts

simulate: build ## whole fleets under SEEDS seeds, with faults, invariants checked after every step
	SEEDS=$(SEEDS) node dist/test/simulation/simulate.js

replay: build ## what happens to the fleet of one SEED: a line per transition (TRACE=1: per step)
	@SEED=$(SEED) TRACE=$(TRACE) node dist/test/simulation/replay.js

scenarios-update: setup ## write into test/scenarios/*.txt what comes of each scenario now; look at the difference
	$(vitest) test/scenarios --update

chaos: build ## real agents on three real servers, with faults of every kind for MINUTES
	CHAOS_MINUTES=$(MINUTES) $(vitest) test/chaos/chaos.test.ts

mutants: setup ## break each guarded rule on purpose and see that a test notices
	$(bin)/tsx infra/scripts/mutants.ts
	@$(bin)/prettier --write --log-level warn docs/mutants.md

fault-table: build ## run the tests of each fault in docs/fault-table.md and say which are held (minutes; power cuts and full disks need root)
	$(bin)/tsx infra/scripts/fault-table.ts
	@$(bin)/prettier --write --log-level warn docs/fault-table.md

model: ## check the model of the ledger with Spin: every order of events in small fleets
	infra/scripts/model.sh

behaviours: build ## take out the line that each behaviour hangs on and see its tests fail (a quarter of an hour)
	$(bin)/tsx infra/scripts/behaviours.ts
	@$(bin)/prettier --write --log-level warn docs/behaviours.md

demo: build ## five processes hunt threats in a directory tree, lose their leader, and lose no work (DIR=folder)
	node dist/examples/threat-hunt/main.js $(if $(DIR),--dir '$(DIR)')

up: build ## a fleet of three agents and a private nats-server on this machine, until Ctrl-C
	node dist/src/cli/main.js up --agents 3 $(if $(DIR),--dir '$(DIR)')

bench: build ## measure on this machine
	node dist/bench/main.js

bench-million: build ## a million tasks through one fleet: whether memory and ledger stay flat (minutes; TASKS=n)
	node dist/bench/million.js

graph: build ## draw every statechart as Mermaid into dist/graph
	node dist/src/cli/main.js graph --dir dist/graph

clean: ## remove what was built; keeps node_modules and .local
	rm -rf dist coverage
