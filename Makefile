# users-fcgi: build, run and test. `make help` lists the targets.

FLAVOUR ?= release
PORT ?= 8000
STATE ?= var
CONF ?= conf/development.conf
VERSION := 0.5.0

# Compilations at once.
JOBS ?= $(shell nproc)
BUILD := build/$(FLAVOUR)
export PORT STATE CONF
export BIN := $(BUILD)

CXX ?= g++
ifeq ($(FLAVOUR),fuzz)
  CXX := clang++
endif
# A compiler cache that cannot write its folder fails every compilation: used where one compilation through it works.
# A checkout elsewhere finds the same objects.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
# What ccache wants for precompiled headers.
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime
COMPILE := $(shell echo | ccache $(CXX) -x c++ -c -o /dev/null - >/dev/null 2>&1 && echo ccache) $(CXX)

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
CXXFLAGS_release := -O2 -g1 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
CXXFLAGS_debug := -O0 -g3 -D_GLIBCXX_ASSERTIONS
CXXFLAGS_asan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -D_GLIBCXX_ASSERTIONS
LDFLAGS_asan := -fsanitize=address,undefined
# libFuzzer comes with clang, whose warnings are not those that the code is kept clean of.
CXXFLAGS_fuzz := -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize-recover=undefined -D_GLIBCXX_ASSERTIONS -Wno-error
LDFLAGS_fuzz := -fsanitize=address,undefined
CXXFLAGS_coverage := -O0 -g1 --coverage -fprofile-update=atomic
LDFLAGS_coverage := --coverage

MULTIARCH := $(shell $(CXX) -dumpmachine 2>/dev/null)
CPPFLAGS_ALL := -Isrc -Itests -DBOOST_LOG_DYN_LINK -DBOOST_TEST_DYN_LINK -DMULTIARCH='"$(MULTIARCH)"' \
  -isystem /usr/include/mariadb
# For those alone that tell it: another version compiles little anew.
$(BUILD)/src/programs/%.o $(BUILD)/src/ctl/%.o $(BUILD)/tests/%.o $(BUILD)/src/web/monitoring.o: \
  VERSION_FLAG := -DUSERS_FCGI_VERSION='"$(VERSION)"'
