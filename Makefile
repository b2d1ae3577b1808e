# One verb each; every verb installs what it needs. CONTRIBUTING.md says more.
BUILD := build/release
CONFIGURE := cmake --preset release --log-level=NOTICE
POSTERN_TARGETS := posternd postern check_rooms

.PHONY: run test bench fuzz sanitize lint fmt docs package build clean

run: build ## build, start the demo organisation, send a message, show what became of it
	@tools/demo

build: ## the daemon and the command, hardened release
	@tools/install-packages build
	@$(CONFIGURE) >/dev/null
	@cmake --build $(BUILD) --target $(POSTERN_TARGETS) -- --quiet

test: ## everything CI runs; ends with "N passed, N failed, N skipped"
	@tools/install-packages build check test
	@tools/test

bench: ## every promise about speed and memory; the tables go to docs/benchmarks.md (BENCH_QUICK=1: a look, nothing is written)
	@tools/install-packages build check test bench
	@$(CONFIGURE) -DPOSTERN_TESTS=ON -DPOSTERN_BENCH=ON >/dev/null
	@cmake --build $(BUILD) -- --quiet
	@bench/run $(if $(BENCH_QUICK),--quick,--document docs/benchmarks.md)

fuzz: ## every fuzzer for FUZZ_SECONDS (60) seconds
	@tools/install-packages build dev
	@tools/fuzz

sanitize: ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, then those with threads under ThreadSanitizer
	@tools/install-packages build check dev
	@tools/test sanitize

lint: ## formatter, header self-containment, dependency directions, clang-tidy on what changed (LINT_ALL=1: on everything)
	@tools/install-packages build check dev
	@tools/lint

fmt: ## format the sources with the pinned clang-format
	@tools/install-packages check
	@clang-format-19 -i $$(git ls-files '*.cpp' '*.hpp')

docs: build ## docs/settings.md from the table of settings
	@$(BUILD)/apps/postern config reference > docs/settings.md

package: build ## a Debian package in build/release
	@cd $(BUILD) && cpack -G DEB

clean:
	@rm -rf build
