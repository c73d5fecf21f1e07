# Two commands do everything: `make demo` and `make test`. The rest is for people who work on it.
# Needs python3 (3.11 or newer) with pip, and make. Root on Debian lets the lab run; it is asked for nothing else.

SHELL := /bin/sh
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PATH := $(PATH):/usr/sbin:/sbin

UV  := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin

.PHONY: demo test lint types fast lowest bench study fuzz example packages env clean help

demo: env  ## the main job on the example, then the whole story (the lab as root on Debian, else simulated)
	$(RUN)/unlisted investigate examples/office || test $$? -eq 1
	-@sh tools/packages.sh
	$(RUN)/unlisted demo

test: env packages lint types lowest  ## everything that must hold; what .ci/run calls
	$(RUN)/pytest

fast: env  ## the tests that need no lab
	$(RUN)/pytest -m "not lab"

lint: env  ## ruff: rules and format
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: env  ## mypy --strict
	$(RUN)/mypy

lowest: env  ## the tests that need no lab, with the lowest versions that pyproject.toml allows
	$(UV) venv --quiet --allow-existing .venv-lowest
	$(UV) pip install --quiet --python .venv-lowest --resolution lowest-direct --group dev -e '.[bulk,lab]'
	.venv-lowest/bin/pytest -m "not lab" -q

bench: env  ## every benchmark, each beside its peer in the same run
	for file in benchmarks/*_*.py; do $(RUN)/python $$file || exit 1; done

study: env  ## docs/study.md anew: the detector on simulated bots and honest devices (4 minutes)
	$(RUN)/python tools/study.py

fuzz: env  ## hostile mail and hostile DNS answers, a minute each (SECONDS=600 for ten)
	$(RUN)/python tools/fuzz.py --seconds $(or $(SECONDS),60)
	$(RUN)/python tools/answers.py --seconds $(or $(SECONDS),60)

example: env packages  ## make examples/office anew in the lab (root)
	rm -rf examples/office examples/office-before examples/office-report
	$(RUN)/unlisted demo --evidence examples/office

packages:  ## what the lab and the tests drive, from Debian, as root; otherwise says what is missing
	@sh tools/packages.sh

env: .venv/.stamp  ## the Python environment of the lock file

.venv/.stamp: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen --all-extras --all-groups --quiet
	@touch $@

# Debian forbids pip to write into the system's Python and has venv in another package: uv needs neither.
.tools/bin/uv:
	python3 -m pip install --quiet --disable-pip-version-check --target .tools uv

clean:
	rm -rf .venv .venv-lowest .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz

help:
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12
