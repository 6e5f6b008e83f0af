// What is refused, and how the message reads.
#include <doctest/doctest.h>

#include <string>

#include "ez_rknn/error.hpp"
#include "matrices.hpp"
#include "npu/matmul/layout.hpp"

using namespace matrices;

namespace {

std::string error_of(auto&& f) {
  try {
    f();
  } catch (const InvalidArgument& e) { return e.what(); }
  return "";
}

std::string refusal(std::string_view chip, Types types, Shape shape) {
  Spec spec;
  spec.types = types;
  return error_of([&] { check(find_chip(chip), spec, shape); });
}

constexpr Types kF16{DType::f16, DType::f16, DType::f32}, kI8{DType::i8, DType::i8, DType::i32},
    kI4{DType::i4, DType::i4, DType::i16};

}  // namespace

TEST_CASE("K and N are multiples of the chip's tile") {
  CHECK_EQ(refusal("rk3588", kI8, {1, 32, 32}), "");
  CHECK_EQ(refusal("rk3588", kI8, {1, 33, 32}),
           "matmul: K is 33; accepted for int8 on rk3588: positive multiples of 32");
  CHECK_EQ(refusal("rk3588", kI8, {1, 32, 16}),
           "matmul: N is 16; accepted for int8 on rk3588: positive multiples of 32");
  CHECK_EQ(refusal("rk3588", kF16, {1, 32, 16}), "");
  CHECK_EQ(refusal("rk3588", kI4, {1, 32, 32}),
           "matmul: N is 32; accepted for int4 on rk3588: positive multiples of 64");
  CHECK_EQ(refusal("rk3566", kF16, {1, 16, 8}), "");
  CHECK_NE(refusal("rk3562", kF16, {1, 16, 8}), "");
  CHECK_EQ(refusal("rk3562", kF16, {1, 32, 8}), "");
  CHECK_NE(refusal("rk3566", kI8, {1, 32, 8}), "");
  CHECK_EQ(refusal("rk3566", kI4, {1, 32, 64}),
           "matmul: int4 by int4 on rk3566; int4 is accepted on rk3588 and rk3576");
}

TEST_CASE("sizes that are no sizes") {
  for (const int bad : {0, -1, INT32_MIN}) {
    CHECK_NE(refusal("rk3588", kI8, {bad, 32, 32}), "");
    CHECK_NE(refusal("rk3588", kI8, {1, bad, 32}), "");
    CHECK_NE(refusal("rk3588", kI8, {1, 32, bad}), "");
  }
  CHECK_NE(refusal("rk3588", kI8, {INT32_MAX, INT32_MAX / 32 * 32, INT32_MAX / 32 * 32}), "");
  CHECK_NE(refusal("rk3588", kI8, {1, 65536, 65536}), "");
  CHECK_EQ(error_of([] { find_chip("rk3399"); }),
           "no matrix multiplication for chip \"rk3399\"; accepted: rk3588, rk3576, rk3562, rk3566, rk3568");
  CHECK_NE(error_of([] { Matmul(find_chip("rk3588"), {}, {}); }), "");
}

TEST_CASE("groups divide K") {
  Spec spec;
  spec.types = {DType::i8, DType::i8, DType::f32};
  spec.granularity = Granularity::per_group;
  for (const int group : {0, -32, 16, 48, 64}) {
    spec.group = group;
    CHECK_NE(error_of([&] { check(find_chip("rk3588"), spec, {1, 96, 32}); }), "");
  }
  spec.group = 96;
  CHECK_EQ(error_of([&] { check(find_chip("rk3588"), spec, {1, 96, 32}); }), "");
  spec.types = kF16;
  CHECK_NE(error_of([&] { check(find_chip("rk3588"), spec, {1, 96, 32}); }), "");
}

