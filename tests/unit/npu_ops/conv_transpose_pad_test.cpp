#include <doctest/doctest.h>

#include "bench.hpp"
#include "ez_rknn/error.hpp"

using namespace ops_test;

namespace {

struct Case {
  Bench bench{"exConvTransposePad"};
  Memory* out;

  Case(std::int64_t height, std::int64_t width) {
    bench.attributes().values["kernel_shape"] = std::vector<std::int64_t>{3, 2};
    bench.attributes().values["strides"] = std::vector<std::int64_t>{2, 3};
    bench.attributes().values["pads"] = std::vector<std::int64_t>{1, 0, 1, 0};
    bench.input(DType::i8, {1, 1, 2, 2}, {0.5f, -3}).put({1, 2, 3, 4});
    out = &bench.output(DType::i8, {1, 1, height, width}, {0.5f, -3});
  }
};

}  // namespace

TEST_CASE("the inputs of a transposed convolution are spread over zeros, its pads taken off the border") {
  Case c(5, 6);
  c.bench.run();
  const std::vector<double> want{0, 0, 0, 0, 0, 0,  //
                                 0, 1, 0, 0, 2, 0,  //
                                 0, 0, 0, 0, 0, 0,  //
                                 0, 3, 0, 0, 4, 0,  //
                                 0, 0, 0, 0, 0, 0};
  CHECK_EQ(c.out->get(), want);
  CHECK(c.out->surroundings_intact());
}

TEST_CASE("inputs that do not fit between the pads are refused") {
  CHECK_THROWS_AS(Case(3, 6).bench.prepare(), Unsupported);
  Case cropped(5, 6);
  cropped.bench.attributes().values["pads"] = std::vector<std::int64_t>{3, 0, 3, 0};
  CHECK_THROWS_AS(cropped.bench.prepare(), Unsupported);
  Case negative(5, 6);
  negative.bench.attributes().values["strides"] = std::vector<std::int64_t>{-1, 1};
  CHECK_THROWS_AS(negative.bench.prepare(), ModelError);
}
