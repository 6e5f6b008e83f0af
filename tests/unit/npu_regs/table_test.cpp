#include "npu/regs/table.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>

#include "commands.hpp"
#include "ez_rknn/error.hpp"
#include "npu/regs/disassemble.hpp"
#include "places.hpp"
#include "rknn_file/reader.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

namespace {
constexpr const char* kChips[] = {"rk3588",  "rk3566", "rk3568", "rk3562",  "rk3576",
                                  "rv1126b", "rv1103", "rv1106", "rv1103b", "rv1106b"};
const Chip& chip(const char* name) { return *find_chip(name); }
}  // namespace

TEST_CASE("the tables are sorted, and the fields of a register ascend without overlapping") {
  for (const char* name : kChips)
    for (const auto table : register_tables(chip(name))) {
      REQUIRE_FALSE(table.empty());
      const Register* before = nullptr;
      for (const Register& r : table) {
        CAPTURE(name);
        CAPTURE(r.name);
        CHECK_EQ(r.offset % 4, 0);
        if (before) CHECK_LT(before->offset, r.offset);
        before = &r;
        CHECK_GT(std::strlen(r.name), 0);
        int next = 0;
        std::set<std::string> names;
        for (const RegisterField& f : r.fields) {
          CAPTURE(f.name);
          CHECK_GE(int{f.low}, next);
          CHECK_GE(f.high, f.low);
          CHECK_LE(f.high, 31);
          CHECK(names.insert(f.name).second);
          next = f.high + 1;
        }
      }
    }
}

TEST_CASE("a chip's own rows come before those it shares with RK3588") {
  CHECK_EQ(std::string(find_register(chip("rk3588"), 0x4040)->name), "BS_CFG");
  CHECK_EQ(std::string(find_register(chip("rk3562"), 0x4040)->name), "BS_ALU_CFG");
  CHECK_EQ(std::string(find_register(chip("rk3576"), 0x5024)->name), "RDMA_BS_CONFIG_ADDR");
  CHECK_EQ(find_register(chip("rk3562"), 0x5024), nullptr);
  CHECK_EQ(find_register(chip("rk3562"), 0x107c), nullptr);  // RK3588 has one there, RK3562's is another thing
  CHECK_NE(find_register(chip("rk3588"), 0x107c), nullptr);
  CHECK_EQ(std::string(find_register(chip("rv1106b"), 0x4010)->name), "DST_BASE_ADDR");
  CHECK_EQ(std::string(find_register(chip("rk3576"), 0x6034)->name), "POOLING_KERNEL_CFG");
  CHECK_NE(find_register(chip("rk3562"), 0x4110), nullptr);
  CHECK_EQ(std::string(find_register(chip("rv1106b"), 0x4104)->name), "LUT_ACCESS_DATA");
  CHECK_EQ(find_register(chip("rv1106b"), 0x4120), nullptr);
  CHECK_EQ(register_name(chip("rk3562"), 0x107c), "CNA_107C");
  CHECK_EQ(register_name(chip("rk3588"), 0xf008), "?_F008");
  CHECK_EQ(find_register(chip("rk3588"), 0xffff), nullptr);
}

TEST_CASE("a command word reads as block, register and the fields that are not 0") {
  CHECK_EQ(disassemble(chip("rk3588"), test::command(0x4040, 0x20140)),
           "4040 DPU BS_CFG = 00020140: BS_RELU_BYPASS 1, BS_ALU_SRC 1, BS_ALU_ALGO 2");
  CHECK_EQ(disassemble(chip("rk3566"), test::command(0x4040, 0x148)),
           "4040 DPU BS_CFG = 00000148: BS_ALU_ALGO 2, BS_RELU_BYPASS 1, BS_ALU_SRC 1");
  CHECK_EQ(disassemble(chip("rk3588"), test::command(0x1020, 0x00120034)),
           "1020 CNA DATA_SIZE0 = 00120034: DATAIN_HEIGHT 52, DATAIN_WIDTH 18");
  CHECK_EQ(disassemble(chip("rk3588"), test::command(0x4064, 0xffffffff)), "4064 DPU BN_ALU_CFG = ffffffff");
  CHECK_EQ(disassemble(chip("rk3588"), test::command(0x40f0, 7)), "40f0 DPU DPU_40F0 = 00000007");
  CHECK_EQ(disassemble(chip("rk3588"), ~std::uint64_t{0}), "ffff ? ?_FFFF = ffffffff");
}

TEST_CASE("a task reads with its node, its relocations and its uploads") {
  test::Program p;
  file::Tensor t;
  t.name = "image";
  p.graph.tensors = {t};
  file::Node n;
  n.name = "Conv:c";
  p.graph.nodes = {n};
  p.write(0, 0);
  p.relocate(0x4020, 0, 64);
  p.write(0x4100, 0x20000);
  p.write(0x4104, 1);
  p.write(0x4104, 2);
  p.relocate(0x5018, 9);
  p.task(0x18);
  CHECK_EQ(disassemble_task(chip("rk3588"), p.graph, 0),
           "task 0 of Conv:c: DPU+DPU_RDMA (18), words 0..6\n"
           "  4020 DPU DST_BASE_ADDR = 'image' + 64\n"
           "  4100 DPU LUT_ACCESS_CFG = 00020000: LUT_ACCESS_TYPE 1\n"
           "  4104 DPU LUT_ACCESS_DATA: 2 entries\n"
           "  5018 DPU_RDMA RDMA_SRC_BASE_ADDR = tensor 9\n");
  CHECK_THROWS_AS(disassemble_task(chip("rk3588"), p.graph, 1), InvalidArgument);
  p.graph.tasks[0].words = 7;
  CHECK_THROWS_AS(disassemble_task(chip("rk3588"), p.graph, 0), ModelError);
}

TEST_CASE("every register a compiled model writes has a row") {
  for (const char* path : {"/digits/digits_i8.rknn", "/digits/digits_fp16.rknn", "/fixtures/activations_i8.rknn",
                           "/fixtures/concat_split_resize_fp16.rknn"}) {
    CAPTURE(path);
    const auto model = file::read(file::map_file(std::string(places::models) + path));
    REQUIRE_FALSE(model.graphs.empty());
    const auto& graph = model.graphs[0];
    REQUIRE_GT(graph.tasks.size(), 5);
    for (const auto& task : graph.tasks)
      for (std::uint64_t w = task.first_word; w < task.first_word + task.words; ++w) {
        const auto reg = static_cast<std::uint16_t>(graph.commands[w]);
        CAPTURE(reg);
        REQUIRE(find_register(chip("rk3588"), reg));
      }
    for (std::size_t t = 0; t < graph.tasks.size(); ++t)
      CHECK_EQ(disassemble_task(chip("rk3588"), graph, t).find("tensor -1"), std::string::npos);
  }
}
