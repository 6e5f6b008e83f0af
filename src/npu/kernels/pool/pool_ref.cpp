#include <cmath>

#include "npu/kernels/element.hpp"
#include "npu/kernels/pool/variants.hpp"

namespace ez_rknn::npu::kernels {
namespace {

class PoolRef final : public Pool {
 public:
  explicit PoolRef(const PoolShape& shape) : shape_(shape) {}

  void run(const ConstMap& in, const Map& out, Team& team) const override {
    const std::size_t size = size_of(shape_.type);
    team.for_each(static_cast<std::size_t>(shape_.out_h), [&](std::size_t row, int) {
      const int y = static_cast<int>(row);
      for (int x = 0; x < shape_.out_w; ++x) {
        std::byte* pixel = out.data + y * out.row + x * out.pixel;
        for (int c = 0; c < padded_channels(shape_.channels); ++c, pixel += size) {
          const double v = c < shape_.channels ? value(in, y, x, static_cast<std::size_t>(c) * size) : 0.0;
          if (is_float(shape_.type)) store_real(pixel, shape_.type, v);
          else store_integer(pixel, shape_.type, static_cast<std::int64_t>(v));
        }
      }
    });
  }
  std::string_view kernel() const override { return "pool/ref"; }

 private:
  double value(const ConstMap& in, int y, int x, std::size_t channel_offset) const {
    const PoolShape& s = shape_;
    const bool real = is_float(s.type);
    double sum = 0, most = real ? -HUGE_VAL : static_cast<double>(lowest_of(s.type));
    double least = real ? HUGE_VAL : static_cast<double>(highest_of(s.type));
    for (int ky = 0; ky < s.kernel_h; ++ky)
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const int py = y * s.stride_h + ky * s.dilation_h - s.pad_top;
        const int px = x * s.stride_w + kx * s.dilation_w - s.pad_left;
        if (py < 0 || px < 0 || py >= s.in_h || px >= s.in_w) {
          sum += static_cast<double>(s.pad_value);
          continue;
        }
        const std::byte* p = in.data + py * in.row + px * in.pixel + channel_offset;
        const double v = static_cast<double>(load_real(p, s.type));
        sum += v;
        if (!(v <= most)) most = v;  // a NaN is kept, as the hardware's comparator keeps the newcomer
        if (!(v >= least)) least = v;
      }
    switch (s.kind) {
      case PoolShape::Kind::max: return most;
      case PoolShape::Kind::min: return least;
      case PoolShape::Kind::average: break;
    }
    const double mean = sum * (s.reciprocal_w * s.reciprocal_h);
    return real ? mean : std::nearbyint(mean);
  }

  const PoolShape shape_;
};

}  // namespace

std::unique_ptr<Pool> make_pool_ref(const PoolShape& shape) { return std::make_unique<PoolRef>(shape); }

}  // namespace ez_rknn::npu::kernels