# Migrations are numbered 1, 2, 3, ...
SCHEMA_VERSION := $(words $(wildcard sql/migrations/*.sql))
$(BUILD)/src/db/migrations.o: VERSION_FLAG := -DSCHEMA_VERSION=$(SCHEMA_VERSION)
# The tests' own code compiles in half the time without optimisation and line numbers; sanitizers want the latter.
TEST_OPTIMISATION := -O0 -U_FORTIFY_SOURCE $(if $(filter release,$(FLAVOUR)),-g0)
$(BUILD)/tests/%.o: OPTIMISATION := $(TEST_OPTIMISATION)
CXXFLAGS_ALL := -std=c++20 $(WARNINGS) $(CXXFLAGS_$(FLAVOUR)) $(CXXFLAGS)
LIBS := -lfcgi -lmariadb -lboost_log -lboost_thread -lboost_filesystem -lsodium \
  -lphonenumber -lutf8proc -lzxcvbn -lcrypt -lpthread
TEST_LIBS := -lboost_unit_test_framework -lcurl

PROGRAMS := users-fcgi users-courier users-ctl
PROGRAM_SOURCES := $(subst -,_,$(PROGRAMS:%=src/programs/%.cpp))
TEST_KINDS := unit worker db ctl stack accounts sms
# What the check runs: fast, and without dice. The cases labelled "deep" are left out, too; DEEP=1 runs all of all.
KINDS ?= $(if $(DEEP),$(TEST_KINDS),unit db worker stack accounts)
export DEEP
LIBRARY_SOURCES := $(filter-out $(PROGRAM_SOURCES),$(wildcard src/*/*.cpp src/*/*/*.cpp))
# What the fuzz targets call: parsers and what these need, nothing that needs a database.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.cpp,%,$(wildcard tests/fuzz/*.cpp))
FUZZ_SOURCES := $(wildcard src/base/*.cpp src/metrics/*.cpp) $(addprefix src/, \
  accounts/phone.cpp accounts/password.cpp accounts/foreign_hash.cpp import/file.cpp import/layout.cpp import/row.cpp \
  web/body.cpp web/credentials.cpp web/envelope.cpp web/result_code.cpp)
FUZZ_BUILD := $(if $(filter build/%,$(BUILD)),build/fuzz,$(BUILD)-fuzz)
TEST_SUPPORT := $(wildcard tests/support/*.cpp)
object = $(patsubst %.cpp,$(BUILD)/%.o,$(1))
LIBRARY := $(BUILD)/libusers.a

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

.PHONY: all kill race hang restart away storm guess flood couriers leak build-stack-test build-accounts-test test-all help deep tidy build test-programs run start stop logs mysql clean-state clean test man deb test-package test-fault test-abuse fuzz fuzz-programs valgrind soak bench bench-count test-openapi test-browser asan coverage lint format print FORCE
.DELETE_ON_ERROR:

all: test-programs ## compiles every program and test into build/FLAVOUR

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 16
	@echo 'Variables: PORT=8000 STATE=var CONF=conf/development.conf VERIFICATION=issued LIMITS=site FLAVOUR=release|debug|asan|coverage V=1 SECONDS_EACH=60 REQUESTS=1000000'

run: ## installs what is missing, builds, starts everything on 127.0.0.1:PORT
	@scripts/install-packages run
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@scripts/start

start: ## starts what is not running, without installing or building
	@scripts/start

stop: ## stops everything, keeps the data
	@scripts/stop

logs: ## follows the service's log
	@scripts/logs

mysql: ## opens a client on the database; SQL on standard input is run
	@scripts/mysql

clean-state: ## stops everything and removes its data
	@scripts/clean-state

build: $(PROGRAMS:%=$(BUILD)/%) ## compiles the programs alone

test-programs: build $(TEST_KINDS:%=$(BUILD)/test-%)

test: ## installs what is missing, builds, runs the tests on a stack of its own (KINDS="unit stack/regist_over_http": some)
	@scripts/install-packages run test $(if $(DEEP),deep)
	@$(MAKE) --no-print-directory -j$(JOBS) build $(foreach kind,$(KINDS),$(BUILD)/test-$(firstword $(subst /, ,$(kind))))
	@tests/run $(KINDS)

man: $(BUILD)/users.conf.5

deb: ## builds the Debian package into build/ and checks it by lintian
	@scripts/install-packages run package
	@scripts/build-deb $(VERSION)

test-package: ## installs, runs, upgrades and purges the package in a fresh Debian below build/ (as root)
	@scripts/install-packages run package test-package
	@scripts/build-deb $(VERSION)+upgrade
	@scripts/build-deb $(VERSION)
	@tests/package build/users-fcgi_$(VERSION)_*.deb build/users-fcgi_$(VERSION)+upgrade_*.deb

# Each shows its figures in a line that begins with its name.
kill race hang restart away storm: build-stack-test
	@DEEP=1 tests/run stack/under_load/$@

guess flood couriers: build-accounts-test
	@DEEP=1 tests/run accounts/under_load/$@

build-stack-test build-accounts-test: build-%-test:
	@scripts/install-packages run test deep
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-$*

kill: ## 500 registrations, a worker killed after every fifth reply: every one answered 0, and in the database once
race: ## 50 rounds of 50 clients with one phone; 1,000 phones at 16 at a time
hang: ## the database frozen under load: nobody waits longer than one read timeout, no worker is held twice
restart: ## every worker replaced under load: no request fails
away: ## the database stopped and started under load: 0 or 9001, service within two seconds
storm: ## sessions checked while more register than there are workers: how long each takes
guess: ## 500 guesses at a code in parallel, with new codes between: how many the database compared
flood: ## sessions checked while 64 clients ask for codes behind a site's limits: how long each takes
couriers: ## the courier killed after every ninth of 200 messages: each is sent once, or twice
leak: ## 300,000 requests, 200,000 of them to one worker: its memory stays as it was
	@WORKERS=1 FAST_WORKERS=1 $(MAKE) --no-print-directory soak REQUESTS=300000

test-fault: ## breaks it on purpose under load, and counts what clients were told against the database
	@scripts/install-packages run test deep
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-fault
	@tests/run fault

test-abuse: ## what an attacker does from outside
	@scripts/install-packages run test abuse
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-abuse
	@tests/run abuse

fuzz: ## mutated input to every parser and to a worker's socket, each for SECONDS_EACH=60
	@scripts/install-packages run test fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=fuzz BUILD=$(FUZZ_BUILD) fuzz-programs
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-stream
	@FUZZ_BIN=$(FUZZ_BUILD) tests/fuzz/run

valgrind: ## the unit tests under valgrind: bad accesses and leaks
	@scripts/install-packages run test valgrind
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-unit
	@tests/valgrind

soak: ## REQUESTS=1000000 cheap requests, after which every worker is as large as before
	@scripts/install-packages run soak
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/soak

test-openapi: ## asks validators of the npm registry about the description of the API
	@scripts/install-packages openapi
	@command -v npm >/dev/null || scripts/install-packages npm
	@tests/openapi/run

test-browser: ## installs what is missing, builds, runs the page's tests in Chromium; screenshots: build/screenshots
	@scripts/install-packages run browser
	@command -v npm >/dev/null || scripts/install-packages npm
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/browser/run

bench: ## measures it beside other servers, 20 minutes (QUICK=1: 3); results: build/bench/report.md
	@scripts/install-packages run bench
	@command -v npm >/dev/null || scripts/install-packages npm
	@$(MAKE) --no-print-directory -j$(JOBS) build build/bench/hello build/bench/bare build/bench/node/node_modules
	@tests/bench/bench.py $(if $(QUICK),--quick)

bench-count: ## instructions of a worker per request, against tests/bench/instructions.tsv (WRITE=1 writes it)
	@scripts/install-packages run bench
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/bench/count.py $(if $(WRITE),--write)

test-all: ## every test, those of make deep included
	@$(MAKE) --no-print-directory test DEEP=1

asan: ## the tests under address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory test FLAVOUR=asan DEEP=1

coverage: ## the tests' line coverage, into build/coverage/report
	@scripts/install-packages run test deep coverage
	@$(MAKE) --no-print-directory test FLAVOUR=coverage DEEP=1
	@mkdir -p build/coverage/report
	gcovr -r . --object-directory build/coverage -f 'src/' --print-summary --html-details build/coverage/report/index.html \
	  --csv build/coverage/report/lines.csv
	@awk -F, 'NR > 1 { split($$1, part, "/"); folder = part[1] "/" part[2]; all[folder] += $$2; covered[folder] += $$3 } \
	  END { for (folder in all) printf "lines of %s: %.1f %% of %d\n", folder, 100 * covered[folder] / all[folder], all[folder] }' \
	  build/coverage/report/lines.csv | sort

lint: ## clang-format, shellcheck, direction of includes
	@scripts/install-packages lint
	@scripts/lint

tidy: ## clang-tidy of every source (FILES="src/web/body.cpp": of these), and the syntax of the page's scripts; minutes
	@scripts/install-packages run test tidy
	@scripts/tidy $(FILES)

deep: ## everything that takes minutes or rolls dice, one target after the other; its last line sums up
	@tests/deep

print: build ## writes the files that the programs print: the man page and the completion of users-ctl
	@scripts/print-files

format: ## rewrites the sources as clang-format has them
	clang-format -i $$(git ls-files '*.cpp' '*.hpp')

build/bench/%: tests/bench/floors/%.cpp
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(WARNINGS) -isystem /usr/include/mariadb -o $@ $< -lfcgi -lmariadb -lsodium -lpthread

build/bench/node/node_modules: tests/bench/node/package-lock.json tests/bench/node/server.js
	$(call say,NPM,$@)
	$(Q)mkdir -p $(@D) && cp tests/bench/node/* $(@D)/
	$(Q)npm ci --silent --no-fund --no-audit --prefix $(@D) && touch $@

# The keys of the configuration have one source, its example.
$(BUILD)/users.conf.5: conf/users.conf.example scripts/users_conf_man.awk
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f scripts/users_conf_man.awk $< > $@

clean: ## removes what was built
	rm -rf build tests/browser/node_modules

$(BUILD)/users-%: $(BUILD)/src/programs/users_%.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDEXPANSION:
$(BUILD)/test-%: $$(call object,$$(wildcard tests/$$*/*.cpp) $(TEST_SUPPORT)) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libfuzzed.a
	$(call say,LINK,$@)
	$(Q)$(CXX) -fsanitize=fuzzer $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS)

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)

