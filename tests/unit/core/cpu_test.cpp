#include "core/cpu.hpp"

#include <doctest/doctest.h>

using namespace ez_rknn;

TEST_CASE("the reference is always allowed, and each allowed set has a name") {
  CHECK(cpu::allows(cpu::Isa::ref));
  REQUIRE_FALSE(cpu::allowed().empty());
  CHECK_EQ(cpu::allowed().front(), cpu::Isa::ref);
  for (auto isa : cpu::allowed()) {
    CHECK(cpu::allows(isa));
    CHECK(cpu::name_of(isa) != "?");
  }
}

TEST_CASE("at least one CPU is usable") { CHECK(cpu::available_cpus() >= 1); }
