#include "npu/matmul/product.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/fp16.hpp"
#include "npu/matmul/finish.hpp"
#include "npu/matmul/layout.hpp"

namespace ez_rknn::npu::matmul {
namespace {

/// So many products of int8 and a weight of -255..255 fit an int32.
constexpr int kMostRows = 65536;
/// Columns a worker unpacks at a time: a multiple of every tile.
constexpr int kColumns = 64;

std::size_t to_size(std::int64_t v) { return static_cast<std::size_t>(v); }

/// Calls body(first, end) for ranges of `total`, spread over the team.
template <class F>
void for_ranges(Team& team, int total, int step, F body) {
  team.for_each(to_size((total + step - 1) / step), [&](std::size_t i, int worker) {
    const int first = static_cast<int>(i) * step;
    body(first, std::min(first + step, total), worker);
  });
}

/// Enough rows for a worker that handing them out costs nothing beside the work.
int rows_at_a_time(int columns) { return std::max(1, 16384 / columns); }

}  // namespace

Product::Product(const Chip& chip, const Spec& spec, const Shape& shape, const Quantisation& quant, const std::byte* b,
                 Team& team)
    : chip_(chip),
      spec_(spec),
      shape_(shape),
      zero_c_(quant.zero(Matrix::c)),
      row_bytes_(to_size(shape.k) * (spec.types.a == DType::f16 ? 2 : 1)),
      accumulator_row_(to_size(kernels::padded_channels(shape.n)) * 4) {
  const std::size_t column_bytes = to_size(shape.k) * (spec.types.b == DType::f16 ? 2 : 1);
  AlignedBuffer columns(to_size(shape.n) * column_bytes);
  for_ranges(team, shape.n, kColumns, [&](int first, int end, int) {
    columns_of(chip, spec, shape, b, first, end, columns.data() + to_size(first) * column_bytes);
  });
  if (is_float(spec.types.a)) pack_reals(quant, columns.data(), team);
  else pack_integers(quant, columns.data(), team);
}

void Product::pack_integers(const Quantisation& quant, const std::byte* columns, Team& team) {
  const auto* b = reinterpret_cast<const std::int8_t*>(columns);
  const bool grouped = spec_.granularity == Granularity::per_group;
  const int step = grouped ? spec_.group : std::min(shape_.k, kMostRows);
  for (int first = 0; first < shape_.k; first += step) {
    const int rows = std::min(step, shape_.k - first), group = grouped ? first / step : 0;
    kernels::ConvWeights weights;
    weights.integers.resize(to_size(std::int64_t{shape_.n} * rows));
    std::vector<double> factor(to_size(shape_.n)), correction(to_size(shape_.n));
    for_ranges(team, shape_.n, kColumns, [&](int n0, int n1, int) {
      for (int n = n0; n < n1; ++n) {
        const std::int8_t* source = b + std::int64_t{n} * shape_.k + first;
        std::int16_t* target = weights.integers.data() + std::int64_t{n} * rows;
        const auto zero = static_cast<std::int16_t>(quant.zero_b(group, n));
        std::int32_t sum = 0;
        for (int k = 0; k < rows; ++k) {
          target[k] = static_cast<std::int16_t>(source[k] - zero);
          sum += target[k];
        }
        factor[to_size(n)] = quant.factor(group, n);
        correction[to_size(n)] = static_cast<double>(quant.zero(Matrix::a)) * sum;
      }
    });
    add_part(first, rows, kernels::ConvInput::i8, std::move(weights));
    parts_.back().factor = std::move(factor);
    parts_.back().correction = std::move(correction);
  }
}

void Product::pack_reals(const Quantisation& quant, const std::byte* columns, Team& team) {
  kernels::ConvWeights weights;
  weights.reals.resize(to_size(std::int64_t{shape_.n} * shape_.k));
  const int group = spec_.granularity == Granularity::per_group ? spec_.group : shape_.k;
  for_ranges(team, shape_.n, kColumns, [&](int n0, int n1, int) {
    for (int n = n0; n < n1; ++n) {
      const std::int64_t column = std::int64_t{n} * shape_.k;
      float* target = weights.reals.data() + column;
      if (spec_.types.b == DType::f16) {
        const auto* source = reinterpret_cast<const std::uint16_t*>(columns) + column;
        std::transform(source, source + shape_.k, target, half_to_float);
        continue;
      }
      const auto* source = reinterpret_cast<const std::int8_t*>(columns) + column;
      for (int first = 0; first < shape_.k; first += group) {
        const std::int32_t zero = quant.zero_b(first / group, n);
        const float scale = quant.scale_b(first / group, n);
        for (int k = first; k < first + group; ++k) target[k] = static_cast<float>(source[k] - zero) * scale;
      }
    }
  });
  add_part(0, shape_.k, kernels::ConvInput::f16, std::move(weights));
}

void Product::add_part(int first, int rows, kernels::ConvInput input, kernels::ConvWeights weights) {
  kernels::ConvShape conv;
  conv.in_h = conv.out_h = 1;
  conv.in_w = conv.out_w = shape_.m;
  conv.in_c = rows;
  conv.out_c = shape_.n;
  kernels::DpuLayer tail;
  tail.channels = shape_.n;
  tail.real = input == kernels::ConvInput::f16;
  tail.out_type = tail.real ? DType::f32 : DType::i32;
  parts_.push_back({first, kernels::prepare_conv(conv, input, std::move(weights), std::move(tail)), {}, {}});
}

void Product::reserve(int workers) {
  if (workers <= workers_) return;
  workers_ = workers;
  std::size_t scratch = 0;
  for (const Part& p : parts_) scratch = std::max(scratch, p.conv->scratch_bytes(workers));
  const std::size_t rows = to_size(shape_.m), columns = to_size(shape_.n);
  // The kernels read whole vectors: leave room behind the last row.
  rows_ = AlignedBuffer(rows * row_bytes_ + AlignedBuffer::kAlignment);
  accumulators_ = AlignedBuffer(rows * accumulator_row_);
  scratch_ = AlignedBuffer(scratch);
  finished_ = AlignedBuffer(to_size(workers) * accumulator_row_);
  if (!is_float(spec_.types.a)) sums_.assign(columns * (parts_.size() > 1 ? rows : to_size(workers)), 0.0);
}

void Product::run(const std::byte* a, std::byte* c, Team& team) {
  reserve(team.size());
  for_ranges(team, shape_.m, rows_at_a_time(shape_.k), [&](int first, int end, int) {
    rows_of(chip_, spec_, shape_, a, first, end, rows_.data() + to_size(first) * row_bytes_);
  });
  if (is_float(spec_.types.a)) run_reals(c, team);
  else run_integers(c, team);
}

void Product::convolve(const Part& part, Team& team) {
  const auto row = static_cast<std::ptrdiff_t>(row_bytes_), out = static_cast<std::ptrdiff_t>(accumulator_row_);
  const auto element = static_cast<std::ptrdiff_t>(row_bytes_ / to_size(shape_.k));
  part.conv->run({rows_.data() + part.first * element, row, row * shape_.m}, {},
                 {accumulators_.data(), out, out * shape_.m}, team, {scratch_.data(), scratch_.size()});
}

void Product::run_integers(std::byte* c, Team& team) {
  const std::size_t columns = to_size(shape_.n);
  const bool alone = parts_.size() == 1;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    convolve(part, team);
    for_ranges(team, shape_.m, rows_at_a_time(shape_.n), [&](int first, int end, int worker) {
      for (int m = first; m < end; ++m) {
        const auto* accumulators =
            reinterpret_cast<const std::int32_t*>(accumulators_.data() + to_size(m) * accumulator_row_);
        double* sums = sums_.data() + to_size(alone ? worker : m) * columns;
        const double* factor = part.factor.data();
        const double* correction = part.correction.data();
        for (std::size_t n = 0; n < columns; ++n)
          sums[n] = (p == 0 ? 0.0 : sums[n]) + factor[n] * (accumulators[n] - correction[n]);
        if (p + 1 < parts_.size()) continue;
        std::byte* row = finished_.data() + to_size(worker) * accumulator_row_;
        finish(spec_.types.c, {sums, columns}, zero_c_, row);
        store_row(chip_, spec_, shape_, m, row, c);
      }
    });
  }
}

void Product::run_reals(std::byte* c, Team& team) {
  convolve(parts_.front(), team);
  for_ranges(team, shape_.m, rows_at_a_time(shape_.n), [&](int first, int end, int worker) {
    for (int m = first; m < end; ++m) {
      const auto* values = reinterpret_cast<const float*>(accumulators_.data() + to_size(m) * accumulator_row_);
      std::byte* row = finished_.data() + to_size(worker) * accumulator_row_;
      finish(spec_.types.c, {values, to_size(shape_.n)}, row);
      store_row(chip_, spec_, shape_, m, row, c);
    }
  });
}

}  // namespace ez_rknn::npu::matmul
