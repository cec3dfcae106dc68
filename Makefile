# A thin front for the CMake presets (CMakePresets.json) and the scripts in tools/. `make help`.

FUZZ_SECONDS ?= 30
DBK_WERROR ?= ON
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# Quiet when there is nothing to say, loud when it fails: $(call configure,preset)
configure = @mkdir -p build && cmake --preset $(1) -DDBK_WERROR=$(DBK_WERROR) \
	>build/configure-$(1).log 2>&1 || { cat build/configure-$(1).log; exit 1; }
build = @cmake --build --preset $(1) --parallel $(JOBS)

.DEFAULT_GOAL := all
.PHONY: all house build run test asan tsan python python-suites fuzz bench lint tidy format format-check dev setup clean help
.PHONY: bundle bundle-test go soak

all: build ## build the library and the command line: build/libdatabricks_sql_kernel.so, build/dbk

build:
	@tools/setup.sh build
	$(call configure,release)
	$(call build,release)

run: ## set up, build, start the local warehouse, run a real query through the kernel
	@tools/setup.sh run
	@$(MAKE) --no-print-directory build
	@tools/run.sh

test: ## set up, build and run every test
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	@tools/test.sh release

asan: ## unit and end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup.sh test
	$(call configure,asan)
	$(call build,asan)
	@tools/test.sh asan

tsan: ## unit and end-to-end tests under ThreadSanitizer
	@tools/setup.sh test
	$(call configure,tsan)
	$(call build,tsan)
	@tools/test.sh tsan

python: ## the Python module and its wheel, installed in .venv beside the official connector
	@tools/setup.sh test
	@tools/python.sh

python-suites: python ## the official connector's own test suites on our module
	@.venv/bin/python tests/python/suites.py

fuzz: ## each fuzz target for FUZZ_SECONDS (30)
	@tools/setup.sh check
	$(call configure,fuzz)
	$(call build,fuzz)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh

dev: ## debug build in build/cmake/dev, for the debugger
	@tools/setup.sh build
	$(call configure,dev)
	$(call build,dev)

bundle: ## self-contained archive and library in build/bundled (docs/bundled.md); minutes the first time
	@tools/setup.sh build
	@tools/bundle/build.sh

bundle-test: bundle ## what docs/bundled.md promises, and all other tests with the bundled libraries
	@tools/setup.sh test
	@tools/bundle/test.sh

go: bundle ## the official Go driver and bindings/go on the bundled archive
	@tools/setup.sh test
	@bindings/go/test.sh

bench: ## benchmarks
	@if [ -f bench/Makefile ]; then $(MAKE) --no-print-directory -C bench; \
	else echo "there are no benchmarks yet"; fi

soak: ## long runs: 100,000 reads with one link per answer, 2,000 statements with faults (minutes)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	@.venv/bin/python tests/soak/soak.py

house: ## house rules, known mistakes, exported symbols, formatting
	@tools/setup.sh check
	@$(MAKE) --no-print-directory build
	@tools/check.sh

lint: house tidy ## the same and clang-tidy, which takes minutes

tidy:
	@tools/setup.sh check
	$(call configure,dev)
	@tools/tidy.sh $(JOBS)

format: ## rewrite every C file in the house's format
	@tools/setup.sh check
	@tools/check.sh --fix-format

format-check: ## only say which files are not in the house's format
	@tools/setup.sh check
	@tools/check.sh format

setup: ## install everything that building, testing, fuzzing and linting need
	@tools/setup.sh check

clean: ## remove build/ (the Python environment in .venv stays)
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
