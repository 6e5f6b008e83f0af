#pragma once
/// Where the build and the checkout put what tests need. Compiled once: a path in the command line of every test would
/// keep compiler caches from serving two checkouts.
namespace places {

extern const char* const models;        ///< the folder models/ of the checkout
extern const char* const fake_runtime;  ///< the librknnrt of tests/fake_rt

}  // namespace places
