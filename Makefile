# ngx_http_sector_cache_module
#
#   make test    installs what is missing, builds, tests
#   make run     starts a demo on 127.0.0.1:8080
#   make help    lists everything else
#
# Variables, on the command line or from the environment:
#
#   BUILD            where everything is built: build
#   NGINX_SRC        nginx's source to build against: Debian's nginx-dev
#   NGINX_BIN        the nginx that tests and demo run: the one on the path
#   CC CC_OPT LD_OPT compiler, its flags, the linker's flags
#   UPLOT            a folder with the package uplot: npm installs it
#   DESTDIR          install below this folder
#   PREFIX           where sectorctl is installed: /usr/local
#   SECTOR_FIXTURES  recorded responses for the tests: ../shared/fixtures
#   T                test files for the t targets: t
#   ASAN_NGINX       of "make asan": the versions that begin so, e.g. 1.22
#   FUZZ_SECONDS     of "make fuzz": for each fuzzer, 60
#   PORT UPSTREAM_PORT UPSTREAM TTL        of the demo, see misc/run.sh

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in a folder with a space in its name: $(CURDIR))
endif

MAKEFLAGS += --no-builtin-rules
SHELL      = /bin/bash

ifeq ($(origin CC),default)
CC = cc
endif

BUILD           ?= build
NGINX_SRC       ?= /usr/share/nginx/src
NGINX_BIN       ?= nginx
SECTOR_FIXTURES ?= ../shared/fixtures
T               ?= t
PREFIX          ?= /usr/local

CC_OPT  ?= -g -O3 -fPIC -fno-plt -fstack-protector-strong -Wformat \
           -Werror=format-security
LD_OPT  ?= -fPIC -Wl,-z,relro -Wl,-z,now

# For our files only, see config.make.
SECTOR_CACHE_CFLAGS ?= -Wextra -Wno-unused-parameter -Werror

override BUILD           := $(abspath $(BUILD))
override SECTOR_FIXTURES := $(abspath $(SECTOR_FIXTURES))

# Others read these from the environment; nginx's makefile has variables of
# the same names as ours and must not see those of our command line.
export BUILD NGINX_SRC NGINX_BIN CC CC_OPT LD_OPT SECTOR_CACHE_CFLAGS
export PREFIX UPLOT SECTOR_FIXTURES T PORT UPSTREAM_PORT UPSTREAM TTL
export ASAN_NGINX FUZZ_SECONDS
MAKEOVERRIDES =

MODULE   := ngx_http_sector_cache_module.so
SUBMAKE   = $(MAKE) --no-print-directory
PARALLEL := $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))


.PHONY: help deps deps-dev assets build sectorctl install uninstall run \
        demo-ok demo-slow demo-fail \
        test unit unit-build sectorctl-test test-modules hosts t \
        test-workers test-hup test-static \
        torture tsan bench bench-store bench-flight bench-gzip kills chaos \
        soak mutants \
        layers symbols style docs-check contrib-check check-selftest \
        warnings valgrind asan fuzz fuzz-build coverage \
        static bare-test clean

.DEFAULT_GOAL := build


help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' \
	    Makefile


deps: ## install what is missing to build, test and run
	@rm -f $(BUILD)/.deps
	@misc/deps.sh build client test run

deps-dev: ## and to develop: clang, its fuzzer, valgrind, gcovr
	@misc/deps.sh build client test run dev


assets: ## make the dashboard's files: BUILD/assets
	@misc/deps.sh build
	@misc/assets.sh

build: ## build BUILD/ngx_http_sector_cache_module.so
	@misc/deps.sh build
	@misc/configure.sh
	+@$(SUBMAKE) $(PARALLEL) -s -C $(BUILD)/nginx -f objs/Makefile modules
	@cmp -s $(BUILD)/nginx/objs/$(MODULE) $(BUILD)/$(MODULE) || { \
	    install -m 644 $(BUILD)/nginx/objs/$(MODULE) $(BUILD)/$(MODULE) \
	    && echo "built: $(BUILD)/$(MODULE)"; }


sectorctl: ## build BUILD/sectorctl, the command-line client
	@misc/deps.sh client
	+@$(SUBMAKE) $(PARALLEL) -s $(BUILD)/sectorctl

install: build sectorctl ## install the module and sectorctl
	@misc/install.sh install

uninstall: ## remove them
	@misc/install.sh uninstall


run: build ## start the demo on 127.0.0.1:8080; Ctrl-C ends it
	@misc/deps.sh run
	@exec misc/run.sh

demo-ok: ## the demo's upstream answers again
	@misc/run.sh ok

demo-slow: ## the demo's upstream takes about four seconds
	@misc/run.sh slow

demo-fail: ## the demo's upstream answers 503
	@misc/run.sh fail


test: ## everything that a change must pass
	+@misc/test.sh all

