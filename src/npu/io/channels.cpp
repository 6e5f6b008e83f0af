#include "npu/io/channels.hpp"

#include <cstring>

namespace ez_rknn::npu::io {
namespace {

template <class Real>
class Arithmetic final : public RunConverter {
 public:
  Arithmetic(const RunTypes& types, ChannelScale scale)
      : load_(loader<Real>(types.from)),
        store_(storer<Real>(types.to)),
        from_(types.from_quant),
        to_(types.to_quant),
        scale_(std::move(scale)) {
    if (!scale_.per_channel()) return;
    const std::size_t channels = scale_.mean.size();
    mean_run_.resize(channels + kRun);  // any first channel, any run
    std_run_.resize(channels + kRun);
    for (std::size_t i = 0; i < mean_run_.size(); ++i) {
      mean_run_[i] = scale_.mean[i % channels];
      std_run_[i] = scale_.std[i % channels];
    }
  }

  void one_channel(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t channel,
                   std::byte* to) const override {
    Real values[kRun];
    load(from, stride, n, values);
    if (!scale_.mean.empty()) {
      const std::size_t c = scale_.per_channel() ? channel : 0;
      const Real mean = scale_.mean[c], std = scale_.std[c];
      for (std::size_t i = 0; i < n; ++i) values[i] = (values[i] - mean) / std;
    }
    store_(values, n, to_, to);
  }

  void all_channels(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t first,
                    std::byte* to) const override {
    if (!scale_.per_channel()) return one_channel(from, stride, n, 0, to);
    Real values[kRun];
    load(from, stride, n, values);
    const Real *mean = mean_run_.data() + first, *std = std_run_.data() + first;
    for (std::size_t i = 0; i < n; ++i) values[i] = (values[i] - mean[i]) / std[i];
    store_(values, n, to_, to);
  }

 private:
  void load(const std::byte* from, std::ptrdiff_t stride, std::size_t n, Real* values) const {
    load_(from, stride, n, values);
    if (from_ == Quant{}) return;
    const Real zero_point = static_cast<Real>(from_.zero_point), scale = from_.scale;
    for (std::size_t i = 0; i < n; ++i) values[i] = (values[i] - zero_point) * scale;
  }

  const Loader<Real> load_;
  const Storer<Real> store_;
  const Quant from_, to_;
  const ChannelScale scale_;
  std::vector<Real> mean_run_, std_run_;
};

/// Bytes to f32 with no mean: Arithmetic's steps in one pass.
template <class T>
class Dequantise final : public RunConverter {
 public:
  explicit Dequantise(Quant quant) : zero_point_(static_cast<float>(quant.zero_point)), scale_(quant.scale) {}

  void one_channel(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t,
                   std::byte* to) const override {
    const float zero_point = zero_point_, scale = scale_;  // copies, which stores cannot change
    const auto value = [=](std::byte b) { return (static_cast<float>(static_cast<T>(b)) - zero_point) * scale; };
    if (stride == 1)  // a loop of its own: this one vectorises
      for (std::size_t i = 0; i < n; ++i) put(value(from[i]), to + i * sizeof(float));
    else
      for (std::size_t i = 0; i < n; ++i)
        put(value(from[static_cast<std::ptrdiff_t>(i) * stride]), to + i * sizeof(float));
  }
  void all_channels(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t first,
                    std::byte* to) const override {
    one_channel(from, stride, n, first, to);
  }

 private:
  static void put(float value, std::byte* to) { std::memcpy(to, &value, sizeof value); }

  const float zero_point_, scale_;
};

/// One-byte elements have 256 values: their results are looked up. W holds one result.
template <class W>
class Table final : public RunConverter {
 public:
  Table(const RunConverter& arithmetic, std::size_t channels) : tables_(channels) {
    std::array<std::byte, 256> every;
    for (std::size_t v = 0; v < 256; ++v) every[v] = std::byte(v);
    for (std::size_t c = 0; c < channels; ++c)
      arithmetic.one_channel(every.data(), 1, 256, c, reinterpret_cast<std::byte*>(tables_[c].data()));
  }

  void one_channel(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t channel,
                   std::byte* to) const override {
    look_up(tables_[tables_.size() > 1 ? channel : 0], from, stride, n, to, 1);
  }

  void all_channels(const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::size_t first,
                    std::byte* to) const override {
    const std::size_t channels = tables_.size();
    for (std::size_t k = 0; k < channels && k < n; ++k)
      look_up(tables_[(first + k) % channels], from + static_cast<std::ptrdiff_t>(k) * stride,
              stride * static_cast<std::ptrdiff_t>(channels), (n - k + channels - 1) / channels, to + k * sizeof(W),
              channels);
  }

 private:
  using Entries = std::array<W, 256>;

  static void look_up(const Entries& table, const std::byte* from, std::ptrdiff_t stride, std::size_t n, std::byte* to,
                      std::size_t to_stride) {
    for (std::size_t i = 0; i < n; ++i) {
      const W value = table[std::to_integer<std::size_t>(from[static_cast<std::ptrdiff_t>(i) * stride])];
      std::memcpy(to + i * to_stride * sizeof(W), &value, sizeof(W));
    }
  }

  std::vector<Entries> tables_;
};

}  // namespace

std::unique_ptr<RunConverter> make_run_converter(const RunTypes& types, ChannelScale scale, std::int64_t elements) {
  const std::size_t channels = scale.per_channel() ? scale.mean.size() : 1;
  if (is_wide(types.from) || is_wide(types.to)) return std::make_unique<Arithmetic<double>>(types, std::move(scale));
  if (types.to == DType::f32 && scale.mean.empty()) {
    if (types.from == DType::i8) return std::make_unique<Dequantise<std::int8_t>>(types.from_quant);
    if (types.from == DType::u8) return std::make_unique<Dequantise<std::uint8_t>>(types.from_quant);
  }
  auto arithmetic = std::make_unique<Arithmetic<float>>(types, std::move(scale));
  // A look-up costs about half of the arithmetic; making a table costs 256 elements.
  const bool pays = channels <= 16 && elements >= static_cast<std::int64_t>(channels) * 2048;
  if (size_of(types.from) != 1 || !pays) return arithmetic;
  if (size_of(types.to) == 1) return std::make_unique<Table<std::uint8_t>>(*arithmetic, channels);
  if (size_of(types.to) == 2) return std::make_unique<Table<std::uint16_t>>(*arithmetic, channels);
  return arithmetic;
}

}  // namespace ez_rknn::npu::io
