#include "session/convert.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

using namespace ez_rknn;

TEST_CASE("nchw_to_nhwc moves every element to its place, for every size and odd counts") {
  for (std::size_t bytes : {1, 2, 4, 8})
    for (std::size_t channels : {1, 2, 3, 4, 5, 17, 130})
      for (std::size_t pixels : {1, 7, 64, 129}) {
        const std::size_t batch = 2, count = batch * channels * pixels;
        std::vector<std::uint64_t> index(count);
        std::iota(index.begin(), index.end(), 0);
        std::vector<std::uint8_t> from(count * bytes), to(count * bytes, 0xee);
        for (std::size_t i = 0; i < count; ++i) std::memcpy(&from[i * bytes], &index[i], bytes);
        nchw_to_nhwc(from.data(), to.data(), batch, channels, pixels, bytes);
        bool good = true;
        for (std::size_t b = 0; b < batch; ++b)
          for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t p = 0; p < pixels; ++p)
              good &= !std::memcmp(&from[((b * channels + c) * pixels + p) * bytes],
                                   &to[((b * pixels + p) * channels + c) * bytes], bytes);
        CAPTURE(bytes);
        CAPTURE(channels);
        CAPTURE(pixels);
        CHECK(good);
      }
}

// The zero point was added before rounding once: halves then went to the even number with it, not without it.
TEST_CASE(
    "requantise rounds as a runtime quantises: halves to even in front of the zero point, then held to the type") {
  const auto of = [](int x, Quantisation from, Quantisation to) {
    std::int8_t v = static_cast<std::int8_t>(x);
    requantise(&v, ElementType::int8, 1, from, to);
    return int(v);
  };
  for (int zero : {-4, -3, 0, 1, 2}) {
    CAPTURE(zero);
    CHECK_EQ(of(1, {0.5f, 0}, {1.0f, zero}), 0 + zero);    // 0.5
    CHECK_EQ(of(3, {0.5f, 0}, {1.0f, zero}), 2 + zero);    // 1.5
    CHECK_EQ(of(5, {0.5f, 0}, {1.0f, zero}), 2 + zero);    // 2.5
    CHECK_EQ(of(-3, {0.5f, 2}, {1.0f, zero}), -2 + zero);  // -2.5
    CHECK_EQ(of(-7, {0.25f, 0}, {1.0f, zero}), -2 + zero);
  }
  CHECK_EQ(of(127, {1.0f, 0}, {0.5f, 0}), 127);
  CHECK_EQ(of(-128, {1.0f, 0}, {0.5f, 3}), -128);
}
