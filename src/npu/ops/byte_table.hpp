#pragma once
/// A function of one byte, tabulated: operands of 8 bits have 256 values, so whatever happens to them between loading
/// and storing is computed once and looked up from then on. Tables that only hold codes to limits (Clip, Relu) are not
/// looked up: comparing is vector code.
#include <algorithm>
#include <array>
#include <optional>

#include "npu/kernels/byte_map.hpp"
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
    if (from == to && (to == DType::i8 || to == DType::u8)) limits_ = find_limits(to == DType::i8 ? 0x80 : 0);
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
  /// Codes as unsigned numbers in the order of what they mean.
  struct Limits {
    std::uint8_t low, high, flip;
    std::uint8_t operator()(std::uint8_t code) const {
      return static_cast<std::uint8_t>(std::clamp(static_cast<std::uint8_t>(code ^ flip), low, high) ^ flip);
    }
  };

  std::optional<Limits> find_limits(std::uint8_t flip) const {
    const auto entry = [&](int code) {
      return std::to_integer<std::uint8_t>(entries_[static_cast<std::size_t>(code)]);
    };
    const auto ordered = [&](int code) { return static_cast<std::uint8_t>(entry(code ^ flip) ^ flip); };
    const Limits limits{ordered(0), ordered(255), flip};
    if (limits.low > limits.high) return std::nullopt;
    for (int code = 0; code < 256; ++code)
      if (limits(static_cast<std::uint8_t>(code)) != entry(code)) return std::nullopt;
    return limits;
  }

  template <class T>
  void walk(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest) const {
    const auto* table = reinterpret_cast<const T*>(entries_.data());
    if constexpr (sizeof(T) == 1) {
      if (limits_) return walk<T>(from, to, nest, [limits = *limits_](std::uint8_t code) { return limits(code); });
      const int inner = nest.rank() - 1;
      if (inner >= 0 && nest.step(inner) == Nest<2>::Steps{1, 1}) return map_runs(from, to, nest);
    }
    walk<T>(from, to, nest, [table](std::uint8_t code) { return table[code]; });
  }
  template <class T, class F>
  static void walk(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest, F function) {
    nest.rows([&](const auto& at, std::int64_t n, const auto& step) {
      const std::uint8_t* s = from.as<std::uint8_t>() + at[0];
      T* d = to.as<T>() + at[1];
      if (step[0] == 1 && step[1] == 1) {
        for (std::int64_t i = 0; i < n; ++i) d[i] = function(s[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i) d[i * step[1]] = function(s[i * step[0]]);
      }
    });
  }

  /// Bytes to bytes, neighbours on both sides: the two innermost loops at once, since runs may be short.
  void map_runs(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest) const {
    const auto* table = reinterpret_cast<const std::uint8_t*>(entries_.data());
    const kernels::MapBytes map = kernels::map_bytes();
    const int inner = nest.rank() - 1, outer = std::max(inner - 1, 0);
    kernels::ByteRuns runs;
    runs.bytes = static_cast<std::size_t>(nest.size(inner));
    if (inner > 0) {
      runs.count = static_cast<std::size_t>(nest.size(outer));
      runs.from_step = nest.step(outer)[0], runs.to_step = nest.step(outer)[1];
    }
    nest.walk(outer, [&](const Nest<2>::Steps& at) {
      runs.from = from.data + at[0], runs.to = to.data + at[1];
      map(table, runs);
    });
  }

  DType from_ = DType::f32, to_ = DType::f32;
  Quant from_quant_, to_quant_;
  std::optional<Limits> limits_;
  alignas(8) std::array<std::byte, 256 * 8> entries_{};
};

}  // namespace ez_rknn::npu::ops
