# coap2: everything that is built and checked here. The library itself needs
# no building: it is coap2.h.

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef
COMPILE  = $(CC) -std=c99 $(WARN) $(CFLAGS) -I. -Itests

FUZZ_SECONDS ?= 60

# Where `make install` puts the header, and what goes before it in a package.
PREFIX  ?= /usr/local
DESTDIR ?=
INSTALL ?= install
version  = $(shell sed -n 's/^.define COAP2_VERSION "\(.*\)"/\1/p' coap2.h)
include_to   = $(DESTDIR)$(PREFIX)/include
pkgconfig_to = $(DESTDIR)$(PREFIX)/share/pkgconfig

# Each file is a program or a room's test; what they share is in headers.
programs = $(patsubst examples/posix/%.c,build/%,$(wildcard examples/posix/*.c))
examples = $(patsubst examples/%.c,build/%,$(wildcard examples/[0-9]*.c))
tests    = $(patsubst tests/%.c,build/tests/%,$(wildcard tests/test_*.c))
helpers  = $(patsubst %,build/tests/%,udp_send udp_answer saving slip_node)
headers  = coap2.h $(wildcard examples/posix/*.h tests/*.h)

# What `make check` runs, in this order; a line each. These keep all cores busy,
CHECKS = tests/style.py          \
         tests/manual.py         \
         tests/metadata.py       \
         tests/matrix.sh         \
         tests/rooms.sh          \
         tests/coverage.sh       \
         tests/analysis.sh       \
         fuzz/smoke.sh

# and these run beside them, one at a time: most of the time they wait.
BESIDE = tests/netns.sh          \
         tests/interop.sh        \
         tests/interop/directory.sh \
         tests/metal.sh          \
         tests/cortex.sh         \
         tests/mistakes.sh       \
         tests/sleepers.sh       \
         tests/arduino.sh        \
         tests/lwip.sh           \
         'tests/soak.sh --check' \
         tests/avr/run_tests.sh  \
         tests/packages.sh       \
         'tests/size.sh --check'

all: $(programs) $(examples) ## build the tool and the examples into build/

demo: build/05_three_nodes ## three nodes: found, read, written, followed by a rule
	@build/05_three_nodes

examples: $(examples) ## run all examples, in reading order
	@for program in $(examples); do echo "== $$program"; $$program || exit 1; done

saving: build/tests/saving ## what a rule saves in a day: messages, bytes, energy
	@build/tests/saving

test: all $(tests) $(helpers) ## test every room on this machine, in a few minutes
	@tests/run.sh $(tests) --beside $(wildcard tests/*_test.sh)

check: all ## everything else: ports, style, analysis, fuzzing; installs tools
	@tests/setup.sh
	@tests/run.sh $(CHECKS) --beside $(BESIDE)

size: ## flash, RAM, stack and cycles on small machines, as tables
	@tests/size.sh

bench: ## instructions, cycles and nanoseconds an operation takes
	@tests/bench.sh

soak: ## a million requests without a leaked slot; writes tests/soak.md
	@tests/soak.sh

fuzz: ## run each fuzzer for FUZZ_SECONDS=60
	@FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz/run.sh

coverage: ## lines and branches of coap2.h that the tests reach
	@tests/coverage.sh

style: ## hold coap2.h to the law of the file
	@tests/style.py

install: ## install coap2.h and coap2.pc under PREFIX=/usr/local
	$(INSTALL) -d '$(include_to)' '$(pkgconfig_to)' build
	sed 's/@VERSION@/$(version)/' coap2.pc.in >build/coap2.pc
	$(INSTALL) -m 644 coap2.h '$(include_to)'
	$(INSTALL) -m 644 build/coap2.pc '$(pkgconfig_to)'

uninstall: ## remove what install installed
	rm -f '$(include_to)/coap2.h' '$(pkgconfig_to)/coap2.pc'

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' \
	    Makefile

.PHONY: all demo examples saving test check size bench soak fuzz coverage \
        style install uninstall clean help always

build/%: examples/posix/%.c $(headers) build/flags
	$(COMPILE) -D_POSIX_C_SOURCE=200809L $< -o $@

build/%: examples/%.c $(headers) build/flags
	$(COMPILE) $< -o $@

build/tests/%: tests/%.c $(headers) build/flags
	$(COMPILE) $< -o $@

# Another compiler or other flags build everything anew.
build/flags: always
	@mkdir -p build/tests
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' > $@
