#pragma once
/// Models, numbers and pixels for the tests of bound runs.
#include <cstdint>
#include <numeric>
#include <vector>

#include "ez_rknn/binding.hpp"
#include "fake.hpp"

namespace fake {

inline constexpr const char* kVector = "inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32;compute=affine 2 1";
/// 4x5 pixels of 3 channels in, the same out in the interface's NCHW order.
inline constexpr const char* kImage = "inputs=x:1x4x5x3:NHWC:i8;outputs=y:1x3x4x5:NCHW:i8;scale=0.5;zp=3";

inline std::vector<float> floats(const Value& v) {
  const Tensor t = v.read();
  return {t.as<float>().begin(), t.as<float>().end()};
}

inline std::vector<std::int8_t> bytes(const Value& v) {
  const Tensor t = v.read();
  return {t.as<std::int8_t>().begin(), t.as<std::int8_t>().end()};
}

/// 60 numbers, every one different, as the runtime's own order (NHWC) and as the caller's (NCHW).
struct Pixels {
  std::vector<std::int8_t> nhwc, nchw;
  Pixels() : nhwc(60), nchw(60) {
    std::iota(nhwc.begin(), nhwc.end(), std::int8_t{0});
    for (std::size_t p = 0; p < 20; ++p)
      for (std::size_t c = 0; c < 3; ++c) nchw[c * 20 + p] = nhwc[p * 3 + c];
  }
  InputView view() const { return {nchw.data(), ElementType::int8, {1, 3, 4, 5}}; }
  Value value() { return Value::borrow(nchw.data(), ElementType::int8, {1, 3, 4, 5}); }
};

inline Runtime& runtime() { return Runtime::get(); }

}  // namespace fake
