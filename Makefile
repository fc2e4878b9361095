# Two commands matter: `make serve` and `make test`. Each sets up all it needs.
PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
SECONDS_EACH ?= 600

# Servers and tests start many processes, and each would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

# CUDA packages are installed only where the NVIDIA driver reports a GPU.
RUNTIME := $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)

SERVE := .venv-serve-$(RUNTIME)
DEV   := .venv
# Servers that the service is measured against, each in an environment of its own.
BENCH := litserve bentoml mlserver

.DEFAULT_GOAL := help
.PHONY: help serve train test pytest lint lint-and-types format types fuzz fuzz-api audit bandit sbom licences cuda-kernels bench bench-parent bench-guarded bench-gpu gpu-proof image-test lowest-test ray-test font-test triton-test proxies-test grpc clients-test wheels locks openapi settings clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(SERVE)/.done ## Start the service on http://127.0.0.1:8000 (HOST=, PORT=)
	$(SERVE)/bin/glyphvae serve --host $(HOST) --port $(PORT)

# What `make train` reads and adds to, as `make train DATA=~/Downloads PRESET=pen ARGUMENTS="--threads 2"`.
DATA      ?= data
MODELS    ?= models
PRESET    ?= cvae

train: $(DEV)/.done ## Train a model on the source files in DATA= and export it to MODELS=models, ready to serve
	$(DEV)/bin/glyphvae train --preset $(PRESET) --data "$(DATA)" --models "$(MODELS)" $(ARGUMENTS)

test: $(DEV)/.done ## Lint, check types and run all tests
	@$(MAKE) --no-print-directory --jobs=2 lint-and-types pytest

# Many tests wait for processes, so two workers pay on one core too; each needs a gigabyte of memory.
WORKERS ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 2 ? 2 : cores > 8 ? 8 : cores)))
# A worker runs all tests of a module, so that its fixtures are set up once, and has one thread for PyTorch.
PYTEST := OMP_NUM_THREADS=1 $(DEV)/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope

pytest: $(DEV)/.done
	$(PYTEST) $(or $(ARGUMENTS),--cov --cov-report=)
	$(if $(ARGUMENTS),,$(DEV)/bin/python -m tests.coverage_gates)

lint-and-types: lint
	$(DEV)/bin/mypy

lint: $(DEV)/.done ## Check style
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/.done ## Check types
	$(DEV)/bin/mypy

format: $(DEV)/.done ## Fix style
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

openapi: $(DEV)/.done ## Write docs/openapi.json, docs/settings.md, docs/errors.md and docs/python from the code
	$(DEV)/bin/python -m glyphvae.application docs/openapi.json
	$(DEV)/bin/python -m glyphvae.settings docs/settings.md
	$(DEV)/bin/python -m glyphvae.errors docs/errors.md
	$(DEV)/bin/python -m tests.docs.python_pages

bench: $(DEV)/.done $(SERVE)/.done $(BENCH:%=.venv-bench-%/.done) ## Measure the service beside others (ten minutes, two idle cores, wrk)
	$(DEV)/bin/python -m benchmarks all --python $(SERVE)/bin/python

bench-parent: $(DEV)/.done .venv-serve-cpu/.done ## Measure the service beside that of another checkout, PARENT=path (20 minutes, two idle cores)
	$(MAKE) -C $(PARENT) .venv-serve-cpu/.done
	$(DEV)/bin/python -m benchmarks compare --parent $(PARENT)
	$(DEV)/bin/python -m benchmarks page

bench-guarded: $(DEV)/.done ## Measure the service with keys, CORS and traces beside itself (ten minutes, two idle cores)
	$(DEV)/bin/python -m benchmarks guarded
	$(DEV)/bin/python -m benchmarks page

