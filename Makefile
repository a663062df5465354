# Each command first sets up the tools that it needs; later runs reuse them.
PYTHON ?= python3
STACK ?= local
ARGS ?=
PROMETHEUS ?= http://localhost:9090
ALERTMANAGER ?= http://localhost:9093
SPEED ?=
SCENARIO ?=
REPOSITORY ?=
RUN := $(PYTHON) -m toolchain

.DEFAULT_GOAL := help
.PHONY: help preview up refresh destroy verify plan drift image pin cost cluster live dashboards report bench check test test-cluster lint lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

preview: ## show what `up` would change; STACK=staging for another stack, ARGS="--diff" for detail
	@$(RUN) preview "--stack=$(STACK)" $(ARGS)

up: ## provision the stack; without a Pulumi login, render its manifests into rendered/STACK/
	@$(RUN) up "--stack=$(STACK)" $(ARGS)

refresh: ## update the state with changes that were made outside of it
	@$(RUN) refresh "--stack=$(STACK)" $(ARGS)

destroy: ## remove everything that `up` has provisioned
	@$(RUN) destroy "--stack=$(STACK)" $(ARGS)

plan: ## save what `up` would change for approval; refuses to lose data; then ARGS=--plan=FILE for `up`
	@$(RUN) plan "--stack=$(STACK)" $(ARGS)

drift: ## show what was changed outside of Pulumi, and change nothing
	@$(RUN) drift "--stack=$(STACK)" $(ARGS)

image: ## build the services' image for amd64 and arm64 and push it; REPOSITORY=REGISTRY/NAME
	@$(RUN) image "--repository=$(REPOSITORY)" $(ARGS)

pin: ## write the digests of the images into the stack's file; ARGS=--deployed for those that run
	@$(RUN) pin "--stack=$(STACK)" $(ARGS)

cost: ## show the monthly cost of each stack in AWS, or of one with STACK=staging
	@$(RUN) cost "--stack=$(if $(filter file,$(origin STACK)),,$(STACK))" $(ARGS)

verify: ## check a running stack: rollout, rules, targets, dashboards, network; local is `make live`
	@$(RUN) verify "--stack=$(STACK)" $(ARGS)

cluster: ## run the stack `node` on a real Kubernetes node on this machine, until Ctrl-C (Linux, root)
	@$(RUN) cluster $(ARGS)

live: ## run the local stack on this machine; SPEED=60 for faster time, SCENARIO=reference to replay it
	@$(RUN) live "--speed=$(SPEED)" "--scenario=$(SCENARIO)" $(ARGS)

dashboards: ## write the dashboards for import elsewhere, and a picture of each, into rendered/dashboards/
	@$(RUN) dashboards $(ARGS)

report: ## write the KPI status report into reports/; PROMETHEUS=URL ALERTMANAGER=URL
	@$(RUN) report "--prometheus=$(PROMETHEUS)" "--alertmanager=$(ALERTMANAGER)" $(ARGS)

bench: ## measure speed, scale and cost into bench/results.md; ARGS=preview for one part
	@$(RUN) bench $(ARGS)

check: ## check format, lint and types, and run the unit tests; needs no built tool
	@$(RUN) check $(ARGS)

test: ## run the tests that need no cluster; ARGS="-k grafana" or ARGS=tests/rules for some of them
	@$(RUN) test $(ARGS)

test-cluster: ## run the tests on a real Kubernetes node on this machine (Linux, root)
	@$(RUN) test-cluster $(ARGS)

lint: ## check format, lint, types and workflows
	@$(RUN) lint

lock: ## write all lock files from pyproject.toml; ARGS="--upgrade" for newer versions
	@$(RUN) lock $(ARGS)

clean: ## remove the files that these commands have made in this folder
	@$(RUN) clean
