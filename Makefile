# onefin: everything is built below .build/, the demo runs in .run/.
#
#   make                build all: `extension`, `gateway`, `web`
#   make up             install what is missing, build, run the demo firm; `down` stops it, `clean-run` removes it
#   make check          every test, on clusters and ports of their own; SUITE="regress tap" runs some
#   make soak           everything killed KILLS=100 times while 70 people write; SEED=n does a run again
#   make installcheck   the SQL tests against the running server that PGHOST and PGPORT name
#   make fuzz           every fuzz target for SECONDS=60; TARGET="name name" runs some (test/fuzz/run)
#   make bench          the figures; FIGURE="name name" runs some (test/bench/README.md)
#   make install        the extension into the server of PG_CONFIG, the gateway into $(prefix); DESTDIR works
#   make clean          remove .build/

PG_CONFIG ?= pg_config
prefix ?= /usr/local
export PG_CONFIG

build := $(CURDIR)/.build
root := $(build)/root
pgxs := $(MAKE) -C $(build)/pg -f $(CURDIR)/extension/Makefile
version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" extension/onefin.control)

.PHONY: all extension sanitized gateway test-programs sanitized-gateway fuzzers web up down clean-run check soak fuzz bench install installcheck clean
all: extension gateway web

# Extension: built by PGXS, then staged below .build/root, where private clusters find it
# (extension_destdir) without anything being installed on the machine.
extension:
	@mkdir -p $(build)/pg
	+$(pgxs) all
	+@$(pgxs) -s install DESTDIR=$(root)
	@printf "%s\n" "extension_destdir = '$(root)'" \
	    "dynamic_library_path = '$(root)$$($(PG_CONFIG) --pkglibdir):\$$libdir'" \
	    "shared_preload_libraries = 'onefin'" >$(root)/onefin.conf

# The same for a server that watches it by AddressSanitizer and UndefinedBehaviorSanitizer. What they
# find is told in the server's log, and the server goes on. server.env is what it is started with.
sanitized := $(build)/sanitize
sanitize := -fsanitize=address,undefined -fsanitize-recover=all -fno-wrapv -O1 -include $(CURDIR)/test/sanitize/palloc.h
pg_cc = $(firstword $(shell $(PG_CONFIG) --cc))

sanitized:
	+@$(MAKE) -s extension build=$(sanitized) COPT='$(sanitize)'
	@$(pg_cc) -shared -fPIC -Wl,-z,initfirst -o $(sanitized)/early.so test/sanitize/early.c
	@echo "LD_PRELOAD=$$($(pg_cc) -print-file-name=libasan.so):$(sanitized)/early.so" >$(sanitized)/server.env
	@echo ASAN_OPTIONS=detect_leaks=0:halt_on_error=0 >>$(sanitized)/server.env
	@echo UBSAN_OPTIONS=print_stacktrace=1 >>$(sanitized)/server.env

