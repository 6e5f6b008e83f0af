#include "npu/kernels/conv/stage_copy.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace ez_rknn::npu::kernels;

// Pixels go in rising order, and a copy may write up to the padded channel count: what lies behind that is left alone.
TEST_CASE("pixels of any number of channels are staged as they are, from slices of wider pixels too") {
  std::mt19937 random(1);
  for (const StageFormat* format : {&kStageI8, &kStageF16, &kStageF32})
    for (int channels = 1; channels <= 300; ++channels) {
      const int padded = (channels + 15) / 16 * 16, pixels = 5;
      for (const int gap : {0, 16, 48}) {
        const auto size = static_cast<std::ptrdiff_t>(format->source);
        const std::ptrdiff_t from_pixel = (padded + gap) * size, to_pixel = (padded + gap / 3) * size;
        std::vector<std::byte> from(static_cast<std::size_t>(from_pixel * pixels)),
            to(static_cast<std::size_t>(to_pixel * pixels), std::byte{0x5a}), want = to;
        for (std::byte& b : from) b = static_cast<std::byte>(random());
        format->copy(from.data(), from_pixel, to.data(), to_pixel, pixels, channels);
        for (std::ptrdiff_t p = 0; p < pixels; ++p) {
          for (std::ptrdiff_t i = 0; i < channels * size; ++i)
            want[std::size_t(p * to_pixel + i)] = from[std::size_t(p * from_pixel + i)];
          for (std::ptrdiff_t i = channels * size; i < padded * size; ++i)  // any value
            want[std::size_t(p * to_pixel + i)] = to[std::size_t(p * to_pixel + i)];
        }
        CAPTURE(channels);
        CAPTURE(gap);
        REQUIRE(to == want);
      }
    }
}
