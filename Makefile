# The two commands are `make ami` and `make test`; each does all set-up first. Everything else is for working on this repository.
SHELL := /bin/bash
PROFILE ?=
ARGS ?=
NODE := node_modules/.bin/node

.DEFAULT_GOAL := help
.PHONY: help ami dev-host nightly test test-all setup unit e2e lint types drift generate scripts bench doctor clean lab-up lab-down

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Values go through the environment and are quoted there, so that the shell reads none of them as commands; ARGS is split at blanks only.
export PROFILE ARGS
ifdef REGION
export REGION
endif

ami: setup ## bake a host image and prove it; REGION=us-east-2 for AWS, PROFILE=..., ARGS='--plain'
	@set -f; bin/ecs-host ami $${REGION+--region "$$REGION"} $${PROFILE:+--profile "$$PROFILE"} $$ARGS

dev-host: setup ## bring up a development host; REGION=us-east-2 for AWS, ARGS='NAME --from-base --ttl 2d'
	@set -f; bin/ecs-host dev-host up $${REGION+--region "$$REGION"} $${PROFILE:+--profile "$$PROFILE"} $$ARGS

nightly: setup ## what a night does, by `nightly` of hosts.yaml, else in the lab; REGION=us-east-2, PROFILE=..., ARGS='--dry-run'
	@set -f; bin/ecs-host nightly $${REGION+--region "$$REGION"} $${PROFILE:+--profile "$$PROFILE"} $$ARGS

test: setup ## lint, types, drift, unit and end-to-end tests; the last line counts them
	@$(NODE) scripts/test.ts

test-all: setup ## the same, and the end-to-end tests that take long
	@$(NODE) scripts/test.ts all

# What only the lab needs is not asked for where these go to AWS.
ami dev-host nightly doctor: export SETUP_REGION = $(REGION)

# What only the linters need is made beside the rest, out of what the rest has compiled.
test test-all lint: export SETUP_LINT = yes

setup: ## bring everything that is missing; does nothing the second time
	@scripts/setup $${SETUP_REGION:+--region "$$SETUP_REGION"} $${SETUP_LINT:+--lint}

unit: setup ## only the fast tests
	@$(NODE) scripts/test.ts unit

e2e: setup ## only the tests against the lab (needs root)
	@$(NODE) scripts/test.ts e2e

lint: setup ## Biome, knip, shellcheck, actionlint, zizmor
	@$(NODE) scripts/test.ts lint

types: setup ## the TypeScript compiler
	@$(NODE) scripts/test.ts types

drift: setup ## generated files are what their sources say
	@$(NODE) scripts/test.ts drift

generate: setup ## write the generated files anew
	@$(NODE) scripts/generate.ts

scripts: setup ## set-up scripts for a machine that one already has, into out/scripts; PROFILE=...
	@set -f; bin/ecs-host scripts $${PROFILE:+--profile "$$PROFILE"} $$ARGS

bench: setup ## measure side by side with named baselines; ARGS='--rounds N'
	@$(NODE) bench/help.ts
	@set -f; $(NODE) bench/bake.ts $$ARGS
	@set -f; $(NODE) bench/layers.ts $$ARGS
	@set -f; $(NODE) bench/audit.ts $$ARGS
	@set -f; $(NODE) bench/dev-host.ts $$ARGS
	@$(NODE) bench/fleet.ts
	@$(NODE) bench/host.ts
	@$(NODE) bench/starts.ts
	@$(NODE) bench/release.ts

doctor: setup ## every prerequisite: found, needed, and the fix; REGION=us-east-2 for AWS
	@set -f; bin/ecs-host doctor $${REGION+--region "$$REGION"} $$ARGS

lab-up: setup ## start the lab and leave it running
	@bin/ecs-host lab up

lab-down: setup ## stop the lab and all its machines; images stay
	@bin/ecs-host lab down

clean: ## remove what make brought into this folder (caches and images stay)
	@if [ -x $(NODE) ]; then bin/ecs-host lab down || true; fi
	rm -rf node_modules out
