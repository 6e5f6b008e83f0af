#pragma once
/// A matrix multiplication as a context: shapes it may take, memory of its matrices, quantisation, cores.
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "npu/matmul/quant.hpp"
#include "npu/matmul/spec.hpp"

namespace ez_rknn {
class Team;
}

namespace ez_rknn::npu::matmul {

class Product;

/// Used by one thread at a time.
class Matmul {
 public:
  /// The first shape is selected. @throws InvalidArgument when a shape is not accepted
  Matmul(const Chip& chip, const Spec& spec, std::vector<Shape> shapes);
  ~Matmul();
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  const Chip& chip() const { return chip_; }
  const Spec& spec() const { return spec_; }
  const std::vector<Shape>& shapes() const { return shapes_; }
  const Shape& shape() const { return shape_; }
  /// @throws InvalidArgument when `shape` is none of shapes()
  void select(const Shape& shape);

  /// The memory of a matrix, borrowed until it is bound anew or unbound. B is packed when it is first used and again
  /// when its bytes have changed.
  void bind(Matrix which, std::span<std::byte> memory) { memory_[static_cast<std::size_t>(which)] = memory; }
  std::span<std::byte> memory(Matrix which) const { return memory_[static_cast<std::size_t>(which)]; }

  void set_quantisation(Matrix which, std::span<const float> scale, std::span<const std::int32_t> zero_point);
  const Quantisation& quantisation() const { return quant_; }

  /// Cores of the chip, bit c: core c; 0: any one that is idle.
  void set_core_mask(unsigned mask) { core_mask_ = mask; }

  /// @throws InvalidArgument when a matrix has no memory or too little for the shape
  void run();
  /// The kernel of the last run, "conv_i8/avx2"; empty before.
  std::string_view kernel() const;

 private:
  void pack(std::span<const std::byte> b, Team& team);

  const Chip& chip_;
  const Spec spec_;
  const std::vector<Shape> shapes_;
  Shape shape_;
  std::array<std::span<std::byte>, 3> memory_;
  Quantisation quant_;
  unsigned core_mask_ = 0;

  std::unique_ptr<Product> product_;
  Shape packed_shape_;
  std::uint64_t packed_fingerprint_ = 0;
};

}  // namespace ez_rknn::npu::matmul
