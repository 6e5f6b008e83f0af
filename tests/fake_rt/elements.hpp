#pragma once
/// Elements of any ABI type to and from double, and a fresh look at dimension orders: written apart from the engine's.
#include <cstdint>
#include <cstring>
#include <vector>

#include "abi/rknn.h"
#include "core/fp16.hpp"

namespace fake {

inline std::size_t bytes_of(int type) {
  static constexpr std::size_t kBytes[] = {4, 2, 1, 1, 2, 2, 4, 4, 8, 1};
  return kBytes[type];
}

template <class T>
double read_as(const void* p, std::size_t i) {
  T v;
  std::memcpy(&v, static_cast<const char*>(p) + i * sizeof(T), sizeof(T));
  return static_cast<double>(v);
}
inline double read(const void* p, std::size_t i, int type) {
  switch (type) {
    case RKNN_TENSOR_FLOAT32: return read_as<float>(p, i);
    case RKNN_TENSOR_FLOAT16: {
      std::uint16_t h;
      std::memcpy(&h, static_cast<const char*>(p) + 2 * i, 2);
      return ez_rknn::half_to_float(h);
    }
    case RKNN_TENSOR_INT8: return read_as<std::int8_t>(p, i);
    case RKNN_TENSOR_UINT8: return read_as<std::uint8_t>(p, i);
    case RKNN_TENSOR_INT16: return read_as<std::int16_t>(p, i);
    case RKNN_TENSOR_UINT16: return read_as<std::uint16_t>(p, i);
    case RKNN_TENSOR_INT32: return read_as<std::int32_t>(p, i);
    case RKNN_TENSOR_UINT32: return read_as<std::uint32_t>(p, i);
    case RKNN_TENSOR_INT64: return read_as<std::int64_t>(p, i);
    default: return read_as<std::uint8_t>(p, i) != 0;
  }
}

template <class T>
void write_as(void* p, std::size_t i, double v) {
  const T t = static_cast<T>(v);
  std::memcpy(static_cast<char*>(p) + i * sizeof(T), &t, sizeof(T));
}
inline void write(void* p, std::size_t i, int type, double v) {
  switch (type) {
    case RKNN_TENSOR_FLOAT32: return write_as<float>(p, i, v);
    case RKNN_TENSOR_FLOAT16: {
      const std::uint16_t h = ez_rknn::float_to_half(static_cast<float>(v));
      std::memcpy(static_cast<char*>(p) + 2 * i, &h, 2);
      return;
    }
    case RKNN_TENSOR_INT8: return write_as<std::int8_t>(p, i, v);
    case RKNN_TENSOR_UINT8: return write_as<std::uint8_t>(p, i, v);
    case RKNN_TENSOR_INT16: return write_as<std::int16_t>(p, i, v);
    case RKNN_TENSOR_UINT16: return write_as<std::uint16_t>(p, i, v);
    case RKNN_TENSOR_INT32: return write_as<std::int32_t>(p, i, v);
    case RKNN_TENSOR_UINT32: return write_as<std::uint32_t>(p, i, v);
    case RKNN_TENSOR_INT64: return write_as<std::int64_t>(p, i, v);
    default: return write_as<std::uint8_t>(p, i, v != 0);
  }
}

/// Where element i of an NHWC tensor lies in the same tensor stored NCHW.
inline std::size_t nhwc_to_nchw_index(std::size_t i, const std::vector<std::uint32_t>& nhwc) {
  const std::size_t h = nhwc[1], w = nhwc[2], c = nhwc[3];
  const std::size_t ic = i % c, iw = i / c % w, ih = i / c / w % h, in = i / c / w / h;
  return ((in * c + ic) * h + ih) * w + iw;
}

}  // namespace fake
