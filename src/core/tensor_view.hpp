#pragma once
/// A tensor somewhere in memory: pointer, element type, logical shape and a stride for every dimension. Everything the
/// software NPU and the engine move or compute on is one of these, so a layout (NCHW, NHWC padded to 16 channels, a
/// channel range of a Concat) is nothing but strides.
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "core/dtype.hpp"

namespace ez_rknn {

/// Up to 16 dimensions (the ABI's limit) without an allocation. Unused entries are 0, so that == compares all.
class Dims {
 public:
  static constexpr int kMax = 16;
  constexpr Dims() = default;
  constexpr Dims(std::initializer_list<std::int64_t> v) {
    for (auto d : v) push_back(d);
  }
  template <class T>
  explicit constexpr Dims(std::span<T> v) {
    for (auto d : v) push_back(static_cast<std::int64_t>(d));
  }

  constexpr int rank() const { return rank_; }
  constexpr std::int64_t operator[](int i) const { return v_[static_cast<std::size_t>(i)]; }
  constexpr std::int64_t& operator[](int i) { return v_[static_cast<std::size_t>(i)]; }
  constexpr std::int64_t back() const { return v_[static_cast<std::size_t>(rank_ - 1)]; }
  /// Dimensions beyond the 16th are dropped: readers of untrusted data check the rank first.
  constexpr void push_back(std::int64_t d) {
    if (rank_ < kMax) v_[static_cast<std::size_t>(rank_++)] = d;
  }
  constexpr const std::int64_t* begin() const { return v_.data(); }
  constexpr const std::int64_t* end() const { return v_.data() + rank_; }
  constexpr std::int64_t* begin() { return v_.data(); }
  constexpr std::int64_t* end() { return v_.data() + rank_; }
  constexpr std::int64_t elements() const {
    std::int64_t n = 1;
    for (auto d : *this) n *= d;
    return n;
  }
  constexpr bool operator==(const Dims&) const = default;

 private:
  std::array<std::int64_t, kMax> v_{};
  int rank_ = 0;
};

/// "[1, 3, 640, 640]"
std::string to_string(const Dims& d);

/// Row-major strides, in elements.
constexpr Dims dense_strides(const Dims& shape) {
  Dims s = shape;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) s[i] = step, step *= shape[i];
  return s;
}

/// real = (q - zero_point) * scale. Float tensors have scale 1 and zero point 0.
struct Quant {
  float scale = 1.0f;
  std::int32_t zero_point = 0;
  constexpr bool operator==(const Quant&) const = default;
};

/// Borrowed memory; whoever hands out a view says how long it lives. `data` is null for an operand that is absent.
template <class Byte>
struct BasicTensorView {
  Byte* data = nullptr;
  DType dtype = DType::f32;
  Dims shape;    ///< logical order (ONNX: NCHW for images), elements
  Dims strides;  ///< one per dimension, in elements; never negative
  Quant quant;

  explicit operator bool() const { return data != nullptr; }
  bool is_dense() const { return strides == dense_strides(shape); }
  template <class T>
  auto as() const {
    if constexpr (std::is_const_v<Byte>) return reinterpret_cast<const T*>(data);
    else return reinterpret_cast<T*>(data);
  }
  operator BasicTensorView<const Byte>() const
    requires(!std::is_const_v<Byte>)
  {
    return {data, dtype, shape, strides, quant};
  }
};
using TensorView = BasicTensorView<std::byte>;
using ConstTensorView = BasicTensorView<const std::byte>;

}  // namespace ez_rknn
