#include "npu/task/interpreter.hpp"

#include <doctest/doctest.h>

#include <array>

#include "ez_rknn/error.hpp"
#include "machine.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::test;

namespace {

/// A copy of 16 x 2 x 3, sound unless `spoil` changes something.
template <class F>
task::Interpreter copy(Machine& m, F&& spoil, const std::string& type = "Identity") {
  const int in = m.feature(DType::i8, 16, 2, 3), out = m.feature(DType::i8, 16, 2, 3);
  m.dpu(DType::i8, 16, 2, 3, out);
  m.source(DType::i8, in, 2, 3);
  spoil();
  m.task(0x18);
  return m.interpreter(type);
}
std::string refusal(void (*spoil)(Machine&), const std::string& type = "Identity") {
  Machine m;
  return copy(m, [&] { spoil(m); }, type).refusal(0);
}

}  // namespace

TEST_CASE("what is not understood is refused before anything runs, with register and reason") {
  CHECK_EQ(refusal([](Machine&) {}), "");
  CHECK_NE(refusal([](Machine& m) { m.write(0x4050, 0x08000002); }).find("TP_ORG_EN"), std::string::npos);
  CHECK_NE(refusal([](Machine& m) { m.write(0x4050, 0x08000002); }).find("4050"), std::string::npos);
  CHECK_NE(refusal([](Machine& m) { m.write(0x400c, 2u << 26); }), "");             // regrouping
  CHECK_NE(refusal([](Machine& m) { m.write(0x4010, 3); }), "");                    // precision 3
  CHECK_NE(refusal([](Machine& m) { m.write(0x4010, 6u << 29); }), "");             // result of precision 6
  CHECK_NE(refusal([](Machine& m) { m.write(0x5044, 2u << 15); }), "");             // f16 into integers
  CHECK_NE(refusal([](Machine& m) { m.write(0x4070, 0x2003c0 | 1u << 22); }), "");  // comparison
  CHECK_NE(refusal([](Machine& m) { m.write(0x4070, 0x303c0 | 1u << 22); }), "");   // integer division
  CHECK_NE(refusal([](Machine& m) { m.write(0x4070, 0x202c0); }), "");              // operand of size 0
  CHECK_NE(refusal([](Machine& m) { m.write(0x4070, 0x302); }), "");                // look-up mode 0
  CHECK_NE(refusal([](Machine& m) { m.write(0x4040, 0x20140); }), "");              // bias from a table not read
  for (const char* type : {"exLSTM", "GRU", "exNorm", "exMatMul", "InputOperator"})
    CHECK_NE(refusal([](Machine&) {}, type), "");
  Machine none;
  CHECK_NE(none.interpreter().refusal(0), "");
  Machine odd;
  odd.task(0x1a);
  auto it = odd.interpreter();
  CHECK_FALSE(it.runs(0));
  CHECK_THROWS_AS(it.run(0), Unsupported);
}

TEST_CASE("per-channel operands among the activations are a compiler's fault, not data") {
  Machine m;
  const int activation = m.feature(DType::i8, 16, 1, 1);
  const auto it = copy(m, [&] {
    m.write(0x4060, 0x20150);
    m.write(0x5028, 2);
    m.relocate(0x502c, activation);
  });
  CHECK_NE(it.refusal(0).find("no constant"), std::string::npos);
}

TEST_CASE("every DMA that leaves memory is an error, wherever it points") {
  const auto runs = [](auto&& spoil) {
    Machine m;
    auto it = copy(m, [&] { spoil(m); });
    REQUIRE_EQ(it.refusal(0), "");
    it.run(0);
  };
  CHECK_NOTHROW(runs([](Machine&) {}));
  CHECK_THROWS_AS(runs([](Machine& m) { m.relocate(0x5018, 1, 0xfffffff0); }), ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) { m.relocate(0x4020, 2, 0xfffffff0); }), ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) { m.relocate(0x4020, 2, 200000); }), ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) { m.relocate(0x4020, 99); }), ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) { m.relocate(0x4020, 0); }), ModelError);  // a tensor without memory
  CHECK_THROWS_AS(runs([](Machine& m) {
                    m.write(0x403c, 0x1fff);
                    m.write(0x504c, 0x7ffffff0);
                  }),
                  ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) {
                    m.write(0x403c, 0x1fff);
                    m.write(0x504c, 0x80000000);
                  }),
                  ModelError);  // backwards
  CHECK_THROWS_AS(runs([](Machine& m) {
                    m.write(0x500c, 0x1fff);
                    m.write(0x5010, 0x1fff);
                    m.write(0x403c, 0x1fff);
                  }),
                  ModelError);
  CHECK_THROWS_AS(runs([](Machine& m) {
                    m.write(0x4024, 0xfffffff0);
                    m.write(0x403c, 63);
                    m.write(0x504c, 0);
                  }),
                  ModelError);
}

