# Everything runs in .venv, made on first use; the second time is quick.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench
ARGS ?=
STAMP := .venv/.ready

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(STAMP) ## make .venv with everything in it

demo: $(STAMP) ## play a month of the Guangdong alliance, then serve it (ARGS=--no-serve)
	.venv/bin/jifen demo $(ARGS)

test: $(STAMP) ## run all tests (ARGS="-k ledger")
	.venv/bin/pytest -q -n 2 $(ARGS)

lint: $(STAMP) ## check style, types and the direction of imports
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: $(STAMP) ## measure everything (ARGS="ledger --json")
	.venv/bin/jifen bench $(ARGS)

$(STAMP): pyproject.toml constraints.txt Makefile
	@set -e; \
	for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$name; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or later is needed" >&2; exit 1; fi; \
	if [ ! -x .venv/bin/pip ]; then $$python -m venv --clear .venv; fi
	.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# What pip cannot bring: a second proof of the journal export, a browser to test
	@# the pages with, and letters for it. Tests that need what is missing are skipped.
	@has() { \
	  case $$1 in fonts-*) fc-list :lang=zh-cn | grep -q .;; *) command -v $$1;; esac; \
	}; \
	get() { DEBIAN_FRONTEND=noninteractive apt-get "$$@"; }; \
	for name in hledger chromium fonts-wqy-zenhei; do { \
	  has $$name && continue; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	    get install -qq -y --no-install-recommends $$name \
	      || { get update -qq; get install -qq -y --no-install-recommends $$name; }; \
	  fi; } >/dev/null 2>&1 </dev/null; \
	  has $$name >/dev/null 2>&1 \
	    || echo "$$name is not here and cannot be installed: going on without it"; \
	done
	@touch $@
