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