unit: ## the unit tests alone
	+@misc/test.sh unit

t: ## the tests through nginx alone; T=t/10-x.t picks some
	+@misc/test.sh nginx

test-workers: ## those with two workers
	+@SECTOR_TEST_WORKERS=2 misc/test.sh nginx

test-hup: ## those with a reload, not a restart, between blocks
	+@SECTOR_TEST_WORKERS=$${SECTOR_TEST_WORKERS:-1} TEST_NGINX_USE_HUP=1 \
	    misc/test.sh nginx

test-static: static ## those with the module linked into nginx
	+@NGINX_BIN=$(BUILD)/static/nginx/objs/nginx SECTOR_TEST_MODULE= \
	    misc/test.sh nginx

valgrind: ## those under valgrind; a finding in our code fails
	@misc/deps.sh build test dev
	+@TEST_NGINX_USE_VALGRIND=1 misc/test.sh nginx

asan: ## those under sanitizers, in two nginx with the module linked in
	+@misc/asan.sh

coverage: ## lines and branches that the tests reach: BUILD/coverage
	+@misc/coverage.sh


torture: $(BUILD)/tests/torture_store ## kill writers of the store; KILLS=10000
	@$< $(or $(KILLS),10000)

tsan: ## the same with threads, no deaths, under ThreadSanitizer (clang)
	@misc/deps.sh build dev
	@mkdir -p $(BUILD)/tests
	@clang $(TEST_CFLAGS) $(DEFINES_hooks) -DTORTURE_THREADS \
	    -fsanitize=thread -o $(BUILD)/tests/tsan_store \
	    tests/torture_store.c $(STORE_C) -lpthread
	@TSAN_OPTIONS="halt_on_error=1 $$TSAN_OPTIONS" $(BUILD)/tests/tsan_store
	@echo "no data race"

bench-store: ## lookups, instructions and hit ratios of the store
	@misc/deps.sh build dev
	@mkdir -p $(BUILD)/bench
	@for bench in bench_store bench_store_ratio; do \
	    $(CC) $(BENCH_CFLAGS) -o $(BUILD)/bench/$$bench \
	        tests/bench/$$bench.c $(STORE_C) -lpthread -lm || exit; \
	done
	@echo "load: $$(cut -d ' ' -f 1-3 /proc/loadavg), $$(nproc) processors"
	@$(BUILD)/bench/bench_store
	@$(BUILD)/bench/bench_store_ratio


bench: build ## a hit beside nginx's own ways, Lua, srcache and Varnish
	@misc/deps.sh bench
	@SECTOR_MODULE=$(BUILD)/$(MODULE) tests/bench/bench.py $(BUILD)/bench

# For programs that start an nginx of their own.
BESIDE_NGINX = TEST_NGINX_SERVROOT=$(BUILD)/servroot \
               TEST_NGINX_BINARY=$(NGINX_BIN) \
               TEST_NGINX_LOAD_MODULES=$(BUILD)/$(MODULE)

bench-flight: build ## 200 clients and one cold key, beside proxy_cache_lock
	@misc/deps.sh build test
	@TEST_NGINX_BINARY=$(NGINX_BIN) \
	    TEST_NGINX_LOAD_MODULES=$(BUILD)/$(MODULE) tests/bench/bench_flight.pl

bench-gzip: build ## what a compressed answer costs more, under callgrind
	@misc/deps.sh build test dev
	@TEST_NGINX_BINARY=$(NGINX_BIN) \
	    TEST_NGINX_LOAD_MODULES=$(BUILD)/$(MODULE) tests/bench/bench_gzip.pl

FAULTY_HOST := $(BUILD)/tests/faulty_host.so

chaos: build $(FAULTY_HOST) ## all that can go wrong, at once; MINUTES=1 SEED=
	@misc/deps.sh build test
	@$(BESIDE_NGINX) SECTOR_FAULTY_HOST=$(FAULTY_HOST) \
	    tests/chaos/chaos.pl $(or $(MINUTES),1)

soak: build ## an even load for long, and what it leaves behind; MINUTES=30
	@misc/deps.sh build test
	@$(BESIDE_NGINX) tests/chaos/soak.pl $(or $(MINUTES),30)

mutants: ## faults that the tests should see; N=50 SEED= ID= FILES= JOBS=1
	@misc/deps.sh build client test
	@N="$(N)" SEED="$(SEED)" ID="$(ID)" FILES="$(FILES)" JOBS="$(JOBS)" \
	    tests/mutants/mutants.pl $(BUILD)/mutants

kills: ## kill workers under load; KILLS=1000
	+@KILLS=$(or $(KILLS),1000) T=t/20-kills.t misc/test.sh nginx


layers: ## includes and calls point down only
	@misc/check-layers.pl

symbols: build ## the module exports what nginx looks up, nothing else
	@misc/check-symbols.sh $(BUILD)/$(MODULE)

