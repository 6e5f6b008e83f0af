#include "npu/regs/banks.hpp"

#include <doctest/doctest.h>

#include <string>

#include "commands.hpp"
#include "ez_rknn/error.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using test::Program;

namespace {
constexpr std::uint32_t kFlying = 0x18, kConv = 0x1d, kPool = 0x60;
const Chip& rk3588() { return *find_chip("rk3588"); }
}  // namespace

TEST_CASE("a task sees what the task two before it left in a block it enables") {
  Program p;
  p.pointer(4, true), p.write(0x4030, 1), p.write(0x4034, 10);
  const auto t0 = p.task(kFlying);
  p.write(0x4030, 2);
  const auto t1 = p.task(kFlying);
  p.write(0x4034, 30);
  const auto t2 = p.task(kFlying);
  const auto t3 = p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  const auto r0 = banks.apply(t0);
  CHECK_EQ(r0[0x4030], 1);
  CHECK_EQ(r0[0x4034], 10);
  const auto r1 = banks.apply(t1);
  CHECK_EQ(r1[0x4030], 2);
  CHECK_EQ(r1[0x4034], 0);  // the other bank: nothing of task 0
  const auto r2 = banks.apply(t2);
  CHECK_EQ(r2[0x4030], 1);
  CHECK_EQ(r2[0x4034], 30);
  const auto r3 = banks.apply(t3);
  CHECK_EQ(r3[0x4030], 2);
  CHECK_EQ(r3[0x4034], 0);
}

TEST_CASE("only enabled blocks are seen and change banks") {
  Program p;
  p.write(0x1020, 7), p.write(0x4030, 1), p.write(0x6018, 5);
  const auto t0 = p.task(kFlying);  // CNA and PPU not enabled: their pointers stay
  p.write(0x1024, 8), p.write(0x6018, 6);
  const auto t1 = p.task(kConv);
  const auto t2 = p.task(kPool);
  RegisterBanks banks(rk3588(), p.graph);
  const auto r0 = banks.apply(t0);
  CHECK_EQ(r0[0x1020], 0);
  CHECK_EQ(r0[0x4030], 1);
  CHECK_EQ(r0.enable, kFlying);
  const auto r1 = banks.apply(t1);
  CHECK_EQ(r1[0x1020], 7);
  CHECK_EQ(r1[0x1024], 8);
  CHECK_EQ(r1[0x4030], 0);
  CHECK_EQ(r1[0x6018], 0);
  CHECK_EQ(banks.apply(t2)[0x6018], 6);
}

TEST_CASE("S_POINTER resets and stops the alternation for the whole task, wherever it stands") {
  Program p;
  p.write(0x4030, 1);
  const auto t0 = p.task(kFlying);
  p.write(0x4034, 2), p.pointer(4, true);  // behind the write, yet the write goes to bank 0
  const auto t1 = p.task(kFlying);
  p.pointer(4, true, false);
  const auto t2 = p.task(kFlying);
  const auto t3 = p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  banks.apply(t0);
  const auto r1 = banks.apply(t1);
  CHECK_EQ(r1[0x4030], 1);
  CHECK_EQ(r1[0x4034], 2);
  CHECK_EQ(r1[0x4004], 0);  // itself not stored
  CHECK_EQ(banks.apply(t2)[0x4034], 2);
  CHECK_EQ(banks.apply(t3)[0x4034], 2);  // no ping-pong: the same bank again
}

TEST_CASE("the last write of a register wins, and an address goes when a plain value replaces it") {
  Program p;
  p.write(0x4030, 1), p.write(0x4030, 2), p.relocate(0x4020, 5, 64), p.relocate(0x5018, 6);
  const auto t0 = p.task(kFlying);
  const auto t1 = p.task(kFlying);
  p.write(0x4020, 9), p.relocate(0x5018, 7, 16);
  const auto t2 = p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  const auto r0 = banks.apply(t0);
  CHECK_EQ(r0[0x4030], 2);
  CHECK_EQ(*r0.address(0x4020), (Address{5, 64}));
  CHECK_EQ(*r0.address(0x5018), (Address{6, 0}));
  CHECK_FALSE(r0.address(0x4030));
  CHECK_FALSE(banks.apply(t1).address(0x4020));
  const auto r2 = banks.apply(t2);
  CHECK_FALSE(r2.address(0x4020));
  CHECK_EQ(r2[0x4020], 9);
  CHECK_EQ(*r2.address(0x5018), (Address{7, 16}));
  CHECK_EQ(r2.addresses().size(), 1);
}

