#pragma once
/// A function of one byte, tabulated: operands of 8 bits have 256 values, so whatever happens to them between loading
/// and storing is computed once and looked up from then on.
#include <array>

#include "npu/ops/nest.hpp"
#include "npu/ops/rows.hpp"

namespace ez_rknn::npu::ops {

class ByteTable {
 public:
  ByteTable() = default;
  /// `function(double* numbers, int n)` replaces each number by its result. `from` must be of one byte.
  template <class F>
  ByteTable(DType from, Quant from_quant, DType to, Quant to_quant, F function)
      : from_(from), to_(to), from_quant_(from_quant), to_quant_(to_quant) {
    std::array<std::uint8_t, 256> codes;
    for (std::size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::uint8_t>(i);
    std::array<double, 256> numbers;
    load_row({reinterpret_cast<const std::byte*>(codes.data()), from, {}, {}, from_quant}, 0, 1, 256, numbers.data());
    function(numbers.data(), 256);
    store_row({entries_.data(), to, {}, {}, to_quant}, 0, 1, 256, numbers.data());
  }

  static bool can_index(DType t) { return size_of(t) == 1 && t != DType::i4; }
  /// True when the table was made for these types.
  bool fits(const ConstTensorView& from, const TensorView& to) const {
    return from.dtype == from_ && from.quant == from_quant_ && stored_alike(to_, to_quant_, to.dtype, to.quant);
  }
  /// Looks up along a tidy nest.
  void run(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest) const {
    switch (size_of(to.dtype)) {
      case 1: return walk<std::uint8_t>(from, to, nest);
      case 2: return walk<std::uint16_t>(from, to, nest);
      case 4: return walk<std::uint32_t>(from, to, nest);
      default: return walk<std::uint64_t>(from, to, nest);
    }
  }

 private:
  template <class T>
  void walk(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest) const {
    const auto* table = reinterpret_cast<const T*>(entries_.data());
    nest.rows([&](const auto& at, std::int64_t n, const auto& step) {
      const std::uint8_t* s = from.as<std::uint8_t>() + at[0];
      T* d = to.as<T>() + at[1];
      if (step[0] == 1 && step[1] == 1) {
        for (std::int64_t i = 0; i < n; ++i) d[i] = table[s[i]];
      } else {
        for (std::int64_t i = 0; i < n; ++i) d[i * step[1]] = table[s[i * step[0]]];
      }
    });
  }

  DType from_ = DType::f32, to_ = DType::f32;
  Quant from_quant_, to_quant_;
  alignas(8) std::array<std::byte, 256 * 8> entries_{};
};

}  // namespace ez_rknn::npu::ops