# Gateway: one archive of everything but the programs' own files. The worker's are worker_*.c, and share
# nothing with the archive: it has other libraries.
gateway_libs := libwebsockets libpq jansson libcrypto libcurl inih libsystemd
gateway_src := $(wildcard gateway/src/*.c)
gateway_obj := $(gateway_src:gateway/src/%.c=$(build)/gateway/%.o)
import_obj := $(filter $(build)/gateway/import%.o,$(gateway_obj))
verify_obj := $(filter $(build)/gateway/verify%.o,$(gateway_obj))
worker_obj := $(filter $(build)/gateway/worker_%.o,$(gateway_obj))
main_obj := $(build)/gateway/main.o
gateway_ar := $(build)/gateway/libgateway.a
programs := $(addprefix $(build)/gateway/onefin-,gateway import verify worker)
vips_modules = $(shell pkg-config --variable=libdir vips)/vips-modules-$(shell pkg-config --modversion vips | cut -d. -f1,2)
worker_libs := vips libqpdf pangocairo cairo-pdf poppler-glib librsvg-2.0 libjpeg libtiff-4 libdeflate zlib libseccomp jansson

comma := ,
CFLAGS ?= -O2 -g -fstack-protector-strong
# What the tests have beside the programs, made of their objects.
test_obj := $(patsubst test/worker/%.c,$(build)/gateway/test/%.o,$(wildcard test/worker/*.c))
test_programs := $(addprefix $(build)/gateway/,drive-worker probe-sandbox)

CPPFLAGS ?= -D_FORTIFY_SOURCE=2
gateway_cflags = -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE -DONEFIN_VERSION='"$(version)"' \
    $(CPPFLAGS) $(CFLAGS) $(shell pkg-config --cflags $(gateway_libs))

gateway: $(programs)
test-programs: gateway $(test_programs)

$(build)/gateway/onefin-gateway: $(main_obj) $(gateway_ar)
$(build)/gateway/onefin-import: $(import_obj) $(gateway_ar)
$(build)/gateway/onefin-verify: $(verify_obj)
$(build)/gateway/onefin-worker: $(worker_obj) $(build)/gateway/sniff.o
$(build)/gateway/drive-worker: $(build)/gateway/test/drive.o $(gateway_ar)
$(build)/gateway/probe-sandbox: $(build)/gateway/test/probe.o $(filter-out %/worker_main.o %/worker_office.o,$(worker_obj))
$(worker_obj) $(build)/gateway/onefin-worker $(build)/gateway/probe-sandbox: gateway_libs = $(worker_libs)
$(worker_obj): gateway_cflags += -fvisibility=hidden -DVIPS_MODULES='"$(vips_modules)"'
$(build)/gateway/onefin-worker: for_libraries = $(addprefix -Wl$(comma)--export-dynamic-symbol=,socket bind listen accept connect getpwuid_r)
$(programs) $(test_programs):
	$(CC) $(LDFLAGS) $(for_libraries) -Wl,--as-needed -o $@ $^ $(shell pkg-config --libs $(gateway_libs)) -lev -lm

# A file that goes away changes its directory only; an archive is therefore made anew.
$(gateway_ar): $(filter-out $(main_obj) $(import_obj) $(verify_obj) $(worker_obj),$(gateway_obj)) gateway/src
	rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(gateway_obj): $(build)/gateway/%.o: gateway/src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(gateway_cflags) -MMD -MP -c -o $@ $<

$(test_obj): $(build)/gateway/test/%.o: test/worker/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(gateway_cflags) -Igateway/src -MMD -MP -c -o $@ $<

-include $(gateway_obj:.o=.d) $(test_obj:.o=.d)

# The same programs, watched: what is found is reported, and ends them.
watched := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g

sanitized-gateway:
	+@$(MAKE) -s test-programs build=$(sanitized) CPPFLAGS= CFLAGS='$(watched)' LDFLAGS='$(watched)'

# Fuzz targets (test/fuzz), .build/fuzz/NAME.fuzz: the gateway's objects once more, by clang.
fuzzed := $(build)/fuzz
fuzz_flags := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g

fuzzers:
	+@$(MAKE) -s gateway build=$(fuzzed) CC=clang CPPFLAGS= CFLAGS='$(fuzz_flags) -fsanitize=fuzzer-no-link -Wno-error' LDFLAGS='$(fuzz_flags)'
	+@$(MAKE) -s -C test/fuzz CC=clang out=$(fuzzed) flags='$(fuzz_flags)'

# Page: `npm run build` in gateway/web writes .build/web.
web_src := $(shell find gateway/web -name node_modules -prune -o -type f -print 2>/dev/null)

web: $(build)/web.stamp

$(build)/web.stamp: $(web_src) gateway/web/node_modules/.package-lock.json
	cd gateway/web && npm run --silent build
	@touch $@

# npm writes .package-lock.json last, and by its own clock.
%/node_modules/.package-lock.json: %/package-lock.json %/package.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Packages first: what follows looks for them while its makefile is read.
up:
	@gateway/demo/require build
	+@$(MAKE) -s all
	@gateway/demo/demo up $(PORT)

down clean-run:
	@gateway/demo/demo $@

check:
	@gateway/demo/require build test fuzz
	+@$(MAKE) -s -j$$(nproc) all test-programs test/node_modules/.package-lock.json
	@test/check $(SUITE)

# The load generator of the figures.
load_src := $(wildcard test/bench/load/*.c)

$(build)/bench/load: $(load_src) test/bench/load/load.h Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE $(CPPFLAGS) $(CFLAGS) $(shell pkg-config --cflags libpq) \
	    -o $@ $(load_src) $(shell pkg-config --libs libpq)

SECONDS ?= 60
fuzz:
	@gateway/demo/require build fuzz
	+@$(MAKE) -s fuzzers
	@test/fuzz/run $(SECONDS) $(TARGET)

soak:
	@gateway/demo/require build test
	+@$(MAKE) -s all test/node_modules/.package-lock.json
	@KILLS=$(KILLS) SEED=$(SEED) node test/soak/run.mjs

# The peers are packages for the server that `build` brings.
bench:
	@gateway/demo/require build test >&2
	@gateway/demo/require bench >&2
	+@$(MAKE) -s all test-programs test/node_modules/.package-lock.json $(build)/bench/load >&2
	@test/bench/run $(FIGURE)

install: all
	+$(pgxs) install
	install -d $(addprefix $(DESTDIR)$(prefix)/,bin share/onefin share/doc/onefin lib/systemd/system)
	install $(programs) $(DESTDIR)$(prefix)/bin
	sed 's|/usr/local|$(prefix)|g' gateway/gateway.conf.example >$(DESTDIR)$(prefix)/share/onefin/gateway.conf.example
	sed 's|/usr/local|$(prefix)|g' gateway/onefin-gateway.service >$(DESTDIR)$(prefix)/lib/systemd/system/onefin-gateway.service
	install -m 644 extension/README.md $(DESTDIR)$(prefix)/share/doc/onefin/extension.md
	install -m 644 gateway/README.md $(DESTDIR)$(prefix)/share/doc/onefin/gateway.md
	cp -R $(build)/web $(DESTDIR)$(prefix)/share/onefin

installcheck: extension
	+$(pgxs) installcheck TAP_TESTS=

clean:
	rm -rf $(build)
