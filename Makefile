PYTHON ?= python3
BIN    := .venv/bin

demo: .venv/installed     ## install everything, then run the main job
	$(BIN)/bb demo
test: .venv/installed     ## run every test
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
proof: .venv/installed    ## the long proofs: slow tests, then every benchmark against its bar
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt -e "./builderbrain-core[bench]"
	$(BIN)/pytest -q -m slow
	$(BIN)/python benchmarks/all.py
check: .venv/installed    ## format, lint, types, import rules
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
clean:                    ## remove what make built
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
.venv/installed: requirements.txt constraints.txt $(wildcard */pyproject.toml */*/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	touch $@
.PHONY: demo test proof check clean