style: ## nginx's manner
	@misc/check-style.pl

docs-check: ## directives, variables and counters are those of README.md
	@misc/check-docs.pl

contrib-check: ## dashboard and alerts fit the metrics; their tests
	@misc/check-grafana.pl
	@misc/check-prometheus.pl

check-selftest: ## the checks above do fail on what is wrong
	@misc/check-selftest.sh


# The unit tests: layers 0 and 1 without nginx, each tests/test_X.c a program
# BUILD/tests/test_X.  The objects are compiled once for each set of defines.

TESTS     := $(wildcard tests/test_*.c tests/torture*.c)
TEST_BINS := $(TESTS:tests/%.c=$(BUILD)/tests/%)
PURE      := $(notdir $(wildcard ngx_sector_cache_module/sector_*.c))

# Which set a test wants: plain, or hooks for stopping a writer midway.
HOOKED           = test_store% test_dump% torture%
VARIANT          = $(if $(filter $(HOOKED),$(1)),hooks,plain)
DEFINES_plain    =
DEFINES_hooks    = -DSECTOR_STORE_TEST

# What a program's linker is told beside: these functions are the test's.
LINK_test_dump                = -Wl,--wrap=realloc
LINK_test_gzip                = -Wl,--wrap=malloc -Wl,--wrap=deflateInit2_
LINK_test_compose_market      = -Wl,--wrap=realloc
LINK_test_model_batch         = -Wl,--wrap=malloc,--wrap=calloc,--wrap=free
LINK_test_model_batch_changed = $(LINK_test_model_batch)
LINK_test_model_meaning       = $(LINK_test_model_batch)

TEST_CFLAGS   = -std=gnu11 -g -O1 -fno-omit-frame-pointer -Wall -Wextra \
                -Werror -Wno-unused-parameter -Ingx_sector_cache_module
JANSSON_CFLAGS = $$(pkg-config --cflags jansson)
TEST_LIBS      = $$(pkg-config --libs jansson) -lz -lcmocka -lpthread -lm

# Of the store alone: for benches, and for ThreadSanitizer.
STORE_C       := $(wildcard ngx_sector_cache_module/sector_store*.c) \
                 ngx_sector_cache_module/sector_stats.c
BENCH_CFLAGS   = -std=gnu11 -O2 -Wall -Wextra -Werror -Itests \
                 -Ingx_sector_cache_module

# Sanitizers where they work; a container may forbid what they need.
SANITIZE      = $(BUILD)/tests/sanitize
TEST_HEADERS := $(wildcard tests/*.h)

unit-build: $(TEST_BINS)

$(SANITIZE): misc/sanitize.sh
	@mkdir -p $(@D)
	@misc/sanitize.sh >$@

# $(1) a program's name, $(2) its variant
define test_program
$(BUILD)/tests/$(1): $(BUILD)/tests/$(2)/$(1).o \
        $(PURE:%.c=$(BUILD)/tests/$(2)/%.o) $(SANITIZE)
	@$$(CC) $$$$(cat $(SANITIZE)) $$(LINK_$(1)) -o $$@ \
	    $$(filter %.o,$$^) $$(TEST_LIBS)

$(BUILD)/tests/$(2)/$(1).o: tests/$(1).c $(SANITIZE) Makefile
	@mkdir -p $$(@D)
	@$$(CC) $$(TEST_CFLAGS) $$(DEFINES_$(2)) $$(JANSSON_CFLAGS) \
	    $$$$(cat $(SANITIZE)) -MMD -MP -c -o $$@ $$<
endef

# $(1) a variant
define pure_objects
$(BUILD)/tests/$(1)/%.o: ngx_sector_cache_module/%.c $(SANITIZE) Makefile
	@mkdir -p $$(@D)
	@$$(CC) $$(TEST_CFLAGS) $$(DEFINES_$(1)) $$(JANSSON_CFLAGS) \
	    $$$$(cat $(SANITIZE)) -MMD -MP -c -o $$@ $$<
endef

$(foreach test,$(TESTS:tests/%.c=%), \
    $(eval $(call test_program,$(test),$(call VARIANT,$(test)))))
$(foreach variant,plain hooks,$(eval $(call pure_objects,$(variant))))

-include $(wildcard $(BUILD)/tests/*/*.d)


# The client; and one with sanitizers, for the tests.

