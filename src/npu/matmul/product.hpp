#pragma once
/// One multiplication, packed: B as the kernels read it, for a fixed number of rows of A.
#include <memory>
#include <vector>

#include "core/aligned.hpp"
#include "core/team.hpp"
#include "npu/kernels/conv/conv.hpp"
#include "npu/matmul/quant.hpp"

namespace ez_rknn::npu::matmul {

class Product {
 public:
  /// Packs B; it is not needed afterwards.
  Product(const Chip& chip, const Spec& spec, const Shape& shape, const Quantisation& quant, const std::byte* b,
          Team& team);

  /// C = A B, in the layouts of the specification.
  void run(const std::byte* a, std::byte* c, Team& team);

  std::string_view kernel() const { return parts_.front().conv->kernel(); }

 private:
  /// Some rows of B: a convolution of one pixel a row of A. Integers are cut so that sums fit 32 bits and, per group,
  /// so that a part has one scale a column.
  struct Part {
    int first = 0;  ///< row of B
    std::unique_ptr<kernels::Conv> conv;
    std::vector<double> factor, correction;  ///< a column: sum += factor * (accumulator - correction); integers only
  };

  void pack_integers(const Quantisation& quant, const std::byte* columns, Team& team);
  void pack_reals(const Quantisation& quant, const std::byte* columns, Team& team);
  void add_part(int first, int rows, kernels::ConvInput input, kernels::ConvWeights weights);
  void reserve(int workers);
  void run_integers(std::byte* c, Team& team);
  void run_reals(std::byte* c, Team& team);
  void convolve(const Part& part, Team& team);

  const Chip& chip_;
  const Spec spec_;
  const Shape shape_;
  const std::int32_t zero_c_;
  const std::size_t row_bytes_, accumulator_row_;
  std::vector<Part> parts_;
  int workers_ = 0;
  AlignedBuffer rows_, accumulators_, scratch_, finished_;  ///< A; what a part gives; the kernels'; a row of C a worker
  std::vector<double> sums_;                                ///< integers: of the parts so far, or a row a worker
};

}  // namespace ez_rknn::npu::matmul