TEST_CASE("constants cannot be written") {
  Machine m;
  const int constant = m.constant(std::vector<std::byte>(4096));
  auto it = copy(m, [&] { m.relocate(0x4020, constant); });
  CHECK_THROWS_AS(it.run(0), ModelError);
}

TEST_CASE("tensors go in and out in logical order, whatever their layout") {
  Machine m;
  const int wide = m.feature(DType::i16, 11, 3, 5), image = m.feature(DType::i8, 3, 4, 5, 3, 16),
            tiny = m.feature(DType::f32, 5, 1, 1);
  file::Tensor plain;
  plain.kind = file::Kind::internal, plain.dtype = DType::i32, plain.shape = Dims{2, 3, 4}, plain.size = 96,
  plain.arena_offset = 8192;
  m.graph.tensors.push_back(plain);
  file::Tensor batch = m.graph.tensors[static_cast<std::size_t>(wide)];
  batch.shape = Dims{2, 11, 3, 5}, batch.native_shape[0] = 2, batch.size *= 2, batch.arena_offset = 12288;
  m.graph.tensors.push_back(batch);
  auto it = m.interpreter();
  Random r(1);
  for (int t : {wide, image, tiny, tiny + 1, tiny + 2}) {
    CAPTURE(t);
    const auto n = static_cast<std::size_t>(m.graph.tensors[static_cast<std::size_t>(t)].shape.elements());
    const auto v = r.values(n, DType::i8);
    it.write(t, v);
    CHECK(it.read(t) == v);
    CHECK_THROWS_AS(it.write(t, r.values(n + 1, DType::i8)), InvalidArgument);
  }
  CHECK_THROWS_AS(it.read(0), InvalidArgument);
  CHECK_THROWS_AS(it.read(-1), InvalidArgument);
  CHECK_THROWS_AS(it.read(100), InvalidArgument);
}

TEST_CASE("other chips and graphs that are not there are refused") {
  file::Model model;
  model.target = "rk3588";
  CHECK_THROWS_AS(task::Interpreter{model}, InvalidArgument);
  model.graphs.resize(1);
  CHECK_THROWS_AS(task::Interpreter(model, 1), InvalidArgument);
  CHECK_NOTHROW(task::Interpreter{model});
  model.target = "rk3576";
  CHECK_THROWS_AS(task::Interpreter{model}, Unsupported);
}

TEST_CASE("any registers give results or a typed error") {
  int ran = 0, failed = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Random r(seed);
    Machine m;
    const int in = m.feature(DType::i8, 16, 4, 4), out = m.feature(DType::i8, 16, 4, 4);
    const int constant = m.constant(std::vector<std::byte>(8192, std::byte{0x5a}));
    const std::uint32_t enable = std::array{0x1du, 0x0du, 0x18u, 0x60u}[static_cast<std::size_t>(r.range(0, 3))];
    for (int block = 1; block < 8; ++block)
      for (int reg = 8; reg < 0x1c0; reg += 4) {
        // Mostly small numbers, so that sizes stay sizes; sometimes anything.
        const auto value = static_cast<std::uint32_t>(r.engine());
        const std::uint32_t small = value & 0x00030003u;
        if ((block << 12 | reg) != 0x4104)
          m.write(static_cast<std::uint16_t>(block << 12 | reg), r.range(0, 40) == 0 ? value : small);
      }
    if (r.chance()) m.write(0x4040, 1), m.write(0x4060, 1), m.write(0x4070, 1), m.write(0x4050, 2), m.write(0x400c, 0);
    if (r.chance())
      m.write(0x4010, 0), m.write(0x5044, 0), m.write(0x100c, 0), m.write(0x1038, 0x03020001), m.write(0x5048, 0);
    for (std::uint16_t reg : std::initializer_list<std::uint16_t>{0x1070, 0x5018, 0x5038, 0x701c})
      m.relocate(reg, in, static_cast<std::uint32_t>(r.range(0, 256)));
    for (std::uint16_t reg : std::initializer_list<std::uint16_t>{0x1110, 0x5020, 0x502c})
      m.relocate(reg, constant, static_cast<std::uint32_t>(r.range(0, 64)));
    for (std::uint16_t reg : std::initializer_list<std::uint16_t>{0x4020, 0x6070})
      m.relocate(reg, out, static_cast<std::uint32_t>(r.range(0, 256)));
    m.task(enable);
    auto it = m.interpreter();
    if (!it.runs(0)) continue;
    try {
      it.run(0);
      ++ran;
    } catch (const Error&) { ++failed; }
  }
  CHECK_GT(ran, 50);
  CHECK_GT(failed, 5);
}
