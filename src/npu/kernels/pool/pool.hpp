#pragma once
/// The PPU: max, min and average pooling over channels-last maps.
#include <memory>
#include <optional>
#include <string_view>

#include "core/cpu.hpp"
#include "core/dtype.hpp"
#include "core/team.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::kernels {

struct PoolShape {
  enum class Kind { average, max, min } kind = Kind::max;
  DType type = DType::i8;  ///< i8, i16, f16 or bf16, of input and output alike
  int in_h = 0, in_w = 0, channels = 0, out_h = 0, out_w = 0;
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0, pad_left = 0;
  /// Average: sum of the window (padding counts as pad_value) times reciprocal_w * reciprocal_h, rounded to nearest,
  /// ties to even, once.
  std::int64_t pad_value = 0;
  double reciprocal_h = 0, reciprocal_w = 0;
};

class Pool {
 public:
  virtual ~Pool() = default;
  virtual void run(const ConstMap& in, const Map& out, Team& team) const = 0;
  virtual std::string_view kernel() const = 0;
};

/// Max and min ignore padding.
std::unique_ptr<Pool> prepare_pool(const PoolShape& shape, std::optional<cpu::Isa> isa = std::nullopt);

}  // namespace ez_rknn::npu::kernels