bench-gpu: .venv-bench-gpu/.done ## Measure on an NVIDIA GPU, after the tests that need one
	.venv-bench-gpu/bin/python -m pytest -m gpu
	.venv-bench-gpu/bin/python -m pytest tests/packaging/test_telemetry.py
	.venv-bench-gpu/bin/python -m benchmarks gpu
	.venv-bench-gpu/bin/python -m benchmarks page

gpu-proof: ## Prove on an NVIDIA GPU that every model runs there and gives what the CPU gives (benchmarks/results/gpu-proof.json)
	@found=$$(nvidia-smi -L 2>&1) || { \
	  echo "gpu-proof: \`nvidia-smi -L\` finds no NVIDIA GPU: $$found" >&2; \
	  echo "It needs a GPU and its driver for CUDA 13. Nothing was installed." >&2; exit 1; }
	@$(MAKE) --no-print-directory .venv-bench-gpu/.done
	.venv-bench-gpu/bin/python -m benchmarks gpu-proof

image-test: $(DEV)/.done ## Build the container image and run it (root, buildah, debootstrap)
	$(DEV)/bin/python -m pytest -m image tests/deploy

fuzz: .venv-fuzz/.done ## Fuzz what strangers send, ten minutes each for six kinds of input (SECONDS_EACH=600)
	for target in image array text tensors jpeg uploads; do \
	  .venv-fuzz/bin/python -W ignore -m tests.fuzz.run $$target -max_total_time=$(SECONDS_EACH) || exit 1; \
	done

# Two modules of tests compare with training, whose libraries are gigabytes.
LOWEST_IGNORED := tests/service/datasets/test_formats.py tests/service/models/test_hands.py

lowest-test: .venv-lowest/.done ## Test the service with the lowest versions that it says it works with (ten minutes)
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope tests/service \
	  $(LOWEST_IGNORED:%=--ignore=%)

ray-test: .venv-ray/.done ## Run a Ray cluster of two nodes here, and kill one of them (three minutes)
	.venv-ray/bin/python -m pytest -W ignore -m ray tests/ray

font-test: $(DEV)/.done .venv-fontbakery/.done ## Check fonts by the universal profile of fontbakery (a minute)
	$(DEV)/bin/python -m pytest -m fontbakery tests/service/fonts

clients-test: $(DEV)/.done .venv-node/.done ## Generate clients in TypeScript and call every endpoint by each (two minutes, Node.js 20)
	$(DEV)/bin/python -m pytest -m node tests/service/generated

fuzz-api: $(DEV)/.done ## Send every route a thousand requests, valid and not, and check each answer (ten minutes)
	$(DEV)/bin/python -m tests.fuzz.api 1000

triton-test: $(DEV)/.done .venv-triton/.done ## Call the service with Triton's own clients, over HTTP and gRPC (a minute)
	$(DEV)/bin/python -m pytest -m triton tests/service/kserve

proxies-test: $(DEV)/.done .venv-traefik/.done ## Run the service behind Traefik, and behind nginx and Caddy where installed (a minute)
	$(DEV)/bin/python -m pytest tests/service/server/test_proxies.py

PROTO := service/glyphvae/kserve/proto
grpc: $(DEV)/.done ## Write the description of the gRPC service from its .proto files
	$(DEV)/bin/python -m grpc_tools.protoc --proto_path=$(PROTO) --include_imports \
	  --descriptor_set_out=$(PROTO)/grpc_service.binpb grpc_service.proto

