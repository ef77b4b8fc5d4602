# README's two commands: `make radon` runs the main job, `make test` passes the tests. Both do all the set-up.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin
RADON = basement effect on log radon
# A file a core. A test that kills its process fails: in place of one that replaces it, pytest-xdist 3.8 waits for ever.
SIDE_BY_SIDE = -n auto --dist loadfile --max-worker-restart 0

.PHONY: radon test slow ray pythons lint types clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --upgrade pip
	$(RUN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

radon: $(VENV)/installed ## 256 analyses of the Minnesota radon data; leaves experiments/radon/figures/
	$(RUN)/multiverse run experiments/radon/study.py --store runs/radon
	$(RUN)/multiverse curve runs/radon -o experiments/radon/figures/radon.svg --title "$(RADON)"
	$(RUN)/multiverse curve runs/radon -o experiments/radon/figures/radon.pdf --title "$(RADON)"
	$(RUN)/multiverse curve runs/radon -o experiments/radon/figures/radon-89mm.pdf --width 89mm --title "$(RADON)"

test: $(VENV)/installed ## the default tests, some minutes
	$(RUN)/python -m pytest $(SIDE_BY_SIDE)

slow: $(VENV)/installed ## the tests that take minutes
	$(RUN)/python -m pytest -m slow $(SIDE_BY_SIDE)

ray: $(VENV)/installed ## the tests on a Ray cluster of this machine
	$(RUN)/python -m pytest -m ray

pythons: ## the default tests on each other Python that we support and this machine has
	for python in $$(.ci/pythons); do $(MAKE) test PYTHON="$$python" VENV="$(VENV)-$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" || exit 1; done

lint: $(VENV)/installed
	$(RUN)/ruff check
	$(RUN)/ruff format --check

types: $(VENV)/installed
	$(RUN)/mypy

clean:
	rm -rf $(VENV) $(VENV)-3.* build dist *.egg-info
