PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

COMPILE := $(BIN)/python -m compileall -q gwbricks hydra_plugins

.DEFAULT_GOAL := help
.PHONY: help install demo test slow lint types check format bench clean

help: ## show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

install: $(VENV)/.installed ## make .venv and install gwbricks into it

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing gwbricks into $(VENV) (a minute or two)"
	@$(INSTALL) -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing gwbricks and its test tools into $(VENV) (a minute or two)"
	@$(INSTALL) -e ".[dev]"
	@$(COMPILE)
	@touch $@ $(VENV)/.installed

demo: install ## train a Global Workspace on real digits and show the result
	$(BIN)/gwbricks train experiment=digits

# Python files that are rewritten for tests take a tenth of their time if none is kept.
test slow: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.dev ## run the fast tests
	$(BIN)/pytest -q -n 2 -m "not slow" $(COVERAGE)

slow: $(VENV)/.dev ## run the tests that train for longer
	$(BIN)/pytest -q -n 2 -m slow

lint: $(VENV)/.dev ## check style: Python and configs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict configs

types: $(VENV)/.dev ## check types
	$(BIN)/pyright --pythonpath $(BIN)/python

check: ## all that CI checks: style, types, tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory test COVERAGE="--cov --cov-report=term"
	@$(MAKE) --no-print-directory slow

format: $(VENV)/.dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## time steps, bricks and commands, into outputs/bench (SHIMMER=checkout)
	$(BIN)/python benchmarks/step.py --batch-size 32 128 512 --output outputs/bench/step.json $(if $(SHIMMER),--shimmer $(SHIMMER))
	$(BIN)/python benchmarks/memory.py --output outputs/bench/memory.json $(if $(SHIMMER),--shimmer $(SHIMMER))
	$(BIN)/python benchmarks/memory.py --domains 6 --steps 4 --chunk 50 --output outputs/bench/chunked.json
	$(BIN)/python benchmarks/sampled.py --output outputs/bench/sampled.json
	$(BIN)/python benchmarks/stacked.py --output outputs/bench/stacked.json
	$(BIN)/python benchmarks/bricks.py --output outputs/bench/bricks.json
	$(BIN)/python benchmarks/latents.py --output outputs/bench/latents.json
	$(BIN)/python benchmarks/gpu.py --output outputs/bench/gpu.json $(if $(SHIMMER),--shimmer $(SHIMMER))
	$(BIN)/python benchmarks/commands.py --output outputs/bench/commands.json

clean: ## remove .venv, caches and build products, but no outputs
	rm -rf $(VENV) build dist .coverage .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
