#pragma once
/// The DPU as the tail of another kernel: blocks of accumulators in, finished elements out. Prepared once a layer, with
/// the fastest loop that is exact for it; layers without one run value by value through the reference.
#include <memory>
#include <span>
#include <string_view>

#include "core/cpu.hpp"
#include "npu/kernels/dpu/layer.hpp"
#include "npu/kernels/dpu/tail_bounds.hpp"
#include "npu/kernels/dpu/tail_params.hpp"
#include "npu/kernels/map.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {

class Tail {
 public:
  virtual ~Tail() = default;
  void operator()(const TailTile& tile) const { function_(params_, tile); }
  /// Whether two_pixels() is there for a tail whose sixteen lanes are eight channels of two pixels.
  bool takes_two_pixels() const { return two_pixels_ != nullptr; }
  /// A tile of one group of which `used` channels matter: zeros in the others.
  void two_pixels(const TailTile& tile) const { two_pixels_(params_, tile); }
  const DpuLayer& layer() const { return *params_.layer; }
  bool operand() const { return params_.operand; }
  bool per_channel() const { return params_.per_channel; }
  /// "steps", "input_steps", "loads", "input_loads", "bytes", "fused_bytes", "words_bytes", "fused", "words",
  /// "words_held", "words_whole", "floors", "mended", "affine", "exact", "linear",
  /// "linear_bias", "linear_add", "linear_table", "real", "narrow" (one of these over shared lanes), "ref"
  std::string_view name() const { return name_; }

  /// Of layers that are a bias, an operand perhaps, and limits in halves: the parameters, and which lanes carry data.
  /// Null: others.
  const LinearParams* sums_of_halves() const {
    return name_ == "linear_bias" || name_ == "linear_add" ? &params_.linear : nullptr;
  }
  /// Of layers that round by floors, without limits of their own: bias, slopes and the rest. Null: others.
  const FusedParams* floors() const {
    return name_ == "floors" && !params_.fused.floor_limits ? &params_.fused : nullptr;
  }
  const std::int32_t* lanes() const { return params_.lanes; }

  /// Of an accumulator, in the units of share.hpp.
  std::uint64_t work() const { return layer().ew && layer().ew->lut ? kLookUpWork : kFinishWork; }

  /// Where the operand of pixel (y, x) is, and how far it is to the next pixel of the row.
  const std::byte* operand_at(const ConstMap& operand, std::ptrdiff_t y, std::ptrdiff_t x) const {
    if (!params_.operand) return nullptr;
    return params_.per_channel ? operand.data : operand.data + y * operand.row + x * operand.pixel;
  }
  std::ptrdiff_t operand_pixel(const ConstMap& operand) const {
    return params_.operand && !params_.per_channel ? operand.pixel : 0;
  }

 protected:
  TailParams params_;
  TailFunction function_ = nullptr, two_pixels_ = nullptr;
  std::string_view name_;
};

/// What a tile's accumulators are: int32, or f32 in a float pipeline; or integers held in f64.
enum class Accumulator { i32_f32, f64 };

/// Whether the tail of such a layer may be one of Tail::floors: to make it and see takes much longer.
bool may_round_by_floors(const DpuLayer& layer);

/// @param ranges  of the accumulators, one a channel or one for all; ignored by float pipelines. They must fit the
///                accumulators' type (f64: below 2^51).
/// @param isa     ceiling: the best loop up to it is taken
std::unique_ptr<const Tail> make_tail(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa,
                                      Accumulator accumulator = Accumulator::i32_f32);

}  // namespace ez_rknn::npu::kernels
