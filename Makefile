# For those who change trackstart. Users need only ./setup.sh.

PYTHON := .venv/bin/python

.PHONY: help test oldest lint format lock

help:
	@echo "make test    everything that CI runs (./setup.sh test)"
	@echo "make oldest  the tests with the oldest releases that pyproject.toml allows (Python 3.11)"
	@echo "make lint    ruff, mypy, codespell"
	@echo "make format  let ruff settle formatting"
	@echo "make lock    pin today's releases in requirements/"

test:
	./setup.sh test

# What Raspberry Pi OS bookworm has is nearly as old: numpy 1.24, OpenCV 4.6, scipy 1.10.
UV = $(PYTHON) -m uv --quiet --no-config

oldest:
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m venv --clear .venv-oldest
	$(UV) pip install --python .venv-oldest --only-binary :all: --resolution lowest-direct \
		--requirement pyproject.toml --extra opencv
	$(UV) pip install --python .venv-oldest pytest hypothesis jsonschema playwright setuptools
	.venv-oldest/bin/python -m pytest

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m codespell_lib

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# One lock holds Python 3.11 to 3.13 on x86-64 and arm64, by markers. run.txt follows test.txt, so
# that what was tested is what runs. pi.txt leaves out what Raspberry Pi OS brings with apt.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile \
	pyproject.toml requirements/build.in --universal --python-version 3.11 --generate-hashes \
	--no-annotate
APT = numpy scipy av gpiozero colorzero
# Drawn at a desk; a wheel of it wants a newer numpy than a Pi has.
PLOTS = matplotlib contourpy cycler fonttools kiwisolver pillow pyparsing python-dateutil six tzdata

lock:
	$(PYTHON) -m pip install --quiet uv
	$(COMPILE) --upgrade --extra opencv --extra dev --output-file requirements/test.txt
	$(COMPILE) --extra opencv --constraints requirements/test.txt --output-file requirements/run.txt
	$(COMPILE) --constraints requirements/test.txt $(addprefix --no-emit-package ,$(APT)) \
		--output-file requirements/pi.txt
	$(COMPILE) --extra dev --constraints requirements/test.txt \
		$(addprefix --no-emit-package ,$(APT) $(PLOTS)) --output-file requirements/pi-test.txt
