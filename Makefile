# Every target sets up what it needs in a virtual environment of its own; only Python, make and a C++ compiler are asked for.
PYTHON ?= python3
VENV   := .venv
PARITY := .venv-parity
WHEEL  := .venv-wheel
PLUGINS := .venv-plugins
PY     := $(VENV)/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-warn-script-location
CORE   := $(wildcard src/*) CMakeLists.txt pyproject.toml constraints.txt
PARTS  := $(shell find tinify zoo plugins/tinify-template -type f -not -name '*.pyc')
# Those whose dependencies live together; tinify-compressai needs the environment of the parity tests.
TRIED  := tinify-template tinify-vqp tinify-constriction

.PHONY: help demo test parity bench bench-image curves study-series asan wheel plugins docs lint format clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/ready: $(CORE)
	$(PYTHON) -m venv $(VENV)
	$(PY) $(PIP_INSTALL) -c constraints.txt --upgrade pip torch
	$(PY) $(PIP_INSTALL) -c constraints.txt --editable ".[demo]" --group test
	touch $@

$(PARITY)/ready: constraints-parity.txt
	$(PYTHON) -m venv $(PARITY)
	$(PARITY)/bin/python $(PIP_INSTALL) -c constraints-parity.txt --upgrade pip torch
	$(PARITY)/bin/python $(PIP_INSTALL) -c constraints-parity.txt torchvision compressai
	touch $@

$(PARITY)/plugin: $(PARITY)/ready dist/ready plugins/tinify-compressai/pyproject.toml
	$(PARITY)/bin/python $(PIP_INSTALL) -c constraints-parity.txt dist/tinify_codec-*.whl
	$(PARITY)/bin/python $(PIP_INSTALL) --force-reinstall --no-deps dist/tinify_codec-*.whl
	$(PARITY)/bin/python $(PIP_INSTALL) -c constraints-parity.txt --editable "plugins/tinify-compressai[test]"
	touch $@

demo: $(VENV)/ready  ## compress and restore a real photo and a real series; writes demo-output/index.html
	$(VENV)/bin/tinify demo --output demo-output

test: $(VENV)/ready  ## the test suite
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n auto

parity: $(VENV)/ready $(PARITY)/plugin  ## the tests against compressai, and its plugin's, in an environment of its own
	TINIFY_COMPRESSAI_PYTHON=$(CURDIR)/$(PARITY)/bin/python $(PY) -m pytest -q -m parity tests/parity
	cd plugins/tinify-compressai && $(CURDIR)/$(PARITY)/bin/python -m pytest -q

bench: $(VENV)/ready $(PARITY)/ready  ## entropy coders beside CompressAI's
	$(PY) benchmarks/bench_coders.py --compressai-python $(PARITY)/bin/python

bench-image: $(VENV)/ready $(PARITY)/ready  ## image codecs beside CompressAI's
	$(PY) benchmarks/bench_image.py --compressai-python $(PARITY)/bin/python
	$(PY) benchmarks/bench_image_models.py --compressai-python $(PARITY)/bin/python

curves: $(VENV)/ready  ## rate-distortion curves from real files (needs the data sets: TINIFY_DATA)
	$(VENV)/bin/tinify compare photo-best@10,18,26,34,42,50,60,72 jpeg webp --data $(or $(TINIFY_DATA),../shared/data)/kodak \
	  --published jpeg bpg vtm --html build/curves/photos.html --json build/curves/photos.json
	$(PY) benchmarks/series_curves.py

study-series: $(VENV)/ready  ## tokenizers against TCRAE and peers, trained and written up (needs the data sets: TINIFY_DATA)
	$(PY) -m tinify.evaluation.study studies/series.toml --output docs/studies --name tokenizer-vs-tcrae

asan: $(VENV)/ready  ## fuzz the native coders under address and undefined-behaviour sanitizers
	cmake -S . -B build/asan -DTINIFY_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build/asan --target fuzz_coders
	build/asan/fuzz_coders

wheel: dist/ready  ## build the wheel, install it in an empty environment and use it there
	rm -rf $(WHEEL)
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python $(PIP_INSTALL) -c constraints.txt --upgrade pip torch
	$(WHEEL)/bin/python $(PIP_INSTALL) -c constraints.txt dist/tinify_codec-*.whl
	cd $(WHEEL) && bin/python ../tests/wheel_smoke.py
	cd $(WHEEL) && bin/python ../tests/wheel_plugin.py

dist/ready: $(CORE) $(PARTS)
	rm -rf dist .venv-build
	$(PYTHON) -m venv .venv-build
	.venv-build/bin/python $(PIP_INSTALL) -c constraints.txt --upgrade pip
	.venv-build/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	rm -rf .venv-build
	touch $@

$(PLUGINS)/ready: dist/ready $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(PLUGINS)
	$(PLUGINS)/bin/python $(PIP_INSTALL) -c constraints.txt --upgrade pip torch
	$(PLUGINS)/bin/python $(PIP_INSTALL) -c constraints.txt dist/tinify_codec-*.whl
	$(PLUGINS)/bin/python $(PIP_INSTALL) --force-reinstall --no-deps dist/tinify_codec-*.whl
	$(PLUGINS)/bin/python $(PIP_INSTALL) -c constraints.txt $(foreach name,$(TRIED),--editable "plugins/$(name)[test]")
	touch $@

plugins: $(PLUGINS)/ready  ## the tests of the plugins, with the wheel (those of tinify-compressai: make parity)
	for name in $(TRIED); do (cd plugins/$$name && $(CURDIR)/$(PLUGINS)/bin/python -m pytest -q) || exit 1; done

docs: $(VENV)/ready  ## build the documentation into build/site, where a warning is an error
	$(PY) $(PIP_INSTALL) -c constraints.txt --group docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict --site-dir build/site

lint: $(VENV)/ready  ## style and types
	$(PY) $(PIP_INSTALL) -c constraints.txt --group dev
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/ready  ## put the style right
	$(PY) $(PIP_INSTALL) -c constraints.txt --group dev
	$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

clean:  ## remove what the targets made
	rm -rf $(VENV) $(PARITY) $(WHEEL) $(PLUGINS) build dist demo-output
