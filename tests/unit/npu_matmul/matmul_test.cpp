// Every chip, type and layout against the definition.
#include <doctest/doctest.h>

#include <string>

#include "ez_rknn/error.hpp"
#include "matrices.hpp"

using namespace matrices;

namespace {

constexpr Types kTypes[] = {
    {DType::f16, DType::f16, DType::f32}, {DType::i8, DType::i8, DType::i32},  {DType::i8, DType::i8, DType::i8},
    {DType::f16, DType::f16, DType::f16}, {DType::f16, DType::i8, DType::f32}, {DType::f16, DType::i8, DType::f16},
    {DType::f16, DType::i4, DType::f32},  {DType::f16, DType::i4, DType::f16}, {DType::i8, DType::i8, DType::f32},
    {DType::i4, DType::i4, DType::i16},   {DType::i8, DType::i4, DType::i32},  {DType::f16, DType::i4, DType::bf16},
    {DType::i8, DType::i4, DType::f16},
};
constexpr std::string_view kChips[] = {"rk3588", "rk3576", "rk3562", "rk3566", "rk3568"};

Case int8_case(std::string_view chip, DType c, Shape shape) {
  Case result{chip, {}, shape};
  result.spec.types = {DType::i8, DType::i8, c};
  return result;
}

std::string error_of(auto&& f) {
  try {
    f();
  } catch (const InvalidArgument& e) { return e.what(); }
  return "";
}

}  // namespace

TEST_CASE("every chip, type, layout and quantisation equals the definition") {
  int cases = 0;
  for (const auto chip : kChips)
    for (const Types& types : kTypes)
      for (const Layout layout : {Layout::normal, Layout::native, Layout::transposed})
        for (const bool ac_native : {false, true})
          for (const Granularity granularity :
               {Granularity::per_layer, Granularity::per_channel, Granularity::per_group})
            for (const bool asymmetric : {false, true}) {
              const bool int4 = types.a == DType::i4 || types.b == DType::i4;
              if (int4 && (chip == "rk3562" || chip == "rk3566" || chip == "rk3568")) continue;
              if (types.b == DType::f16 && (asymmetric || granularity != Granularity::per_layer)) continue;
              const Unit& u = unit_of(chip, types.a);
              Case c{chip, {types, layout, ac_native, granularity, asymmetric, asymmetric, 32}, {}};
              c.seed = std::uint32_t(++cases);
              // Odd M, K and N that are no power of two, the smallest N now and then.
              c.shape = {1 + cases % 7, granularity == Granularity::per_group ? 96 : 3 * u.k, u.n * (1 + cases % 3)};
              const std::string what =
                  std::string(chip) + " " + name_of(types.a) + " " + name_of(types.b) + " " + name_of(types.c) +
                  " B layout " + std::to_string(int(layout)) + (ac_native ? " native" : "") + " quantisation " +
                  std::to_string(int(granularity)) + (asymmetric ? " asymmetric " : " ") + to_string(c.shape);
              CAPTURE(what);
              Data d(c);
              const Tables t = random_tables(c, d.random, c.shape.n, c.shape.k);
              Matmul mm(find_chip(chip), c.spec, {c.shape});
              set(mm, t);
              bind(mm, d);
              mm.run();
              REQUIRE_EQ(wrong(c, d, t), 0);
            }
  CHECK_EQ(cases, 1392);
}

TEST_CASE("large products: many rows, many threads' worth of columns") {
  for (const Types& types : {kTypes[0], kTypes[1], kTypes[4], kTypes[8]}) {
    Case c{"rk3588", {}, {67, 512, 320}, 9};
    c.spec.types = types;
    Data d(c);
    Matmul mm(find_chip(c.chip), c.spec, {c.shape});
    bind(mm, d);
    mm.run();
    CHECK_EQ(wrong(c, d, {}), 0);
    MESSAGE(std::string(mm.kernel()));
  }
}

TEST_CASE("B's native layout begins anew after 8192 rows on RK3588, 4096 on RK3576") {
  for (const std::string_view chip : {"rk3588", "rk3576", "rk3566"}) {
    Case c = int8_case(chip, DType::i32, {2, 8192 + 96, 64});
    c.spec.b_layout = Layout::native;
    Data d(c);
    Matmul mm(find_chip(chip), c.spec, {c.shape});
    bind(mm, d);
    mm.run();
    CHECK_EQ(wrong(c, d, {}), 0);
  }
}

TEST_CASE("sums beyond 32 bits are exact before they saturate") {
  Case c = int8_case("rk3588", DType::i32, {1, 65536 * 3, 32});
  Data d(c);
  std::ranges::fill(d.a, std::byte{0x80});
  std::ranges::fill(d.b, std::byte{0x80});
  std::ranges::fill(d.a_values, -128);
  std::ranges::fill(d.b_values, -128);
  Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
  bind(mm, d);
  mm.run();
  CHECK_EQ(get(d.c_bytes.data(), DType::i32, 31), 2147483647.0);
  SUBCASE("the second half cancels the first") {
    for (std::size_t k = 0; k < 65536 * 3 / 2; ++k) d.a[k] = std::byte{0x7f};
    mm.run();
    CHECK_EQ(get(d.c_bytes.data(), DType::i32, 7), -16384.0 * (65536 * 3 / 2) / 128 * 127 + 16384.0 * (65536 * 3 / 2));
  }
}

