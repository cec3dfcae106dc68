# A thin front for the CMake presets (CMakePresets.json) and the scripts in tools/. `make help`.

FUZZ_SECONDS ?= 30
DBK_WERROR ?= ON
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# Quiet when there is nothing to say, loud when it fails: $(call configure,preset)
configure = @mkdir -p build && cmake --preset $(1) -DDBK_WERROR=$(DBK_WERROR) \
	>build/configure-$(1).log 2>&1 || { cat build/configure-$(1).log; exit 1; }
build = @cmake --build --preset $(1) --parallel $(JOBS)

.DEFAULT_GOAL := all
.PHONY: telemetry-bench telemetry-drivers odbc-sanitizers odbc-clients
.PHONY: python-integrations arrow-judge async-bench async-check
.PHONY: all house build run test asan tsan python python-suites python-differential node fuzz bench lint tidy format format-check dev setup clean help
.PHONY: node-suites node-differential node-test bench-node
.PHONY: adbc-bench adbc-peers adbc-examples adbc-suites install ways bundle bundle-test go oracle bench-python soak warehouse-bench spark spark-corpus guide

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

python: bundle ## the self-contained Python wheel, installed in .venv beside the official connector
	@tools/setup.sh test
	@tools/python.sh

python-suites: python ## the official connector's own test suites on our module and the real one
	@.venv/bin/python tests/python/suites.py

python-differential: python ## the same calls through our module and the real one
	@.venv/bin/python -m pytest -q tests/differential_python

node: ## the self-contained Node.js addon, in the official driver in build/node
	@tools/node.sh headers
	@$(MAKE) --no-print-directory bundle
	@tools/node.sh driver

node-suites: node ## the official driver's own kernel suites on our addon and the real one, drivers 2.0.0 and 2.1.0
	@tools/setup.sh run
	@.venv/bin/python tests/node/suites.py

node-differential: node ## the same calls through our addon and the real one
	@tools/setup.sh test
	@DBK_NODE_ADDON=$(CURDIR)/build/bundled/node/index.linux-x64-gnu.node .venv/bin/python -m pytest -q tests/node_more/test_node_differential.py

node-test: node ## four Node.js, the npm package, declarations, leaks: what fetches or takes minutes
	@tools/setup.sh test
	$(call configure,asan)
	@cmake --build --preset asan --parallel $(JOBS) --target dbk_node
	@.venv/bin/python -m pytest -q tests/node_more --ignore tests/node_more/test_node_differential.py

bench-node: node ## our Node.js addon beside the published one; CASES="drain submit" PAIRS=9 choose
	@tools/setup.sh run && bench/setup.sh
	@.venv/bin/python bench/node_addon.py --pairs $(or $(PAIRS),7) $(CASES)

python-integrations: build ## SQLAlchemy, pandas, polars, DuckDB and dbt on our module (fetches them)
	@tools/setup.sh test
	@tests/integrations_python/run.sh

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

oracle: ## drivers and kernels that are not ours against the local warehouse (docs/oracles.md); minutes
	@tools/setup.sh test
	@.venv/bin/python tests/oracle/oracle.py

bench: ## benchmarks
	@if [ -f bench/Makefile ]; then $(MAKE) --no-print-directory -C bench; \
	else echo "there are no benchmarks yet"; fi

async-bench: ## event loops: 1,000 results at once on a thread, a punctual libuv timer, 1,000 asyncio tasks
	@$(MAKE) --no-print-directory -C bench async

async-check: ## the asynchronous calls under valgrind and both sanitizers, and 24 hours of virtual time (minutes)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	$(call configure,asan)
	$(call build,asan)
	$(call configure,tsan)
	$(call build,tsan)
	@tools/async_check.sh

arrow-judge: ## the Arrow project's integration files and fuzz corpus (clones apache/arrow-testing, or ARROW_TESTING=folder)
	@tools/setup.sh test
	$(call configure,release)
	$(call configure,asan)
	@cmake --build --preset release --parallel $(JOBS) --target ipc_judge fuzz_ipc_replay
	@cmake --build --preset asan --parallel $(JOBS) --target ipc_judge fuzz_ipc_replay
	@for preset in release asan; do echo "$$preset:"; JUDGE_PRESET=$$preset .venv/bin/python tests/arrow_judge/judge.py || exit 1; done

