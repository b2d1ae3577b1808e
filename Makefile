# One verb each; every verb installs what it needs. CONTRIBUTING.md says more.
BUILD := build/release
CONFIGURE := cmake --preset release --log-level=NOTICE

.PHONY: run test bench fuzz lint fmt docs package build clean

run: ## build, start the demo organisation, send a message, show what became of it
	@tools/install-packages build
	@$(MAKE) --no-print-directory build
	@tools/demo

build: ## the daemon and the command, hardened release
	@$(CONFIGURE) >/dev/null
	@cmake --build $(BUILD) --target posternd postern -- --quiet

test: ## everything CI runs; ends with "N passed, N failed, N skipped"
	@tools/install-packages build test
	@tools/test

bench: ## relay comparison and micro benchmarks; the table goes to docs/benchmarks.md
	@tools/install-packages build test
	@$(CONFIGURE) -DPOSTERN_TESTS=ON -DPOSTERN_BENCH=ON >/dev/null
	@cmake --build $(BUILD) -- --quiet
	@bench/run

fuzz: ## every fuzzer for FUZZ_SECONDS (60) seconds
	@tools/install-packages build dev
	@tools/fuzz

lint: ## formatter, header self-containment, dependency directions, clang-tidy on what changed
	@tools/install-packages build dev
	@tools/lint

fmt: ## format the sources with the pinned clang-format
	@tools/install-packages dev
	@clang-format-19 -i $$(git ls-files '*.cpp' '*.hpp')

docs: build ## docs/settings.md from the table of settings
	@$(BUILD)/apps/postern config reference > docs/settings.md

package: ## a Debian package in build/release
	@tools/install-packages build
	@$(MAKE) --no-print-directory build
	@cd $(BUILD) && cpack -G DEB

clean:
	@rm -rf build
