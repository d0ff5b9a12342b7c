# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup lab demo test test-fast test-all test-lane bench docs drivers reliability lint sanity build clean clean-cache

RUN := tools/run
# Several processes; what shares a fixture or the lab stays in one of them, and the lab comes last: beside others its hosts get too slow.
PYTEST := pytest -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder
FAST := $(wildcard tests/unit tests/integration tests/contract)

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:  ## install and make what everything below needs (quick the second time)
	@tools/setup

lab: setup  ## bring the lab's hosts up and leave them running
	@lab/lab up

demo: lab  ## show the collection at work on the lab's hosts
	@. tools/env && tools/demo

test: setup  ## run the tests, but for those that take long
	@$(RUN) $(PYTEST) $(ARGS)

test-fast: setup  ## run the tests that need no lab: units and integration
	@$(RUN) $(PYTEST) $(FAST) $(ARGS)

test-all: test  ## run them all: the long ones, on three backends in the lab, then those that need no lab on every other version that is supported
	@$(RUN) $(PYTEST) -m extra $(ARGS)
	@tools/lanes $(PYTEST) -m 'not extra and not exhaustive' $(FAST) $(ARGS)

test-lane: setup  ## the same on one: make test-lane LANE=cinder29 (or core216, py311, py312)
	@tools/lanes --only '$(LANE)' $(PYTEST) -m 'not extra and not exhaustive' $(FAST) $(ARGS)

bench: setup  ## measure what the tasks cost
	@$(RUN) python tests/bench/run.py
	@$(RUN) python tests/bench/attach.py

drivers: setup  ## make docs/drivers.md of what was exercised and what drivers declare
	@$(RUN) tools/drivers table

reliability: setup  ## make docs/reliability.md of what was survived when things were broken on purpose
	@$(RUN) tools/reliability table

docs: setup  ## build the site, pages and reference, into build/docs
	@tools/docs build/docs

lint: setup  ## run ruff, shellcheck and ansible-lint
	@$(RUN) tools/lint

sanity: setup  ## run ansible-test sanity
	@$(RUN) tools/sanity $(ARGS)

build: setup  ## build the collection's tarball into build/
	@$(RUN) tools/build build

clean:  ## take the lab down and remove what was built
	@if [ -x lab/lab ]; then lab/lab down; fi
	@rm -rf build tests/output .ansible .pytest_cache .ruff_cache .hypothesis

clean-cache: clean  ## remove the environments, images and everything else in the cache as well
	@rm -rf -- "$${BLS_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/baremetal.legacy_storage}"

SHELL := /bin/bash