guide: ## the files of docs/test-your-app.md with the drivers of Python, Node, Go and Java (fetches them)
	@tools/setup.sh test
	@.venv/bin/python tests/guide/guide.py

warehouse-bench: ## the local warehouse: start to first answer, bytes per second of its storage origin
	@tools/setup.sh run
	@.venv/bin/python bench/warehouse.py

bench-python: python ## our Python module beside the published wheel
	@bench/setup.sh
	@.venv/bin/python bench/python_modules.py

odbc-bench: build ## the ODBC driver's block cursors beside the raw Arrow drain
	@tools/setup.sh run
	@.venv/bin/python bench/odbc.py

odbc-official: build ## test suites of pyodbc, nanodbc, node odbc, DBD::ODBC, R (DBItest) and unixODBC on our driver (say where they are: PYODBC_DIR ...)
	@tools/setup.sh test
	@.venv/bin/python tests/odbc_suites/suites.py

odbc-sanitizers: ## the suites of make odbc-official, the driver with address + undefined and thread sanitizers
	@tools/setup.sh test
	$(call configure,asan)
	$(call configure,tsan)
	@for preset in asan tsan; do \
	    cmake --build --preset $$preset --parallel 2 --target databricks_odbc && \
	    DBK_BUILD_DIR=build/cmake/$$preset .venv/bin/python tests/odbc_suites/suites.py unixodbc pyodbc nanodbc perl || exit 1; \
	done

odbc-suites: build ## the examples of examples/odbc in Perl, PHP and R; installs them
	@tools/setup.sh test
	@tests/odbc_tools/install.sh
	@.venv/bin/python -m pytest -q -ra tests/odbc_tools

odbc-clients: build ## a smoke script for each client of ODBC that Debian has (Qt, SOCI, CppDB, POCO, Ruby, Tcl, Prolog, Erlang, Pike); installs them
	@tools/setup.sh test
	@tests/odbc_clients/install.sh
	@.venv/bin/python -m pytest -q -ra tests/odbc_clients

telemetry-bench: build ## 500 statements with telemetry off, on, and in front of broken endpoints
	@tools/setup.sh test
	@.venv/bin/python bench/telemetry_cost.py

telemetry-drivers: python ## events of the official Python connectors, and of the Go driver that `make go` left, against the table of fields
	@.venv/bin/python -m pytest -q -rs tests/telemetry_drivers

ways: ## proxies and TLS servers of the distribution between us and the local warehouse; installs them
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	@tools/ways.sh

soak: ## long runs: 100,000 reads with one link per answer, 2,000 statements with faults (minutes)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build
	@.venv/bin/python tests/soak/soak.py

spark: ## Apache Spark for `python -m warehouse --engine spark`: pyspark into .venv (needs Java 17)
	@tools/setup.sh run
	@tools/spark.sh

spark-corpus: spark ## the SQL corpus on Spark and DuckDB; every difference in build/spark-corpus.md (minutes)
	@.venv/bin/python tests/warehouse/corpus/run.py spark

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

adbc-suites: build ## validation suites of the ADBC projects on our driver (say where they are: ARROW_ADBC_DIR ...)
	@tools/setup.sh test
	@.venv/bin/python tests/adbc_suites/suites.py

adbc-peers: ## other people's ADBC drivers for Databricks from their sources (say where they are: ADBC_DATABRICKS_DIR)
	@bench/adbc_peers.sh

adbc-bench: build ## our ADBC driver beside those of others (make adbc-peers), and ingest of 1 M rows
	@tools/setup.sh run && bench/setup.sh
	@.venv/bin/python bench/adbc.py --pairs $(or $(PAIRS),3) $(if $(SMALL),--small) $(CASES)

adbc-examples: build ## the programs of docs/adbc.md and docs/adbc-tools.md (fetches what they need)
	@tools/setup.sh test
	@tests/adbc_examples/run.sh

install: build ## library, dbk, headers, ADBC driver with its manifest, to PREFIX (/usr/local)
	@cmake --install build/cmake/release --prefix $(PREFIX)

clean: ## remove build/ (the Python environment in .venv stays)
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
