# The two commands of the README: `make demo`, `make test`. Both do their own set-up and are quick the second time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
BUILD  := build/release
JOBS   ?= $(shell nproc)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# CMake's own choice, said aloud: pip's build would take another name of the same compiler, and a compiler cache goes by the name.
ifeq ($(origin CXX),default)
export CXX := c++
endif

.PHONY: help setup build install demo test test-cpp test-python sanitize lint stubs format dev-tools test-aarch64 test-avx512 test-serve test-ray docs wheels packages packages-arm64 bare-roots clean
help:
	@sed -n 's/^## //p' Makefile

## make setup      virtual environment .venv with everything the build and the tests need, from the Python index
setup: $(STAMP)
$(STAMP): requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

## make build      C++ library, software NPU and tests, in build/release
build: $(STAMP)
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release -DEZ_RKNN_BUILD_TESTS=ON -DEZ_RKNN_BUILD_FUZZERS=ON > /dev/null
	cmake --build $(BUILD) -j $(JOBS)

## make install    the Python package into .venv (incremental: build/python)
install: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -Cbuild-dir=build/python .

## make demo       a real .rknn classifies pictures, synchronously, over three cores, and as a pipeline; writes demo.png
demo: install
	$(BIN)/python examples/digits_demo.py

## make test       everything: C++ units, Python behaviour, sanitizers, fuzz corpora
test: lint test-cpp test-python sanitize

test-cpp: build
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

test-python: install
	cd tests/python && ../../$(BIN)/python -m pytest -q

## make sanitize   C++ units under address, undefined-behaviour and (engine and core) thread sanitizers
SANITIZED = cmake -S . -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DEZ_RKNN_BUILD_TESTS=ON
sanitize: $(STAMP)
	@test -f build/asan/build.ninja || $(SANITIZED) -B build/asan -DEZ_RKNN_BUILD_FUZZERS=ON -DEZ_RKNN_SANITIZE=address,undefined > /dev/null
	cmake --build build/asan -j $(JOBS)
	ctest --test-dir build/asan --output-on-failure -j $(JOBS)
	@test -f build/tsan/build.ninja || $(SANITIZED) -B build/tsan -DEZ_RKNN_SANITIZE=thread > /dev/null
	cmake --build build/tsan -j $(JOBS) --target unit_core unit_session
	ctest --test-dir build/tsan --output-on-failure -R 'unit_(core|session)'

## make lint       layering, types and style checks
lint: $(STAMP)
	$(BIN)/python tools/check_layers.py
	$(BIN)/python tools/compatibility.py --check
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary
	git ls-files '*.cpp' '*.hpp' '*.h' '*.c' ':!third_party' | xargs $(BIN)/clang-format --dry-run --Werror

## make stubs      type stubs of the extension modules, after a change in python/src
stubs: install
	$(BIN)/python tools/stubs.py

format: $(STAMP)
	$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	git ls-files '*.cpp' '*.hpp' '*.h' '*.c' ':!third_party' | xargs $(BIN)/clang-format -i

## make dev-tools   cross compiler, emulator and fuzzing compiler from Debian's packages (root); not needed by demo and test
dev-tools:
	apt-get install -y g++-aarch64-linux-gnu qemu-user debootstrap isolinux xorriso busybox-static llvm-19 clang-19 libclang-rt-19-dev ccache

## make test-aarch64  C++ units built for aarch64 and run under qemu-user (after make dev-tools): minutes, an hour on a busy machine
# A test has an hour; where that is too little: cmake -DEZ_RKNN_TEST_TIMEOUT=14400 build/aarch64
test-aarch64: $(STAMP)
	@test -f build/aarch64/build.ninja || cmake -S . -B build/aarch64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DEZ_RKNN_BUILD_TESTS=ON -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake > /dev/null
	cmake --build build/aarch64 -j $(JOBS)
	ctest --test-dir build/aarch64 --output-on-failure -j $(JOBS)
	# The emulated processor has every instruction. One that has none beyond ARMv8.0:
	QEMU_CPU=cortex-a53 ctest --test-dir build/aarch64 --output-on-failure -j $(JOBS) -R 'unit_npu_ops|abi_'

## make test-avx512  kernels' unit tests on an emulated CPU with AVX-512 and AMX: slow (after make dev-tools)
test-avx512: build
	$(BIN)/python tests/emulated/x86.py build/release/tests/unit/unit_npu_kernels --isa amx --no-colors=true --duration=true

## make test-serve  `ez-rknn serve` with KServe's server, asked by tritonclient, in an environment of its own (build/venv-serve)
## make test-ray    examples/ray_serve.py with a real Ray, and what a second replica brings (build/venv-ray)
test-serve test-ray: test-%: install
	test -x build/venv-$*/bin/python || $(PYTHON) -m venv build/venv-$*
	build/venv-$*/bin/pip install --quiet --disable-pip-version-check --prefer-binary -r requirements-$*.txt
	rm -rf build/wheel-for-$* && $(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -Cbuild-dir=build/python -w build/wheel-for-$* .
	build/venv-$*/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall build/wheel-for-$*/*.whl
	cd tests/python && ../../build/venv-$*/bin/python -m pytest -q -s test_$*.py

## make docs       the site, into build/site (environment .venv-docs)
docs:
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	.venv-docs/bin/mkdocs build --strict --quiet

## make wheels     wheels for x86_64 and aarch64 into dist/, checked and tried (docs/packages.md)
wheels: $(STAMP)
	$(BIN)/python tools/wheels.py --tests test_faults.py test_hardening.py

## make packages   tarballs and Debian packages of the C++ library into dist/; for arm64 too where its compiler is
PACKAGED = -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr
packages: $(STAMP)
	cmake -S . -B build/packages $(PACKAGED) > /dev/null
	cmake --build build/packages -j $(JOBS)
	cd build/packages && cpack -G TGZ -B ../../dist && cpack -G DEB -B ../../dist
	! command -v aarch64-linux-gnu-g++ > /dev/null || $(MAKE) packages-arm64
	rm -rf dist/_CPack_Packages

## make bare-roots  what dist/ holds is installed into bare Debian roots, where the quick start is run (root; debootstrap, qemu-user)
bare-roots:
	$(PYTHON) tools/bare_root.py
	$(PYTHON) tools/bare_root.py --arch arm64

packages-arm64:
	cmake -S . -B build/packages-arm64 $(PACKAGED) -DCMAKE_INSTALL_LIBDIR=lib/aarch64-linux-gnu -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake > /dev/null
	cmake --build build/packages-arm64 -j $(JOBS)
	cd build/packages-arm64 && cpack -G TGZ -B ../../dist && cpack -G DEB -B ../../dist

clean:
	rm -rf build dist demo.png
