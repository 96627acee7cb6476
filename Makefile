# The two commands are `make demo` and `make test`. Each sets up what it needs and is quick the second time.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/.runbook/venv/bin:$(PATH)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z ]*:.*## / { split($$1, names, " "); for (i in names) printf "  make %-12s %s\n", names[i], $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install pinned tools, make sure a Docker engine runs, build the demo's images
	@scripts/setup-tools
	@scripts/setup-engine
	@scripts/setup-images demo

.PHONY: demo
demo: setup ## Watch a release go out, a bad one undo itself, and a good one come back
	@scripts/demo

.PHONY: test
test: test-engine test-hosts ## Run every layer of the tests
	@scripts/test

.PHONY: clean
clean: ## Remove what these commands made: containers, images, tools, state
	@scripts/clean

# The layers of the tests, one at a time.

.PHONY: sanity
sanity: test-tools ## ansible-test sanity on every Python found
	@scripts/test $@

.PHONY: lint
lint: test-tools ## ansible-lint, yamllint, shellcheck
	@scripts/test $@

.PHONY: unit
unit: test-tools ## The decisions as data, with coverage
	@scripts/test $@

.PHONY: docs
docs: test-tools ## Documentation and changelog checks
	@scripts/test $@

.PHONY: integration
integration: test-engine ## Each module against the real engine
	@scripts/test $@

.PHONY: molecule
molecule: test-engine ## The stories: roles and playbooks on a real stack
	@scripts/test $@

.PHONY: faults
faults: test-engine ## Kills, missing images, full disks: what is left afterwards
	@scripts/test $@

.PHONY: benchmarks
benchmarks: test-engine ## Wall times against the runbooks' own commands
	@scripts/test $@

.PHONY: multihost
multihost: test-hosts ## Two SSH hosts, each with an engine of its own
	@scripts/test $@

.PHONY: test-tools test-engine test-hosts
test-tools:
	@scripts/setup-tools test

test-engine: test-tools
	@scripts/setup-engine
	@scripts/setup-images demo postgres redis monitoring
	@scripts/setup-browser

test-hosts: test-engine
	@scripts/setup-images hosts
