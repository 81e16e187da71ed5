# Everything runs from a fresh clone: each target builds .venv first when it is missing or out of date.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN_DIR ?= runs/dclaw-turn-random-pal
# Processes that share the quick tests; what takes long (architecture/, e2e/, faults/) is collected first.
TEST_PROCESSES ?= 2
TEST := $(BIN)/python -P -m pytest -q -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder

.PHONY: run test test-slow check mutants format protos bench setup clean

setup: $(VENV)/.installed

# pip 24.1 and later refuse robel's malformed metadata, so pip inside .venv stays below. robel and mbrl
# pin packages that are too old for us, and need none of these pins for what they are used for; mbrl
# also installs its tests, under the name of ours. The types of googleapis-common-protos want an old package
# of gRPC's types that writes over files of types-grpcio.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -P -m pip install --quiet "pip<24.1"
	$(BIN)/python -P -m pip install --quiet -c constraints.txt -e ".[dev,oracle,bench]"
	$(BIN)/python -P -m pip install --quiet --no-deps robel==0.1.2 mbrl==0.2.0
	$(BIN)/python -P -m pip install --quiet --no-deps -c constraints.txt googleapis-common-protos-stubs
	rm -rf $(VENV)/lib/python*/site-packages/tests
	touch $@

run: setup
	$(BIN)/mbctl up --task dclaw-turn-random --algorithm pal --run-dir $(RUN_DIR)

test: setup
	$(TEST)

test-slow: setup
	$(BIN)/python -P -m pytest -q -m slow

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright
	$(TEST)

# MUTANTS="--count 40 --seed 1 hal": how many, which draw, below which folders.
mutants: setup
	PYTHONPATH=$(CURDIR) $(BIN)/python -P -m tests.mutation.run $(MUTANTS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: setup
	$(BIN)/python -P -m protos.generate

bench: setup
	$(BIN)/mbctl bench micro
	$(BIN)/mbctl bench loop
	$(BIN)/mbctl bench ingest

clean:
	rm -rf $(VENV)
