# users-fcgi: build, run and test. `make help` lists the targets.

FLAVOUR ?= release
PORT ?= 8000
STATE ?= var
CONF ?= conf/development.conf
VERSION := 0.9.0

# Number of parallel compilations.
JOBS ?= $(shell nproc)
BUILD := build/$(FLAVOUR)
export PORT STATE CONF
export BIN := $(BUILD)

CXX ?= g++
ifeq ($(FLAVOUR),fuzz)
  CXX := clang++
endif
# If the compiler cache cannot write to its folder, every compilation fails: use it only if a trial succeeds. Checkouts
# in other folders share the cached objects.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
# ccache needs this for precompiled headers.
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime
COMPILE := $(shell echo | ccache $(CXX) -x c++ -c -o /dev/null - >/dev/null 2>&1 && echo ccache) $(CXX)

# Errors only for the check's compiler: another one warns of more, and whoever builds with it cannot mend that.
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow $(if $(filter 12,$(shell $(CXX) -dumpversion 2>/dev/null)),-Werror)
CXXFLAGS_release := -O2 -g1 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
# As needed: the worker needs less than users-ctl. Not with sanitizers: libasan's own crypt_r(3) calls libcrypt's.
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,--as-needed
CXXFLAGS_debug := -O0 -g3 -D_GLIBCXX_ASSERTIONS
CXXFLAGS_asan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -D_GLIBCXX_ASSERTIONS
LDFLAGS_asan := -fsanitize=address,undefined
# libFuzzer comes with clang, whose warnings the code is not kept clean of.
CXXFLAGS_fuzz := -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize-recover=undefined -D_GLIBCXX_ASSERTIONS -Wno-error
LDFLAGS_fuzz := -fsanitize=address,undefined
CXXFLAGS_coverage := -O0 -g1 --coverage -fprofile-update=atomic
LDFLAGS_coverage := --coverage

MULTIARCH := $(shell $(CXX) -dumpmachine 2>/dev/null)
CPPFLAGS_ALL := -Isrc -Itests -DBOOST_LOG_DYN_LINK -DBOOST_TEST_DYN_LINK -DMULTIARCH='"$(MULTIARCH)"' \
  -isystem /usr/include/mariadb
# Only for the files that print it, so that a new version recompiles little.
$(BUILD)/src/programs/%.o $(BUILD)/src/ctl/%.o $(BUILD)/tests/%.o $(BUILD)/src/web/monitoring.o: \
  VERSION_FLAG := -DUSERS_FCGI_VERSION='"$(VERSION)"'
