#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/element.hpp"

namespace ez_rknn::npu::kernels {
namespace {

class ElementWiseRef final : public ElementWiseLayer {
 public:
  ElementWiseRef(DType input, const DpuLayer& layer) : input_(input), layer_(layer) {}

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, int height, int width,
           Team& team) const override {
    team.for_each(static_cast<std::size_t>(height), [&](std::size_t row, int) {
      const auto y = static_cast<std::ptrdiff_t>(row);
      for (int x = 0; x < width; ++x) {
        const std::byte* source = in.data + y * in.row + x * in.pixel;
        const std::byte* other = operand_pixel(layer_, operand, y, x);
        std::byte* pixel = out.data + y * out.row + x * out.pixel;
        for (int c = 0; c < layer_.channels; ++c, source += size_of(input_)) {
          if (layer_.real) finish_ref(layer_, c, load_real(source, input_), other, pixel);
          else finish_ref(layer_, c, load_integer(source, input_), other, pixel);
        }
        clear_padding(layer_, pixel);
      }
    });
  }
  std::string_view kernel() const override { return "elementwise/ref"; }

 private:
  const DType input_;
  const DpuLayer layer_;
};

}  // namespace

std::unique_ptr<ElementWiseLayer> make_elementwise_ref(DType input, const DpuLayer& layer) {
  return std::make_unique<ElementWiseRef>(input, layer);
}

}  // namespace ez_rknn::npu::kernels