$(BUILD)/libfuzzed.a: $(call object,$(FUZZ_SOURCES))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# What the workers of tests/fault/torture.cpp load.
$(BUILD)/test-fault: | $(BUILD)/fail-nth-call.so
$(BUILD)/fail-nth-call.so: tests/fault/shim/fail_nth_call.cpp tests/fault/shim/control.hpp
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(WARNINGS) -fPIC -shared -Itests -o $@ $< -ldl

$(LIBRARY): $(call object,$(LIBRARY_SOURCES))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Common headers are parsed once, for a shorter clean build; -fpch-preprocess is for ccache. clang's would be of another
# format.
ifneq ($(FLAVOUR),fuzz)
$(BUILD)/src/%.o: PRECOMPILED := $(BUILD)/src/base/precompiled.hpp
$(BUILD)/tests/%.o: PRECOMPILED := $(BUILD)/tests/support/precompiled.hpp
# Of these most files read JSON, which costs half a second a file even where it is precompiled and not used.
JSON_KINDS := ctl stack accounts
$(foreach kind,$(JSON_KINDS),$(BUILD)/tests/$(kind)/%.o): PRECOMPILED := $(BUILD)/tests/support/precompiled_json.hpp
# Boost.Test's main() comes by a macro before its header.
$(BUILD)/tests/support/main.o: PRECOMPILED :=
$(call object,$(wildcard src/*/*.cpp src/*/*/*.cpp)): $(BUILD)/src/base/precompiled.hpp.gch
$(call object,$(wildcard tests/*/*.cpp)): $(BUILD)/tests/support/precompiled.hpp.gch
$(call object,$(wildcard $(JSON_KINDS:%=tests/%/*.cpp))): $(BUILD)/tests/support/precompiled_json.hpp.gch
$(BUILD)/tests/support/precompiled%.gch: OPTIMISATION := $(TEST_OPTIMISATION)
endif
use_precompiled = $(if $(PRECOMPILED),-Winvalid-pch -fpch-preprocess -include $(PRECOMPILED))

$(BUILD)/%.hpp.gch: %.hpp $(BUILD)/flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) $(OPTIMISATION) -MMD -MP -x c++-header -o $@ $<

$(BUILD)/%.o: %.cpp $(BUILD)/flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(CPPFLAGS_ALL) $(VERSION_FLAG) $(CXXFLAGS_ALL) $(OPTIMISATION) \
	  $(use_precompiled) -MMD -MP -c -o $@ $<

# Holds the flags, and changes only when they do.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(VERSION) $(SCHEMA_VERSION) $(COMPILE) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) $(LDFLAGS_$(FLAVOUR))' | cmp -s - $@ || \
	  echo '$(VERSION) $(SCHEMA_VERSION) $(COMPILE) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) $(LDFLAGS_$(FLAVOUR))' > $@

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
