#pragma once
/// Runs of elements from one type to another, with a mean and standard deviation that may differ by channel.
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "core/tensor_view.hpp"
#include "npu/io/values.hpp"

namespace ez_rknn::npu::io {

/// (x - mean[c]) / std[c]. Empty: nothing to do; one entry: the same for all channels.
struct ChannelScale {
  std::vector<float> mean, std;
  bool per_channel() const { return mean.size() > 1; }
};

/// Longest run convert() takes.
constexpr std::size_t kRun = 4096;

/// Converts runs. Immutable after construction.
class RunConverter {
 public:
  virtual ~RunConverter() = default;
  /// n <= kRun elements `stride` apart; all of channel `channel`.
  virtual void one_channel(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t channel,
                           std::byte* to) const = 0;
  /// The first element is of channel `first`, the next of the next, after the last channel the first follows again.
  virtual void all_channels(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t first,
                            std::byte* to) const = 0;
};

struct RunTypes {
  DType from = DType::f32, to = DType::f32;
  Quant from_quant, to_quant;
};

/// @param elements  how many there will be: a look-up table is made when it pays
std::unique_ptr<RunConverter> make_run_converter(const RunTypes& types, ChannelScale scale, std::int64_t elements);

}  // namespace ez_rknn::npu::io