TEST_CASE("int16 saturates, halves round to even") {
  SUBCASE("int4 sums") {
    Case c{"rk3588", {}, {1, 1024, 64}};
    c.spec.types = {DType::i4, DType::i4, DType::i16};
    Data d(c);
    std::ranges::fill(d.a, std::byte{0x88});  // -8
    std::ranges::fill(d.b, std::byte{0x88});
    Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
    bind(mm, d);
    mm.run();
    CHECK_EQ(get(d.c_bytes.data(), DType::i16, 3), 32767.0);
  }
  SUBCASE("int8 results") {
    Case c = int8_case("rk3588", DType::i8, {1, 32, 32});
    Data d(c);
    std::ranges::fill(d.a, std::byte{0});
    std::ranges::fill(d.b, std::byte{0});
    d.a[0] = std::byte{1};
    for (int n = 0; n < 32; ++n) d.b[std::size_t(n)] = std::byte(std::uint8_t(n - 16));
    Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
    const float half = 0.5f, one = 1;
    mm.set_quantisation(Matrix::a, {&half, 1}, {});
    mm.set_quantisation(Matrix::b, {&one, 1}, {});
    bind(mm, d);
    mm.run();
    for (int n = 0; n < 32; ++n)
      CHECK_EQ(get(d.c_bytes.data(), DType::i8, std::size_t(n)), std::nearbyint((n - 16) / 2.0));
  }
}

TEST_CASE("int32 results per channel are in units of the largest scale") {
  Case c = int8_case("rk3588", DType::i32, {3, 64, 32});
  c.spec.granularity = Granularity::per_channel;
  Data d(c);
  Tables t;
  t.columns = 32;
  t.scale_b.assign(32, 0.25f);
  Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
  mm.set_quantisation(Matrix::b, t.scale_b, {});
  bind(mm, d);
  mm.run();
  CHECK_EQ(mm.quantisation().unit_b(), 0.25f);
  CHECK_EQ(wrong(c, d, {}), 0);  // equal scales: the plain sums
  t.scale_b[5] = 0.5f;
  mm.set_quantisation(Matrix::b, t.scale_b, {});
  mm.run();
  CHECK_EQ(mm.quantisation().unit_b(), 0.5f);
  CHECK_EQ(wrong(c, d, t), 0);
}

TEST_CASE("B may change between runs, be bound again, and matrices need no alignment") {
  Case c = int8_case("rk3588", DType::i32, {5, 64, 64});
  Data d(c);
  Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
  bind(mm, d);
  mm.run();
  REQUIRE_EQ(wrong(c, d, {}), 0);
  d.b[77] = std::byte{3};
  d.b_values[77] = 3;
  mm.run();
  CHECK_EQ(wrong(c, d, {}), 0);
  c.seed = 2;
  Data other(c);
  std::vector<std::byte> shifted(other.b.size() + 1);
  std::ranges::copy(other.b, shifted.begin() + 1);
  mm.bind(Matrix::a, other.a);
  mm.bind(Matrix::b, std::span(shifted).subspan(1));
  mm.bind(Matrix::c, other.c_bytes);
  mm.run();
  CHECK_EQ(wrong(c, other, {}), 0);
}

TEST_CASE("flipped signs of neighbouring halves are noticed") {
  Case c{"rk3588", {}, {2, 64, 64}};
  Data d(c);
  Matmul mm(find_chip("rk3588"), c.spec, {c.shape});
  bind(mm, d);
  mm.run();
  for (std::size_t i = 0; i < d.b_values.size(); ++i) d.b_values[i] = -d.b_values[i], d.b[2 * i + 1] ^= std::byte{0x80};
  mm.run();
  CHECK_EQ(wrong(c, d, {}), 0);
}

TEST_CASE("dynamic shapes share B's tables and give each shape its own result") {
  const std::vector<Shape> shapes{{1, 64, 32}, {7, 128, 96}, {3, 96, 64}};
  for (const Types& types : {kTypes[1], kTypes[8], kTypes[4]})
    for (const Granularity granularity : {Granularity::per_layer, Granularity::per_channel, Granularity::per_group}) {
      Case c{"rk3588", {types, Layout::transposed, false, granularity, true, false, 32}, shapes[1]};
      Matmul mm(find_chip(c.chip), c.spec, shapes);
      CHECK_EQ(mm.shape(), shapes[0]);
      std::mt19937 random(4);
      const Tables t = random_tables(c, random, 96, 128);
      set(mm, t);
      for (const int i : {2, 0, 1, 0}) {
        c.shape = shapes[std::size_t(i)];
        Data d(c);
        mm.select(c.shape);
        bind(mm, d);
        mm.run();
        CHECK_EQ(wrong(c, d, t), 0);
      }
    }
  Matmul mm(find_chip("rk3588"), {}, {{1, 32, 16}, {2, 32, 16}});
  CHECK_EQ(error_of([&] { mm.select({3, 32, 16}); }), "matmul: shape 3x32x16 (M, K, N); accepted: 1x32x16, 2x32x16");
}
