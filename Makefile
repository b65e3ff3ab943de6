# Run `make` to see what there is. All that is installed or started lies in .local/.

PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help demo test screenshots lint chaos fuzz scale bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\): ## /\1\t/p' Makefile | expand -t 14

demo: ## five mailboxes and an Odoo that mirrors them, until Ctrl-C (DEMO_EXIT=1: only the table)
	@$(PYTHON) -m setup demo

test: ## all tests (PYTEST_ARGS="tests/engine -k quoted" or ODOO_TAGS=/crm_mail_mirror:TestX: some)
	@$(PYTHON) -m setup test

screenshots: ## the demo's screens as pictures in .local/screenshots (SCREENS=part of a name)
	@$(PYTHON) -m setup screenshots

lint: ## style, mistakes, weaknesses: ruff, pylint, bandit, pip-audit, secrets
	@$(PYTHON) -m setup lint

chaos: ## what breaks servers, network, disk and time, CHAOS_RUNS=200 times (CHAOS_SEED=..., CHAOS_FAULTS=...)
	@$(PYTHON) -m setup chaos

fuzz: ## mail, servers and APIs that are broken, for FUZZ_MINUTES=60 in all (FUZZ_SEED=..., FUZZ_TARGETS=...)
	@$(PYTHON) -m setup fuzz

scale: ## three Odoo servers share 500 mailboxes, and one is killed
	@$(PYTHON) -m setup scale

bench: ## what is measured, against whom (BENCH_ARGS=...)
	@$(PYTHON) -m setup bench

clean: ## stop what runs and remove .local/
	@$(PYTHON) -m setup clean
