# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive. `make help` lists the targets. Overridable: CC CLANG BPFTOOL CFLAGS PREFIX SAN ROOM.
#
# Every .c of a room is compiled without being named here: adding a file, a collector, an exporter, a
# command, a BPF program or a test edits no line of this file.

CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PREFIX  ?= /usr
V       ?= 0
SAN     ?= 0
ROOM    ?=

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# SAN=1: ASan and UBSan (gcc). SAN=fuzz: what libFuzzer needs (clang). Each has a build folder of its own.
ifeq ($(SAN),1)
B        := build-san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),fuzz)
B        := build-fuzz
CC       := $(CLANG)
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
B        := build
SANFLAGS :=
endif
GEN := $(B)/gen

ROOMS   := base model identity collectors rules proto runtimes exporters agent hub cli
MAINS   := agent/main.c hub/main.c cli/main.c
SOURCES := $(filter-out $(MAINS),$(foreach r,$(ROOMS),$(sort $(wildcard $(r)/*.c))))
BPF     := $(patsubst bpf/%.bpf.c,%,$(sort $(wildcard bpf/*.bpf.c)))
PROTOS  := $(patsubst proto/%.proto,%,$(sort $(wildcard proto/*.proto)))
SKELS   := $(BPF:%=$(GEN)/bpf/%.skel.h)
PBS     := $(PROTOS:%=$(GEN)/proto/%.pb-c.h)
OBJECTS := $(SOURCES:%.c=$(B)/obj/%.o) $(PROTOS:%=$(B)/obj/gen/%.pb-c.o)
TESTS   := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/$(if $(ROOM),$(ROOM),*)/*_test.c)))
# One helper of several tests: tests/ROOM/NAME.c without _test, linked into every test that needs it.
TESTAID := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %_test.c %_fuzz.c %_tool.c tests/gpu/%,$(sort $(wildcard tests/*/*.c))))
TOOLS   := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/*/*_tool.c)))
PROGRAMS := $(B)/bin/whyd $(B)/bin/whyhub $(B)/bin/why

PKGS     := libbpf libelf zlib grpc libprotobuf-c libsystemd yaml-0.1 jansson libmicrohttpd sqlite3 libcrypto libcurl libcap
PKGLIBS  := $(shell pkg-config --libs $(filter-out grpc,$(PKGS)) 2>/dev/null) -lgrpc -lgpr
PKGFLAGS := $(shell pkg-config --cflags $(filter-out grpc,$(PKGS)) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Wundef \
	-Wformat=2 -Wformat-truncation=0 -Wno-format-nonliteral -Werror=implicit-function-declaration -Werror=return-type -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2 -fPIE
HARDENLD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifneq ($(SAN),0)
HARDEN := -fPIE -fstack-protector-strong
endif
ifeq ($(SAN),fuzz)
WARN := -w
endif

CFLAGS  ?= -O2 -g
CFLAGS_ := -std=gnu17 -D_GNU_SOURCE -I. -I$(GEN) $(PKGFLAGS) $(WARN) $(HARDEN) $(SANFLAGS) -ffunction-sections -fdata-sections
LDFLAGS_ := $(HARDENLD) $(SANFLAGS) -Wl,--as-needed -Wl,--gc-sections

ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n' '$(1)' '$(2)';
else
Q :=
say =
endif

# ---- programs ---------------------------------------------------------------------------------------

.PHONY: all
all: $(B)/libwhy.a $(patsubst %,$(B)/bin/%,$(patsubst agent,whyd,$(patsubst hub,whyhub,$(patsubst cli,why,$(patsubst %/main.c,%,$(wildcard $(MAINS))))))) ## build whyd, whyhub and why

$(B)/bin/whyd: $(B)/obj/agent/main.o $(B)/libwhy.a
$(B)/bin/whyhub: $(B)/obj/hub/main.o $(B)/libwhy.a
$(B)/bin/why: $(B)/obj/cli/main.o $(B)/libwhy.a
$(PROGRAMS):
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_) $(LDFLAGS) -o $@ $< $(B)/libwhy.a $(PKGLIBS) -lm -lpthread

$(B)/libwhy.a: $(OBJECTS)
	$(call say,AR,$@)rm -f $@; ar rcs $@ $(OBJECTS)

$(B)/obj/%.o: %.c | $(SKELS) $(PBS)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS_) $(CFLAGS) -MMD -MP -c -o $@ $<

# protobuf-c's output is not ours: no warnings of ours for it.
$(B)/obj/gen/%.pb-c.o: $(GEN)/proto/%.pb-c.h
	@mkdir -p $(@D)
	$(call say,CC,$*.pb-c.c)$(CC) -std=gnu17 -I. -I$(GEN) -I$(GEN)/proto $(PKGFLAGS) $(HARDEN) $(SANFLAGS) $(CFLAGS) -w -c -o $@ $(GEN)/proto/$*.pb-c.c

$(GEN)/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$<)protoc-c --proto_path=proto --c_out=$(@D) $<

# ---- kernel half ------------------------------------------------------------------------------------

VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))

$(GEN)/vmlinux.h:
	@mkdir -p $(@D)
	@test -r $(VMLINUX_BTF) || { echo "make: $(VMLINUX_BTF) is missing: build on a kernel with CONFIG_DEBUG_INFO_BTF, or set VMLINUX_BTF=FILE"; exit 1; }
	$(call say,BTF,$@)$(BPFTOOL) btf dump file $(VMLINUX_BTF) format c > $@

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(GEN)/vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) -g -O2 -target bpf -D__TARGET_ARCH_$(ARCH) -I. -I$(GEN) -Wall -Werror -Wno-missing-declarations -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp # without DWARF: a tenth of the size

$(GEN)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$*)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

# ---- tests ------------------------------------------------------------------------------------------

$(B)/tests/%_test: $(B)/obj/tests/%_test.o $(TESTAID) $(B)/libwhy.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)$(CC) $(LDFLAGS_) $(LDFLAGS) -o $@ $< $(filter $(dir $(B)/obj/tests/$*)%,$(TESTAID)) $(B)/libwhy.a -lcmocka $(PKGLIBS) -lm -lpthread

$(B)/tests/%_tool: $(B)/obj/tests/%_tool.o $(TESTAID) $(B)/libwhy.a
	@mkdir -p $(@D)
	$(call say,TOOL,$@)$(CC) $(LDFLAGS_) $(LDFLAGS) -o $@ $< $(filter $(dir $(B)/obj/tests/$*)%,$(TESTAID)) $(B)/libwhy.a $(PKGLIBS) -lm -lpthread

# Stands in for NVIDIA's library (whyd --nvml FILE); plain also with SAN=1: its file's top says how to use it.
FAKE_NVML := $(B)/tests/gpu/libnvidia-ml.so.1
$(FAKE_NVML): tests/gpu/fake_nvml.c collectors/nvml_api.h
	@mkdir -p $(@D)
	$(call say,FAKE,$@)$(CC) -std=gnu17 -D_GNU_SOURCE -I. $(WARN) $(CFLAGS) -fPIC -shared -fvisibility=hidden -Wl,-soname,libnvidia-ml.so.1 -o $@ $<
$(filter %/gpu_nvml_test,$(TESTS)): | $(FAKE_NVML)

# NAME_real_test starts the hub program itself.
$(filter %_real_test,$(TESTS)): | $(B)/bin/whyhub

.PHONY: unit
unit: $(TESTS) ## unit tests (ROOM=base: one room only)
	$(Q)tests/run-unit $(TESTS)

FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_SECONDS ?= 10

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%_fuzz.o $(B)/libwhy.a
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)$(CC) $(LDFLAGS_) -fsanitize=fuzzer -o $@ $< $(B)/libwhy.a $(PKGLIBS) -lm -lpthread

.PHONY: fuzzers fuzz check san test test-real bench run demo install docs
fuzzers: $(FUZZERS:%=$(B)/fuzz/%)

fuzz: ## every fuzzer for FUZZ_SECONDS (10) under ASan and UBSan
	$(Q)$(MAKE) --no-print-directory SAN=fuzz fuzzers
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run-fuzz $(FUZZERS)

check: $(PBS) ## the house rules: includes, owners, sizes, names, registries, docs
	$(Q)tests/check/run

tools: $(TOOLS) $(FAKE_NVML)

docs: all $(TOOLS) ## regenerate docs/*.md that are made from tables
	$(Q)packaging/make-docs

test: ## install what is missing, then all that CI runs, its heavy real programs with REAL=all (SAN=1: units and crash days)
ifeq ($(SAN),1)
	$(Q)packaging/install-packages build test run
	$(Q)$(MAKE) --no-print-directory SAN=1 unit
	$(Q)$(MAKE) --no-print-directory SAN=1 all tools
	$(Q)WHY_BUILD=build-san tests/e2e/run fifty restarted comes_late bad_rule bad_configuration full_state each_command
else
	$(Q)REAL='$(if $(filter command line environment,$(origin REAL)),$(REAL),light)' tests/run-all
endif

# REAL=light: what comes with Debian alone. REAL='spark ray': these.
REAL ?= all
test-real: ## real Slurm, torchrun, containers, Spark, Airflow, Ray (REAL=light: the small ones), recognised by the agent
	$(Q)tests/real/install $(REAL)
	$(Q)$(MAKE) --no-print-directory all tools
	$(Q)tests/real/run $(REAL)

bench: ## install what is missing, measure the budgets of the design
	$(Q)packaging/install-packages
	$(Q)$(MAKE) --no-print-directory all tools
	$(Q)tests/bench/run

run: ## install what is missing, build, run hub and agent on this machine until Ctrl-C
	$(Q)packaging/run

demo: ## as run, with one real fault and its diagnosis
	$(Q)packaging/run --demo

install: all ## into $(DESTDIR)$(PREFIX): programs, rule packs, units, completions
	$(Q)packaging/install $(DESTDIR) $(PREFIX) $(B)

.PHONY: clean help tools
clean: ## remove what was built
	rm -rf build build-san build-fuzz

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(OBJECTS:.o=.d) $(MAINS:%.c=$(B)/obj/%.d) $(TESTS:$(B)/%=$(B)/obj/%.d) $(TESTAID:.o=.d) $(TOOLS:$(B)/%=$(B)/obj/%.d)