TEST_CASE("quantisation tables") {
  Spec spec;
  spec.types = {DType::i8, DType::i8, DType::i8};
  spec.granularity = Granularity::per_channel;
  Matmul mm(find_chip("rk3588"), spec, {{1, 32, 64}});
  const std::vector<float> one{0.5f}, columns(64, 0.5f), odd(7, 0.5f), negative{-1.0f}, nan{NAN};
  const std::vector<std::int32_t> zero{0}, three{3}, zeros(64);
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::b, columns, zeros); }), "");
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::b, one, zero); }), "");
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::b, columns, {}); }), "");
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::b, odd, {}); }),
           "matmul: quantisation of B with 7 scales; accepted: 1 or 64");
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::a, columns, {}); }),
           "matmul: quantisation of A with 64 scales; accepted: 1");
  CHECK_NE(error_of([&] { mm.set_quantisation(Matrix::b, {}, {}); }), "");
  CHECK_NE(error_of([&] { mm.set_quantisation(Matrix::b, negative, {}); }), "");
  CHECK_NE(error_of([&] { mm.set_quantisation(Matrix::b, nan, {}); }), "");
  CHECK_EQ(error_of([&] { mm.set_quantisation(Matrix::b, one, three); }),
           "matmul: quantisation of B: zero point 3; accepted for int8, symmetric: 0");
  CHECK_EQ(mm.quantisation().scale_b(0, 63), 0.5f);  // a refused table changes nothing
}

TEST_CASE("a run needs memory for every matrix") {
  Matmul mm(find_chip("rk3588"), {}, {{2, 32, 16}});
  std::vector<std::byte> memory(1024 + 1024);
  CHECK_EQ(error_of([&] { mm.run(); }), "matmul: no memory was set for A");
  mm.bind(Matrix::a, memory);
  mm.bind(Matrix::b, std::span(memory).first(1023));
  CHECK_EQ(error_of([&] { mm.run(); }), "matmul: the memory of B has 1023 bytes; shape 2x32x16 needs 1024");
}

TEST_CASE("to_native of [K,N] and of [N,K] is the native layout") {
  for (const Unit& u : kUnits)
    for (const Layout from : {Layout::normal, Layout::transposed}) {
      Case c{u.chip, {}, {1, u.k * 3, u.n * 2}, 5};
      c.spec.types = {u.type, u.type, DType::f32};
      if (u.chip == "rk3576") c.shape.k = 4096 + 64;
      c.spec.b_layout = from;
      const Data plain(c);
      Spec spec = c.spec;
      c.spec.b_layout = Layout::native;
      const Data native(c);
      std::vector<std::byte> out(native.b.size());
      to_native(find_chip(u.chip), spec, c.shape, plain.b.data(), out.data());
      CHECK(out == native.b);
    }
}

TEST_CASE("dimensions of the layouts") {
  const Chip& chip = find_chip("rk3588");
  Spec spec;
  const Shape s{4, 64, 32};
  CHECK_EQ(dims_of(chip, spec, s, Matrix::a), Dims{4, 64});
  CHECK_EQ(dims_of(chip, spec, s, Matrix::b), Dims{64, 32});
  CHECK_EQ(dims_of(chip, spec, s, Matrix::c), Dims{4, 32});
  spec.b_layout = Layout::transposed;
  CHECK_EQ(dims_of(chip, spec, s, Matrix::b), Dims{32, 64});
  spec.b_layout = Layout::native, spec.ac_native = true;
  CHECK_EQ(dims_of(chip, spec, s, Matrix::a), Dims{8, 4, 8});
  CHECK_EQ(dims_of(chip, spec, s, Matrix::b), Dims{2, 2, 16, 32});
  CHECK_EQ(dims_of(chip, spec, s, Matrix::c), Dims{8, 4, 4});
  CHECK_EQ(bytes_of(spec, s, Matrix::a), 512);
  spec.types = {DType::f16, DType::i4, DType::f32};  // the type of A decides B's tile
  CHECK_EQ(dims_of(chip, spec, s, Matrix::b), Dims{2, 2, 16, 32});
  CHECK_EQ(bytes_of(spec, s, Matrix::b), 1024);
}