SECTORCTL_C      := $(wildcard sectorctl/*.c)
SECTORCTL_CFLAGS  = -std=gnu11 -g -O2 -fstack-protector-strong -Wall -Wextra \
                    -Werror $$(pkg-config --cflags libcurl jansson)
SECTORCTL_LIBS    = $$(pkg-config --libs libcurl jansson) -lm

sectorctl-test: $(BUILD)/tests/sectorctl
	@:

$(BUILD)/sectorctl: $(SECTORCTL_C:sectorctl/%.c=$(BUILD)/client/%.o)
	@$(CC) -Wl,-z,relro -Wl,-z,now -o $@ $^ $(SECTORCTL_LIBS)
	@echo "built: $@"

$(BUILD)/tests/sectorctl: $(SECTORCTL_C:sectorctl/%.c=$(BUILD)/tests/client/%.o)
	@$(CC) $$(cat $(SANITIZE)) -o $@ $^ $(SECTORCTL_LIBS)

$(BUILD)/client/%.o: sectorctl/%.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(SECTORCTL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/client/%.o: sectorctl/%.c $(SANITIZE) Makefile
	@mkdir -p $(@D)
	@$(CC) $(SECTORCTL_CFLAGS) $$(cat $(SANITIZE)) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/client/*.d)


# The fuzzers: tests/fuzz/fuzz_X.c, each a program BUILD/fuzz/fuzz_X, with the
# same layers.

FUZZERS     := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BINS   := $(FUZZERS:%=$(BUILD)/fuzz/%)
FUZZ_CFLAGS  = $(TEST_CFLAGS) $(DEFINES_hooks) $(JANSSON_CFLAGS) -Itests \
               -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=undefined

fuzz: ## feed everything that others send; FUZZ_SECONDS=60 for each fuzzer
	@misc/deps.sh build dev
	+@$(SUBMAKE) $(PARALLEL) fuzz-build
	@misc/fuzz.sh $(FUZZERS)

fuzz-build: $(FUZZ_BINS)

$(FUZZ_BINS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/%.o \
        $(PURE:%.c=$(BUILD)/fuzz/obj/%.o)
	@clang -fsanitize=fuzzer,address,undefined -o $@ $(filter %.o,$^) \
	    $$(pkg-config --libs jansson) -lz -lm

$(BUILD)/fuzz/obj/%.o: tests/fuzz/%.c Makefile
	@mkdir -p $(@D)
	@clang $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/obj/%.o: ngx_sector_cache_module/%.c Makefile
	@mkdir -p $(@D)
	@clang $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/fuzz/obj/*.d)


# Modules for tests: the store over nginx's own slab allocator, and one that
# adds headers.  They are built beside ours, with the headers of nginx that
# ours was built with: nginx's own makefile says where they are.

SLAB_TEST    := $(BUILD)/tests/slab_test_module.so
HEADERS_TEST := $(BUILD)/tests/headers_test_module.so
NGINX_INCS    = $$(sed -n -e '/^ALL_INCS =/,/[^\\]$$/{s/^ALL_INCS =//' \
                    -e 's/\\$$//;s,-I \([^/]\),-I $(BUILD)/nginx/\1,g;p}' \
                    $(BUILD)/nginx/objs/Makefile)

test-modules: $(SLAB_TEST) $(HEADERS_TEST)
	@:

$(SLAB_TEST): tests/nginx/slab_test_module.c $(STORE_C) \
        ngx_sector_cache_module/ngx_http_sector_cache_slab.c \
        $(wildcard ngx_sector_cache_module/*.h)

$(HEADERS_TEST): tests/nginx/headers_test_module.c

$(SLAB_TEST) $(HEADERS_TEST): Makefile
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -g -O1 -fPIC -shared -Wall -Wextra -Werror \
	    -Wno-unused-parameter -Ingx_sector_cache_module $(NGINX_INCS) \
	    -o $@ $(filter %.c,$^)


# Libraries for tests, before nginx's own: a disk that hangs, and a host whose
# clocks jump.

HOSTS := $(BUILD)/tests/slow_disk.so $(FAULTY_HOST)

hosts: $(HOSTS)
	@:

$(HOSTS): $(BUILD)/tests/%.so: tests/nginx/%.c Makefile
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -g -O1 -fPIC -shared -Wall -Wextra -Werror -o $@ $< -ldl


warnings: ## build with gcc and clang, every warning an error
	@misc/deps.sh build client dev
	+@$(SUBMAKE) build sectorctl CC=gcc BUILD=$(BUILD)/gcc
	+@$(SUBMAKE) build sectorctl CC=clang BUILD=$(BUILD)/clang

static: ## build nginx with the module linked in: BUILD/static
	@misc/deps.sh build static
	@NGINX_SRC=$$(misc/nginx-source.sh) BUILD=$(BUILD)/static \
	    misc/configure.sh static
	+@$(SUBMAKE) $(PARALLEL) -s -C $(BUILD)/static/nginx -f objs/Makefile binary
	@echo "built: $(BUILD)/static/nginx/objs/nginx"

bare-test: ## "make test" and "make run" on a bare Debian (root, debootstrap)
	@misc/deps.sh bare
	@misc/bare-test.sh


clean: ## remove what was built
	@misc/clean.sh
