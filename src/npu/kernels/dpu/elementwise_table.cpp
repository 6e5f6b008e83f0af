/// Element-wise layers from int8 to int8 without an operand: whatever the DPU does, it is a table of 256 values.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kItemBytes = 64 * 1024;

template <class T>
bool uniform(const Channels<T>& c) {
  return std::all_of(c.values.begin(), c.values.end(), [&](const T& v) { return v == c.values[0]; });
}
bool uniform(const std::optional<ResolvedStage>& s) { return !s || (uniform(s->alu_value) && uniform(s->mul_value)); }

using Table = std::array<std::uint8_t, 256>;

class TableLayer final : public ElementWiseLayer {
 public:
  TableLayer(const DpuLayer& layer, MapBytes map, std::string_view name)
      : channels_(layer.channels), map_(map), name_(name) {
    const int tables = uniform(layer.bs) && uniform(layer.bn) ? 1 : channels_;
    tables_.resize(static_cast<std::size_t>(tables));
    for (int c = 0; c < tables; ++c)
      for (int v = -128; v < 128; ++v)
        tables_[static_cast<std::size_t>(c)][static_cast<std::uint8_t>(v)] =
            static_cast<std::uint8_t>(dpu_ref(layer, c, v, 0));
  }

  void run(const ConstMap& in, const ConstMap&, const Map& out, int height, int width, Team& team) const override {
    const auto pixel = static_cast<std::size_t>(padded_channels(channels_));
    const std::size_t row = pixel * static_cast<std::size_t>(width), bytes = row * static_cast<std::size_t>(height);
    const int rows = static_cast<int>(std::clamp<std::size_t>(kItemBytes / row, 1, static_cast<std::size_t>(height)));
    const auto items = static_cast<std::size_t>((height + rows - 1) / rows);
    const auto body = [&](std::size_t item, int) {
      const int first = static_cast<int>(item) * rows, last = std::min(first + rows, height);
      for (int y = first; y < last; ++y)
        run_row(in.data + y * in.row, in.pixel, out.data + y * out.row, out.pixel, width);
    };
    share(team, items, kTableWork * bytes, body);
  }
  std::string_view kernel() const override { return name_; }

 private:
  void run_row(const std::byte* in, std::ptrdiff_t in_pixel, std::byte* out, std::ptrdiff_t out_pixel,
               int width) const {
    const auto used = static_cast<std::size_t>(channels_),
               padded = static_cast<std::size_t>(padded_channels(channels_));
    const auto pixels = static_cast<std::size_t>(width);
    if (tables_.size() == 1) {
      const bool one = used == padded && in_pixel == channels_ && out_pixel == channels_;
      map_(tables_[0].data(),
           one ? ByteRuns{in, out, used * pixels} : ByteRuns{in, out, used, pixels, in_pixel, out_pixel});
      if (used == padded) return;
    }
    for (int x = 0; x < width; ++x, in += in_pixel, out += out_pixel) {
      if (tables_.size() > 1)
        for (std::size_t c = 0; c < used; ++c) out[c] = std::byte{tables_[c][std::uint8_t(in[c])]};
      std::memset(out + used, 0, padded - used);
    }
  }

  const int channels_;
  const MapBytes map_;
  const std::string_view name_;
  std::vector<Table> tables_;  ///< one, or one a channel
};

}  // namespace

std::unique_ptr<ElementWiseLayer> make_elementwise_table(DType input, const DpuLayer& layer, MapBytes map,
                                                         std::string_view name) {
  if (layer.real || reads_operand(layer) || input != DType::i8 || layer.out_type != DType::i8) return nullptr;
  return std::make_unique<TableLayer>(layer, map, name);
}

}  // namespace ez_rknn::npu::kernels