# Migrations are numbered 1, 2, 3, ...
SCHEMA_VERSION := $(words $(wildcard sql/migrations/*.sql))
$(BUILD)/src/db/migrations.o: VERSION_FLAG := -DSCHEMA_VERSION=$(SCHEMA_VERSION)
# The tests' own code compiles in half the time without optimisation and line numbers; sanitizers need the latter.
TEST_OPTIMISATION := -O0 -U_FORTIFY_SOURCE $(if $(filter release,$(FLAVOUR)),-g0)
$(BUILD)/tests/%.o: OPTIMISATION := $(TEST_OPTIMISATION)
CXXFLAGS_ALL := -std=c++20 $(WARNINGS) $(CXXFLAGS_$(FLAVOUR)) $(CXXFLAGS)
LIBS := -lfcgi -lmariadb -lboost_log -lboost_thread -lboost_filesystem -lsodium \
  -lphonenumber -lprotobuf -licui18n -licuuc -lutf8proc -lzxcvbn -lcrypt -lcrypto -lqrencode -lpcre2-8 -lpthread
TEST_LIBS := -lboost_unit_test_framework -lcurl

PROGRAMS := users-fcgi users-courier users-ctl
PROGRAM_SOURCES := $(subst -,_,$(PROGRAMS:%=src/programs/%.cpp))
TEST_KINDS := unit worker db ctl stack slow sms
# The kinds of the check: fast, and independent of chance. Cases labelled "deep" are left out; DEEP=1 runs everything.
KINDS ?= unit db worker stack issued $(if $(DEEP),slow slow-issued ctl sms)
export DEEP
LOAD := kill race hang restart away storm guess flood couriers
LIBRARY_SOURCES := $(filter-out $(PROGRAM_SOURCES),$(wildcard src/*/*.cpp src/*/*/*.cpp))
# The programs of some kinds, sometimes with a test filter; issued runs with the program of stack.
programs_of = $(sort $(foreach kind,$(1),$(BUILD)/test-$(patsubst issued,stack,$(patsubst %-issued,%,$(firstword $(subst /, ,$(kind)))))))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.cpp,%,$(wildcard tests/fuzz/*.cpp))
# What the fuzz targets link: parsers and what they need, without a database.
FUZZ_SOURCES := $(wildcard src/base/*.cpp src/metrics/*.cpp) $(addprefix src/, \
  accounts/phone.cpp accounts/password.cpp accounts/foreign_hash.cpp factors/cbor.cpp factors/cose.cpp factors/webauthn.cpp import/file.cpp import/layout.cpp import/row.cpp \
  web/body.cpp web/credentials.cpp web/envelope.cpp web/result_code.cpp)
FUZZ_BUILD := $(if $(filter build/%,$(BUILD)),build/fuzz,$(BUILD)-fuzz)
TEST_SUPPORT := $(wildcard tests/support/*.cpp)
object = $(patsubst %.cpp,$(BUILD)/%.o,$(1))
LIBRARY := $(BUILD)/libusers.a

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

.PHONY: all $(LOAD) leak test-all help deep tidy build test-programs run start stop logs mysql clean-state clean test man deb test-package test-fault test-abuse test-cluster fuzz fuzz-programs valgrind soak bench bench-cluster bench-count cluster cluster-stop test-debian test-openapi test-identity test-browser asan coverage lint format print install walk FORCE
.DELETE_ON_ERROR:

all: test-programs

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 16
	@echo 'Variables: PORT=8000 STATE=var CONF=FILE VERIFICATION=issued LIMITS=site FLAVOUR=release|debug|asan|coverage V=1'

run: ## installs what is missing, builds, and starts everything on 127.0.0.1:PORT
	@scripts/install-packages run
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@scripts/start

cluster: ## three whole hosts on this machine behind a balancer on 127.0.0.1:PORT
	@scripts/install-packages run cluster
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@scripts/cluster start

cluster-stop: ## stops them and deletes their data
	@scripts/cluster stop

start: ## starts what is not running, without installing or building
	@scripts/start

stop: ## stops everything and keeps the data
	@scripts/stop

logs: ## follows the service's log
	@scripts/logs

mysql: ## opens a client on the database, or runs the SQL on standard input
	@scripts/mysql

clean-state: ## stops everything and deletes its data
	@scripts/clean-state

build: $(PROGRAMS:%=$(BUILD)/%) ## compiles the programs

test-programs: build $(TEST_KINDS:%=$(BUILD)/test-%)

test: ## installs what is missing, builds, and runs the fast tests (KINDS="unit stack/regist": some)
	@scripts/install-packages run test $(if $(DEEP),deep)
	@$(MAKE) --no-print-directory -j$(JOBS) build $(call programs_of,$(KINDS))
	@tests/run $(KINDS)

man: $(BUILD)/users.conf.5

# Where make install puts files, relative to DESTDIR.
prefix ?= /usr
sysconfdir ?= /etc
unitdir ?= /usr/lib/systemd/system
SNIPPETS := $(sysconfdir)/nginx/snippets/users-fcgi
SHARE := $(prefix)/share/users-fcgi
INSTALLED_CONF := $(DESTDIR)$(sysconfdir)/users-fcgi/users.conf
# For sed: the programs' and the files' place.
MOVE = -e 's,/usr/\(sbin/users-\|share/users-fcgi\),$(prefix)/\1,'
# Operators edit these.
EDITED := $(addprefix nginx/,users_site.conf users_limits.conf users_cors_origins.conf users_balancers.conf users_login_hosts.conf users_check_cache.conf)

install: build man ## installs into DESTDIR, below prefix=/usr, and starts nothing
	install -d $(addprefix $(DESTDIR),$(prefix)/sbin $(unitdir) $(SNIPPETS) $(SHARE)/migrations $(SHARE)/send-sms)
	install $(PROGRAMS:%=$(BUILD)/%) $(DESTDIR)$(prefix)/sbin/
	install $(filter-out %.example %.md %.sh,$(wildcard conf/send-sms/*)) $(DESTDIR)$(SHARE)/send-sms/
	install -m 0644 conf/send-sms/common.sh $(DESTDIR)$(SHARE)/send-sms/
	install -m 0644 sql/migrations/*.sql $(DESTDIR)$(SHARE)/migrations/
	cp -R nginx/html $(DESTDIR)$(SHARE)/
	install -m 0644 $(filter-out %.tmpfiles,$(wildcard conf/systemd/*)) $(DESTDIR)$(unitdir)/
	[ -e $(INSTALLED_CONF) ] || { install -D -m 0644 conf/users.conf.example $(INSTALLED_CONF) && \
	  sed -i $(MOVE) -e '$(if $(filter-out /usr,$(prefix)),s|^# \(migrations = \)|\1|)' $(INSTALLED_CONF); }
	install -m 0644 $(filter-out $(EDITED) nginx/html %.in %.example %.md,$(wildcard nginx/*)) $(DESTDIR)$(SNIPPETS)/
	for file in $(notdir $(EDITED)); do [ -e $(DESTDIR)$(SNIPPETS)/$$file ] || \
	  install -m 0644 nginx/$$file $(DESTDIR)$(SNIPPETS)/; done
	sed -i $(MOVE) $(addprefix $(DESTDIR),$(unitdir)/users-*.service $(SNIPPETS)/users_site.conf)
	install -D -m 0644 conf/systemd/users-fcgi.tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/users-fcgi.conf
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/man/man8 conf/*.8
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/man/man5 $(BUILD)/users.conf.5
	install -D -m 0644 conf/users-ctl.bash-completion $(DESTDIR)$(prefix)/share/bash-completion/completions/users-ctl

deb: ## builds the Debian package into build/
	@scripts/install-packages run package
	@scripts/build-deb $(VERSION)

test-package:
	@scripts/install-packages run package test-package
	@scripts/build-deb $(VERSION)+upgrade
	@scripts/build-deb $(VERSION)
	@tests/package build/users-fcgi_$(VERSION)_*.deb build/users-fcgi_$(VERSION)+upgrade_*.deb

# Not part of deep, since the release under test is this machine's: SUITE=trixie TARGETS="run stop".
SUITE := trixie
TARGETS := run stop test test-package
test-debian:
	@scripts/install-packages test-package
	@tests/debian $(SUITE) $(TARGETS)

# The worst minutes of production, each a case of tests/slow/under_load.cpp and codes_under_load.cpp. Each prints its
# figures on a line that begins with its name.
$(LOAD):
	@$(MAKE) --no-print-directory test DEEP=1 KINDS=$(if $(filter guess flood couriers,$@),slow-issued/codes_under_load/$@,slow/under_load/$@)

leak:
	@WORKERS=1 FAST_WORKERS=1 $(MAKE) --no-print-directory soak REQUESTS=300000

test-fault:
	@scripts/install-packages run test deep
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-fault
	@tests/run fault

test-abuse:
	@scripts/install-packages run test abuse
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-abuse
	@tests/run abuse

# FILTER: some cases, such as nodes/*.
test-cluster:
	@scripts/install-packages run test cluster
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-cluster
	@tests/cluster/run $(FILTER)

fuzz:
	@scripts/install-packages run test fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=fuzz BUILD=$(FUZZ_BUILD) fuzz-programs
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-stream
	@FUZZ_BIN=$(FUZZ_BUILD) tests/fuzz/run

valgrind:
	@scripts/install-packages run test valgrind
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-unit
	@tests/valgrind

soak:
	@scripts/install-packages run soak
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/soak

test-openapi:
	@scripts/install-packages openapi
	@command -v npm >/dev/null || scripts/install-packages npm
	@tests/openapi/run

test-identity:
	@scripts/install-packages run test identity
	@command -v npm >/dev/null || scripts/install-packages npm
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/test-identity
	@tests/identity/run $(FILTER)

test-browser:
	@scripts/install-packages run browser
	@command -v npm >/dev/null || scripts/install-packages npm
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/browser/run

bench: ## measures it beside other servers, 22 minutes (QUICK=1: 3)
	@scripts/install-packages run bench
	@command -v npm >/dev/null || scripts/install-packages npm
	@$(MAKE) --no-print-directory -j$(JOBS) build build/bench/hello build/bench/bare \
	  build/bench/node/node_modules build/bench/better-auth/node_modules
	@tests/bench/bench.py $(if $(QUICK),--quick)

# Takes about three minutes.
bench-cluster:
	@scripts/install-packages run bench cluster
	@$(MAKE) --no-print-directory -j$(JOBS) build
	@tests/cluster/bench.py

bench-count:
	@scripts/install-packages run bench
	@$(MAKE) --no-print-directory -j$(JOBS) build $(BUILD)/bench-passkey
	@$(BUILD)/bench-passkey
	@tests/bench/count.py $(if $(WRITE),--write)

test-all:
	@$(MAKE) --no-print-directory test DEEP=1

asan:
	@$(MAKE) --no-print-directory test FLAVOUR=asan DEEP=1

coverage:
	@scripts/install-packages run test deep coverage
	@$(MAKE) --no-print-directory test FLAVOUR=coverage DEEP=1
	@mkdir -p build/coverage/report
	gcovr -r . --object-directory build/coverage -f 'src/' --print-summary --html-details build/coverage/report/index.html \
	  --csv build/coverage/report/lines.csv
	@awk -F, 'NR > 1 { split($$1, part, "/"); folder = part[1] "/" part[2]; all[folder] += $$2; covered[folder] += $$3 } \
	  END { for (folder in all) printf "lines of %s: %.1f %% of %d\n", folder, 100 * covered[folder] / all[folder], all[folder] }' \
	  build/coverage/report/lines.csv | sort

lint: ## checks format, direction of includes and shell scripts
	@scripts/install-packages lint
	@scripts/lint

tidy:
	@scripts/install-packages run test tidy
	@scripts/tidy $(FILES)

walk:
	@scripts/install-packages run test
	@tests/walk

deep: ## runs everything that takes minutes; tests/README.md lists its targets
	@tests/deep

print: build ## writes the files, and parts of files, that come from tables in the code
	@scripts/print-files

format: ## formats the sources
	clang-format -i $$(git ls-files '*.cpp' '*.hpp')

build/bench/%: tests/bench/floors/%.cpp
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(WARNINGS) -isystem /usr/include/mariadb -o $@ $< -lfcgi -lmariadb -lsodium -lpthread

build/bench/%/node_modules: tests/bench/%/package-lock.json tests/bench/%/server.js
	$(call say,NPM,$@)
	$(Q)mkdir -p $(@D) && cp $(<D)/* $(@D)/
	$(Q)npm ci --silent --no-fund --no-audit --prefix $(@D) && touch $@

# The example is the one source of the configuration's keys.
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
# Named one by one, because make does not notice an object that is missing if only a pattern mentions it.
$(patsubst tests/%/,$(BUILD)/test-%,$(wildcard tests/*/)): $(BUILD)/test-%: $$(call object,$$(wildcard tests/$$*/*.cpp) $(TEST_SUPPORT)) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libfuzzed.a
	$(call say,LINK,$@)
	$(Q)$(CXX) -fsanitize=fuzzer $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench-%: $(BUILD)/tests/bench/%.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS) -o $@ $^ $(LIBS)

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)

$(BUILD)/libfuzzed.a: $(call object,$(FUZZ_SOURCES))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/test-cluster: $(BUILD)/tests/fault/ledger.o

# Loaded by the workers of tests/fault/torture.cpp.
$(BUILD)/test-fault: | $(BUILD)/fail-nth-call.so
$(BUILD)/fail-nth-call.so: tests/fault/shim/fail_nth_call.cpp tests/fault/shim/control.hpp
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 $(WARNINGS) -fPIC -shared -Itests -o $@ $< -ldl

$(LIBRARY): $(call object,$(LIBRARY_SOURCES))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Common headers are parsed once, for a shorter clean build; -fpch-preprocess is for ccache. clang uses another format.
ifneq ($(FLAVOUR),fuzz)
$(BUILD)/src/%.o: PRECOMPILED := $(BUILD)/src/base/precompiled.hpp
$(BUILD)/tests/%.o: PRECOMPILED := $(BUILD)/tests/support/precompiled.hpp
# Most of these files read JSON, which costs each half a second even if precompiled and unused.
$(BUILD)/tests/ctl/%.o: PRECOMPILED := $(BUILD)/tests/support/precompiled_json.hpp
# Boost.Test's main() needs a macro before its header, and a bench is no test.
$(BUILD)/tests/support/main.o $(BUILD)/tests/bench/%.o: PRECOMPILED :=
$(call object,$(wildcard src/*/*.cpp src/*/*/*.cpp)): $(BUILD)/src/base/precompiled.hpp.gch
$(call object,$(wildcard tests/*/*.cpp)): $(BUILD)/tests/support/precompiled.hpp.gch
$(call object,$(wildcard tests/ctl/*.cpp)): $(BUILD)/tests/support/precompiled_json.hpp.gch
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

# Contains the flags, and changes only when they do.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(VERSION) $(SCHEMA_VERSION) $(COMPILE) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) $(LDFLAGS_$(FLAVOUR))' | cmp -s - $@ || \
	  echo '$(VERSION) $(SCHEMA_VERSION) $(COMPILE) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) $(LDFLAGS_$(FLAVOUR))' > $@

.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
