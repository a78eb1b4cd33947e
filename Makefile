.PHONY: help fit test lint docs bench

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

fit:  ## Train, evaluate and report the first recipe
	kssl fit recipes/vae_mnist.yaml

test:  ## Run the tests
	pytest

lint:  ## Check style and types
	ruff check .
	ruff format --check .
	mypy

docs:  ## Build the documentation strictly
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

bench:  ## Measure the speed of training beside that of others
	python benchmarks/run.py
