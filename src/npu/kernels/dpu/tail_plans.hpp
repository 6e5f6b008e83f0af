#pragma once
/// Faster forms of a tail, where a layer allows them.
#include <optional>
#include <span>
#include <vector>

#include "npu/kernels/dpu/layer.hpp"
#include "npu/kernels/dpu/tail_bounds.hpp"
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {

/// AffineParams with the arrays they point to.
struct AffinePlan {
  std::vector<std::int32_t> bias;
  std::vector<float> slope, slope_negative, start;
  AffineParams params;
};

/// Nothing when the layer is more than one multiplication, or rounds so coarsely that the exact path would decide
/// often.
std::optional<AffinePlan> plan_affine(const DpuLayer& layer, std::span<const Interval> ranges);

/// LinearParams with the arrays they point to.
struct LinearPlan {
  enum class Form { plain, bias, add, table } form = Form::plain;
  std::vector<float> bias, slope, added;
  std::vector<float> entries;
  LinearParams params;
};

/// Nothing when the layer is not a float pipeline into f16 whose stages are one line a channel, then either limits, an
/// f16 operand and limits, or a table of equal steps.
std::optional<LinearPlan> plan_linear(const DpuLayer& layer);

/// The layer's int8 result for every input of its look-up table, first to last.
std::vector<std::uint8_t> plan_bytes(const DpuLayer& layer);

/// Whether inputs beyond the table's ends give other results than its ends.
bool ends_matter(const DpuLayer& layer, std::span<const std::uint8_t> bytes);

/// Where a result moves, and by how much.
struct Change {
  std::int64_t behind = 0;  ///< the last position before
  int step = 0;
};

/// By the index in `bytes`, which are int8.
std::vector<Change> changes_of(std::span<const std::uint8_t> bytes);

/// The tables of segments of 2^shift positions. False when a segment both rises and falls or has more than `most`
/// places, or when changes lie behind all segments.
/// @param changes  in order, none behind a negative position
/// @param first    the result at position 0
bool fill_segments(std::span<const Change> changes, std::uint8_t first, int shift, int most, SegmentTables& tables);

/// A result over all integers.
struct Steps {
  std::uint8_t first = 0;  ///< before all changes
  std::vector<Change> changes;
};

/// The layer's int8 result over the inputs of its look-up table, those beyond the table included.
/// @param bytes  plan_bytes of the layer
Steps steps_of_inputs(const DpuLayer& layer, std::span<const std::uint8_t> bytes);

/// Whether the results show which way round(q * bn), the table's input, takes halves. The factor is positive.
bool ties_matter(const DpuLayer& layer, const Steps& inputs);

/// FusedParams with the arrays they point to.
struct FusedPlan {
  double held = 0;  ///< accumulators that limits hold back are at least this behind BS
  std::vector<std::int32_t> bias;
  std::vector<float> bs;
  std::vector<std::int32_t> factor, most;                ///< empty: 32 bits do not do
  std::vector<std::int32_t> start, least_sum, most_sum;  ///< empty with an operand
  double largest = 0;                                    ///< of the products, where no sum is held
  FusedParams params;
};

/// Nothing when the stages are more than that, or values may pass 2^22 while they still matter.
/// @param inputs  steps_of_inputs of a layer with a look-up table; null: all inputs of the table matter
std::optional<FusedPlan> plan_fused(const DpuLayer& layer, std::span<const Interval> ranges,
                                    const Steps* inputs = nullptr);

/// StepParams with the tables they point to.
struct StepPlan {
  std::vector<std::uint8_t> tables, by_sign;
  StepParams params;
};

/// By segments where results turn no more than once, from falling to rising, and few places and tables are needed, else
/// by the results of all positions. Nothing when there are more than 2^16.
/// @param inputs     steps_of_inputs of the layer
/// @param entries    of a table, a power of two; 256: one table, for which positions may be stretched
/// @param load_cost  from how many vector operations on loads are quicker (TailKernels); 0: there are none
std::optional<StepPlan> plan_steps(const DpuLayer& layer, const Steps& inputs, const FusedPlan& fused, int entries,
                                   int load_cost);

}  // namespace ez_rknn::npu::kernels
