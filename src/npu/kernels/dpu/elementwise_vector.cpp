/// Element-wise layers in general: elements are widened into a buffer that stays in L1, and the DPU's tail takes them
/// from there as it takes a convolution's accumulators.
#include <algorithm>

#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/element.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kBuffer = 2048;              ///< elements, four bytes each
constexpr std::int64_t kItem = 16 * 1024;  ///< elements of a piece of work

Interval range_of(DType t) { return {static_cast<double>(lowest_of(t)), static_cast<double>(highest_of(t))}; }

void copy_words(const std::byte* from, std::byte* to, std::size_t n) { std::memcpy(to, from, n * 4); }

Widen widen_for(const ElementKernels& k, DType input, bool real) {
  switch (input) {
    case DType::i8: return real ? k.i8_to_f32 : k.i8_to_i32;
    case DType::i16: return real ? k.i16_to_f32 : k.i16_to_i32;
    case DType::i32: return real ? k.i32_to_f32 : copy_words;
    case DType::f16: return k.f16_to_f32;
    case DType::bf16: return k.bf16_to_f32;
    default: return copy_words;
  }
}

class VectorLayer final : public ElementWiseLayer {
 public:
  VectorLayer(DType input, const DpuLayer& layer, const ElementKernels& kernels, std::string_view name,
              std::unique_ptr<const Tail> tail)
      : element_(static_cast<std::ptrdiff_t>(size_of(input))),
        padded_(padded_channels(layer.channels)),
        widen_(widen_for(kernels, input, layer.real)),
        name_(name),
        tail_(std::move(tail)) {}

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, int height, int width,
           Team& team) const override {
    const std::int64_t row = std::int64_t{width} * padded_;
    const int rows = static_cast<int>(std::clamp<std::int64_t>(kItem / row, 1, height));
    const auto items = static_cast<std::size_t>((height + rows - 1) / rows);
    const auto body = [&](std::size_t item, int) {
      const int first = static_cast<int>(item) * rows, last = std::min(first + rows, height);
      for (int y = first; y < last; ++y) run_row(in, operand, out, y, width);
    };
    share(team, items, kTailWork * static_cast<std::uint64_t>(row * height), body);
  }
  std::string_view kernel() const override { return name_; }

 private:
  void run_row(const ConstMap& in, const ConstMap& operand, const Map& out, int y, int width) const {
    alignas(64) std::byte buffer[kBuffer * 4];
    const int channels = std::min(padded_, kBuffer), pixels = kBuffer / channels;
    TailTile tile;
    tile.accumulators = buffer;
    tile.accumulator_pixel = std::ptrdiff_t{channels} * 4;
    tile.operand_pixel = tail_->operand_pixel(operand);
    tile.out_pixel = out.pixel;
    for (int x = 0; x < width; x += pixels) {
      tile.pixels = std::min(pixels, width - x);
      tile.operand = tail_->operand_at(operand, y, x);
      tile.out = out.data + y * out.row + x * out.pixel;
      const std::byte* source = in.data + y * in.row + x * in.pixel;
      for (int c = 0; c < padded_; c += channels) {
        const int n = std::min(channels, padded_ - c);
        tile.first_group = c / kChannelAlign, tile.groups = n / kChannelAlign;
        fill(source + c * element_, in.pixel, tile.pixels, n, tile.accumulator_pixel, buffer);
        (*tail_)(tile);
      }
    }
  }

  void fill(const std::byte* source, std::ptrdiff_t pixel, int pixels, int channels, std::ptrdiff_t to_pixel,
            std::byte* to) const {
    const auto n = static_cast<std::size_t>(channels);
    if (pixel == channels * element_) return widen_(source, to, n * static_cast<std::size_t>(pixels));
    for (int p = 0; p < pixels; ++p) widen_(source + p * pixel, to + p * to_pixel, n);
  }

  const std::ptrdiff_t element_;
  const int padded_;
  const Widen widen_;
  const std::string_view name_;
  const std::unique_ptr<const Tail> tail_;
};

}  // namespace

std::unique_ptr<ElementWiseLayer> make_elementwise_vector(DType input, const DpuLayer& layer,
                                                          const ElementKernels& kernels, std::string_view name,
                                                          cpu::Isa tail) {
  DpuLayer own = layer;
  own.accumulator_shift = 0;  // the CORE's, which an element-wise layer does not pass
  const Interval range = layer.real ? Interval{} : range_of(input);
  return std::make_unique<VectorLayer>(input, layer, kernels, name, make_tail(own, {&range, 1}, tail));
}

}  // namespace ez_rknn::npu::kernels