TEST_CASE("tasks may come in any order of their words") {
  Program p;
  p.relocate(0x4020, 1);
  const auto early = p.task(kFlying);
  p.relocate(0x4020, 2);
  const auto late = p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  CHECK_EQ(banks.apply(late).address(0x4020)->tensor, 2);
  CHECK_EQ(banks.apply(early).address(0x4020)->tensor, 1);
}

TEST_CASE("look-up tables are streams that stay until the next upload") {
  Program p;
  p.write(0x4100, 0x20000);
  for (int i = 0; i < 513; ++i) p.write(0x4104, static_cast<std::uint32_t>(i - 100) & 0xffff);
  p.write(0x4104, 77);  // a 514th entry has no place
  const auto le = p.task(kFlying);
  p.write(0x4100, 0x30000 | 500), p.write(0x4104, 42);
  const auto lo = p.task(kFlying);
  p.write(0x4100, 0x00000), p.write(0x4104, 1);  // a read access writes nothing
  const auto read = p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  CHECK_EQ(banks.apply(le).lut_words, 513);
  CHECK_EQ(banks.lut().le[0], -100);
  CHECK_EQ(banks.lut().le[512], 412);
  CHECK_EQ(banks.lut().lo[0], 0);
  CHECK_EQ(banks.apply(lo).lut_words, 1);
  CHECK_EQ(banks.lut().lo[500], 42);
  CHECK_EQ(banks.lut().le[512], 412);
  const Lut before = banks.lut();
  CHECK_EQ(banks.apply(read).lut_words, 0);
  CHECK(banks.lut() == before);
}

TEST_CASE("padding, PC words, unknown blocks and registers outside the space leave no trace") {
  Program p;
  p.write(0, 0), p.write(0x0010, 0xffffffff), p.write(0x0008, 0x1d), p.write(0x8028, 1), p.write(0xf008, 1);
  p.write(0x2804, 1), p.write(0x4ffc, 3), p.write(0x4031, 4);
  const auto t = p.task(0xffffffff);
  RegisterBanks banks(rk3588(), p.graph);
  const auto r = banks.apply(t);
  for (std::uint32_t reg = 0; reg < 0x10000; ++reg) REQUIRE_EQ(r[static_cast<std::uint16_t>(reg)], 0);
  CHECK(r.addresses().empty());
}

TEST_CASE("a task whose words leave the commands is refused") {
  Program p;
  p.write(0x4030, 1);
  p.task(kFlying);
  RegisterBanks banks(rk3588(), p.graph);
  for (const file::Task bad : {file::Task{0, kFlying, 0, 2}, file::Task{0, kFlying, 2, 0}, file::Task{0, kFlying, 1, 1},
                               file::Task{0, kFlying, ~std::uint64_t{0}, 5}})
    CHECK_THROWS_AS(banks.apply(bad), ModelError);
  CHECK_EQ(banks.apply({0, kFlying, 1, 0}).lut_words, 0);
}

TEST_CASE("the chips are found by the target string of the file, and only by it") {
  CHECK_EQ(find_chip("rk3576")->cores, 2);
  CHECK(find_chip("rv1126b")->config_tensors);
  CHECK_EQ(find_chip("RK3588"), nullptr);
  CHECK_EQ(find_chip(""), nullptr);
  std::string list(known_chips());
  std::size_t count = 0, at = 0;
  for (std::size_t comma; at < list.size(); at = comma + 2, ++count) {
    comma = std::min(list.find(", ", at), list.size());
    CAPTURE(list.substr(at, comma - at));
    CHECK_NE(find_chip(list.substr(at, comma - at)), nullptr);
  }
  CHECK_EQ(count, 10);
}
