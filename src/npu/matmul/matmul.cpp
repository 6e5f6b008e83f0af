#include "npu/matmul/matmul.hpp"

#include <algorithm>
#include <string>

#include "ez_rknn/error.hpp"
#include "npu/exec/cores.hpp"
#include "npu/matmul/fingerprint.hpp"
#include "npu/matmul/product.hpp"

namespace ez_rknn::npu::matmul {
namespace {

constexpr Matrix kMatrices[] = {Matrix::a, Matrix::b, Matrix::c};

std::vector<Shape> checked(const Chip& chip, const Spec& spec, std::vector<Shape> shapes) {
  if (shapes.empty()) throw InvalidArgument("matmul: no shape; accepted: one or more");
  for (const Shape& s : shapes) check(chip, spec, s);
  return shapes;
}

std::int32_t most(const std::vector<Shape>& shapes, std::int32_t Shape::* size) {
  return std::ranges::max(shapes, {}, size).*size;
}

}  // namespace

Matmul::Matmul(const Chip& chip, const Spec& spec, std::vector<Shape> shapes)
    : chip_(chip),
      spec_(spec),
      shapes_(checked(chip, spec, std::move(shapes))),
      shape_(shapes_.front()),
      quant_(spec, most(shapes_, &Shape::n),
             spec.granularity == Granularity::per_group ? most(shapes_, &Shape::k) / spec.group : 1) {}

Matmul::~Matmul() = default;

void Matmul::select(const Shape& shape) {
  if (std::ranges::find(shapes_, shape) == shapes_.end()) {
    std::string known;
    for (const Shape& s : shapes_) known += (known.empty() ? "" : ", ") + to_string(s);
    throw InvalidArgument("matmul: shape " + to_string(shape) + " (M, K, N); accepted: " + known);
  }
  shape_ = shape;
}

void Matmul::set_quantisation(Matrix which, std::span<const float> scale, std::span<const std::int32_t> zero_point) {
  const QuantTable before = quant_.table(which);
  quant_.set(which, scale, zero_point);
  if (!(quant_.table(which) == before)) product_.reset();  // scales and zero points are packed with B
}

void Matmul::pack(std::span<const std::byte> b, Team& team) {
  const std::uint64_t now = fingerprint(b, team);
  if (product_ && packed_shape_ == shape_ && packed_fingerprint_ == now) return;
  product_.reset();  // before the next is made: B can be large
  product_ = std::make_unique<Product>(chip_, spec_, shape_, quant_, b.data(), team);
  packed_shape_ = shape_;
  packed_fingerprint_ = now;
}

void Matmul::run() {
  for (const Matrix which : kMatrices) {
    const auto have = memory(which);
    const std::uint64_t need = bytes_of(spec_, shape_, which);
    const std::string name(1, "ABC"[static_cast<int>(which)]);
    if (!have.data()) throw InvalidArgument("matmul: no memory was set for " + name);
    if (have.size() < need)
      throw InvalidArgument("matmul: the memory of " + name + " has " + std::to_string(have.size()) + " bytes; shape " +
                            to_string(shape_) + " needs " + std::to_string(need));
  }
  const auto lease = Cores::instance().acquire(core_mask_, chip_.cores);
  pack(memory(Matrix::b).first(bytes_of(spec_, shape_, Matrix::b)), lease.team());
  product_->run(memory(Matrix::a).data(), memory(Matrix::c).data(), lease.team());
}

std::string_view Matmul::kernel() const { return product_ ? product_->kernel() : std::string_view(); }

}  // namespace ez_rknn::npu::matmul
