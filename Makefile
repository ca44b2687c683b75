# erouted: `make help` says what there is.

BUN := node_modules/.bin/bun
OUT := build/out
SOURCES := $(shell find src -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help build test lint format docs interoperability run demo bench packages image clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 18

build: $(OUT)/erouted ## compile build/out/erouted, one executable that needs nothing beside it

$(OUT)/erouted: $(SOURCES) build/compile.sh package.json bun.lock | $(OUT)/ready
	build/compile.sh $@

# What building needs: Bun and the packages of bun.lock.
$(OUT)/ready: package.json bun.lock build/prepare.sh
	build/prepare.sh tools
	@mkdir -p $(OUT) && touch $@

test: ## everything: install what tests need (as root), lint, build, run all tests
	@build/prepare.sh packages
	@$(MAKE) --no-print-directory lint build
	$(BUN) build/test.ts

lint: $(OUT)/ready ## style, types, imports between rooms, import circles, exports
	$(BUN) --bun node_modules/.bin/biome check --error-on-warnings --max-diagnostics=100
	$(BUN) --bun node_modules/.bin/tsc -p .
	$(BUN) test test/house

format: $(OUT)/ready ## let Biome rewrite what it can: layout, order of imports
	$(BUN) --bun node_modules/.bin/biome check --write

docs: $(OUT)/ready ## write anew what is made from the code: configuration, metrics, dashboard
	$(BUN) build/reference.ts
	$(BUN) build/cli-reference.ts
	$(BUN) build/metrics-reference.ts
	$(BUN) build/dashboard.ts
	$(BUN) build/interoperability.ts

interoperability: build ## run the tests with other vendors' software, write docs/interoperability.md
	@build/prepare.sh packages
	GUEST=interop EROUTED_EXECUTABLE=$(abspath $(OUT))/erouted $(BUN) test --timeout=60000 test/real/kernel-with-esp.test.ts
	$(BUN) build/interoperability.ts --take

run: build ## run the executable here with a small example configuration, stop with Ctrl-C
	build/run.sh

demo: build ## concentrator and four sites on a kernel with ESP, explained step by step
	@build/prepare.sh packages
	$(BUN) build/demo.ts

bench: build ## how fast: engine, executable, kernel, beside strongSwan; 2 hours, QUICK=1 less (root)
	@build/prepare.sh packages
	@$(BUN) test/bench/all.ts

packages: $(OUT)/ready ## tarballs, .deb and OpenWrt files for x64 and arm64, in build/out/packages
	build/packages.sh

image: build ## kernel, initramfs and data disk of a router, in build/out/image
	build/image.sh

clean: ## remove what was built
	rm -rf $(OUT)
