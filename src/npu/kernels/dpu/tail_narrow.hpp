#pragma once
/// The last channel group of a layer where it has few channels: neighbouring pixels share the sixteen lanes, so that
/// the tail finishes as many at once as there are.
#include <memory>
#include <span>

#include "npu/kernels/dpu/tail.hpp"

namespace ez_rknn::npu::kernels {

class NarrowTail {
 public:
  /// Null where it does not pay or fit: more than four channels (before a look-up table eight), a
  /// result that is not int8, an operand per channel.
  /// @param ranges, isa  as for make_tail
  static std::unique_ptr<const NarrowTail> make(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa);

  /// The layer's last group; its accumulators begin at `accumulators`.
  void operator()(const TailTile& tile, const std::byte* accumulators) const;

 private:
  void add_window_sums(const TailTile& tile, int first, int pixels, std::byte* sums) const;
  NarrowTail(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa, int used, int lanes);

  const int first_;  ///< channel of the layer
  const int used_;   ///< channels
  const int lanes_;  ///< that a pixel gets: 1, 2, 4 or 8
  const std::size_t operand_size_;
  const std::unique_ptr<const Tail> tail_;  ///< over sixteen lanes, each with its channel's numbers
};

}  // namespace ez_rknn::npu::kernels