audit: $(DEV)/.done ## Look known vulnerabilities of all locked packages up (needs the network)
	for lock in serve-cpu serve-gpu train dev; do \
	  $(DEV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/$$lock.txt || exit 1; \
	done

bandit: $(DEV)/.done ## Look for unsafe code
	$(DEV)/bin/bandit --quiet --configfile pyproject.toml --recursive service training

sbom: $(DEV)/.done ## Write the bill of materials of what the service installs, dist/sbom.json (CycloneDX)
	mkdir -p dist
	$(DEV)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-file dist/sbom.json requirements/serve-$(RUNTIME).txt

licences: $(SERVE)/.done ## List the licences of what the service installs in docs/licences.md
	$(SERVE)/bin/python requirements/licences.py requirements/serve-$(RUNTIME).txt docs/licences.md

cuda-kernels: $(DEV)/.done ## List the CUDA kernels of the locked onnxruntime-gpu in requirements/cuda-kernels.json (C compiler, no GPU)
	$(DEV)/bin/python requirements/cuda_kernels.py requirements/serve-gpu.txt requirements/cuda-kernels.json

wheels: $(DEV)/.done ## Build the wheels of the service, its client and training in dist/
	for project in $(PYPROJECTS:%/pyproject.toml=%); do \
	  (cd $$project && $(CURDIR)/$(DEV)/bin/python -m hatchling build --target wheel --directory $(CURDIR)/dist) || exit 1; \
	done

locks: .venv-uv/.done ## Resolve the hash-pinned requirement files anew
	cd requirements && ./lock ../.venv-uv/bin/uv

clean: ## Remove environments and caches
	rm -rf .venv .venv-* .cache .mypy_cache .pytest_cache .ruff_cache .coverage build dist

# uv installs the locked sets in seconds; it is itself pinned by hash.
.venv-uv/.done: requirements/uv.txt
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

# The distributions of this repository that an environment gets, in their folders.
PROJECTS := . service/glyphvae/client
PYPROJECTS := ./pyproject.toml service/glyphvae/client/pyproject.toml training/pyproject.toml

# An environment with a lock, the first prerequisite, and those distributions in it.
define environment
.venv-uv/bin/uv venv --quiet --clear --python $(PYTHON) $(@D)
VIRTUAL_ENV=$(@D) .venv-uv/bin/uv pip install --quiet --require-hashes -r $<
VIRTUAL_ENV=$(@D) .venv-uv/bin/uv pip install --quiet --no-deps --no-build-isolation $(PROJECTS:%=--editable %)
touch $@
endef

$(SERVE)/.done: requirements/serve-$(RUNTIME).txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

$(DEV)/.done: PROJECTS += training
$(DEV)/.done: requirements/dev.txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

.venv-lowest/.done: requirements/lowest.txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

.venv-ray/.done: requirements/ray.txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

.venv-bench-gpu/.done: PROJECTS += training
.venv-bench-gpu/.done: requirements/bench-gpu.txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

.venv-fuzz/.done: requirements/fuzz.txt $(PYPROJECTS) .venv-uv/.done
	$(environment)

.venv-fontbakery/.done: requirements/fontbakery.txt .venv-uv/.done
	.venv-uv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-fontbakery
	VIRTUAL_ENV=.venv-fontbakery .venv-uv/bin/uv pip install --quiet --require-hashes -r requirements/fontbakery.txt
	touch $@

.venv-node/.done: tests/service/generated/package-lock.json
	mkdir -p .venv-node
	cp tests/service/generated/package.json tests/service/generated/package-lock.json .venv-node
	npm ci --prefix .venv-node --ignore-scripts --no-audit --no-fund
	touch $@

.venv-triton/.done: requirements/triton.txt .venv-uv/.done
	.venv-uv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-triton
	VIRTUAL_ENV=.venv-triton .venv-uv/bin/uv pip install --quiet --require-hashes -r requirements/triton.txt
	touch $@

.venv-traefik/.done: requirements/traefik.txt .venv-uv/.done
	.venv-uv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-traefik
	VIRTUAL_ENV=.venv-traefik .venv-uv/bin/uv pip install --quiet --require-hashes -r requirements/traefik.txt
	touch $@

.venv-bench-%/.done: requirements/bench-%.txt .venv-uv/.done
	.venv-uv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-bench-$*
	VIRTUAL_ENV=.venv-bench-$* .venv-uv/bin/uv pip install --quiet --require-hashes -r requirements/bench-$*.txt
	touch $@
