# Each target is one call of course.py, which also works without make: python course.py lab
PYTHON ?= python3

help: ; @$(PYTHON) course.py --help
notebooks: ; @$(PYTHON) course.py $@ $(if $(EDITION),--edition $(EDITION)) $(ARGS)
setup lab test test-colab test-latest site new grade: ; @$(PYTHON) course.py $@ $(ARGS)

.PHONY: help setup lab test test-colab test-latest notebooks site new grade
