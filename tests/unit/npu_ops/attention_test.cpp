#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "bench.hpp"
#include "ez_rknn/error.hpp"

using namespace ops_test;

namespace {

struct Sizes {
  std::int64_t heads = 2, depth = 8, queries = 5, keys = 7;
};

/// What the operator's text says, in double: scores and weights rounded to steps, and saturated, when `score` is not 0.
std::vector<double> expected(const Sizes& s, const std::vector<double>& q, const std::vector<double>& k,
                             const std::vector<double>& v, double scale, double score, int offset, double weight,
                             double (*mask)(std::int64_t h, std::int64_t key, std::int64_t query) = nullptr) {
  std::vector<double> result(static_cast<std::size_t>(s.heads * s.depth * s.queries));
  std::vector<double> scores(static_cast<std::size_t>(s.keys));
  const auto at = [&](const std::vector<double>& x, std::int64_t h, std::int64_t d, std::int64_t t, std::int64_t n) {
    return x[static_cast<std::size_t>((h * s.depth + d) * n + t)];
  };
  for (std::int64_t h = 0; h < s.heads; ++h)
    for (std::int64_t t = 0; t < s.queries; ++t) {
      double sum = 0;
      for (std::int64_t j = 0; j < s.keys; ++j) {
        double& x = scores[static_cast<std::size_t>(j)];
        x = 0;
        for (std::int64_t d = 0; d < s.depth; ++d) x += at(q, h, d, t, s.queries) * at(k, h, d, j, s.keys);
        x *= scale;
        if (mask) x += mask(h, j, t);
        if (score > 0) x = std::clamp(std::nearbyint(x / score), -128.0 - offset, 127.0 - offset) * score;
        sum += std::exp(x);
      }
      for (std::int64_t j = 0; j < s.keys; ++j) {
        double w = std::exp(scores[static_cast<std::size_t>(j)]) / sum;
        if (score > 0) w = std::min(std::nearbyint(w / (weight / 2)), 255.0) * (weight / 2);
        for (std::int64_t d = 0; d < s.depth; ++d)
          result[static_cast<std::size_t>((h * s.depth + d) * s.queries + t)] += w * at(v, h, d, j, s.keys);
      }
    }
  return result;
}

struct Case {
  Bench bench{"exSDPAttention"};
  Quant quant{1.0f / 64, 0};
  std::vector<double> q, k, v;
  Memory* y;
  Sizes sizes;

  explicit Case(Sizes s = {}) : sizes(s) {
    std::mt19937 random(11);
    const auto fill = [&](Memory& m) {
      std::vector<double> values;
      for (std::int64_t i = 0; i < m.view().shape.elements(); ++i)
        values.push_back((static_cast<double>(random() % 255) - 127) / 64);
      m.put(values);
      return values;
    };
    bench.attributes().values["scale"] = 0.5;
    q = fill(bench.input(DType::i8, {s.heads, s.depth, 1, s.queries}, quant));
    k = fill(bench.input(DType::i8, {s.heads, s.depth, 1, s.keys}, quant));
    v = fill(bench.input(DType::i8, {s.heads, s.depth, 1, s.keys}, quant));
    y = &bench.output(DType::f32, {s.heads, s.depth, 1, s.queries});
  }
  double error(const std::vector<double>& want) {
    bench.run();
    const auto got = y->get();
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    return worst;
  }
};

}  // namespace

TEST_CASE("attention rounds nothing in between where the registers do not say how") {
  Case c;
  CHECK_LT(c.error(expected(c.sizes, c.q, c.k, c.v, 0.5, 0, 0, 0)), 1e-5);
}

TEST_CASE("int8 attention rounds its scores and weights to the registers' steps and saturates there") {
  Case c;
  // A step of the scores of 1/16 and of the weights of 1/128: both saturate for some of these numbers.
  const double score = 1.0 / 16, weight = 1.0 / 256, scale = static_cast<double>(c.quant.scale);
  c.bench.registers.attention = {.score_factor = scale * scale * 0.5 / score,
                                 .result_factor = weight * scale,  // the output's scale is 1
                                 .score_offset = 20};
  const auto want = expected(c.sizes, c.q, c.k, c.v, 0.5, score, 20, weight);
  CHECK_LT(c.error(want), 1e-5);
  const auto rounded_only = expected(c.sizes, c.q, c.k, c.v, 0.5, score, 0, 1);
  double apart = 0;
  for (std::size_t i = 0; i < want.size(); ++i) apart = std::max(apart, std::abs(want[i] - rounded_only[i]));
  CHECK_GT(apart, 0.05);  // otherwise the bounds were not tested
}

TEST_CASE("attention whose registers give no step is refused") {
  Case c;
  c.bench.registers.attention = {.score_factor = 0, .result_factor = 1, .score_offset = 0};
  CHECK_THROWS_AS(c.bench.prepare(), ModelError);
}

TEST_CASE("an attention mask is added to the scaled scores, broadcast over what it lacks") {
  SUBCASE("for every head, key and query") {
    Case c;
    const auto mask = [](std::int64_t h, std::int64_t key, std::int64_t query) {
      return double((h * 5 + key * 3 + query) % 4) - 2;
    };
    std::vector<double> values;
    for (std::int64_t h = 0; h < c.sizes.heads; ++h)
      for (std::int64_t j = 0; j < c.sizes.keys; ++j)
        for (std::int64_t t = 0; t < c.sizes.queries; ++t) values.push_back(mask(h, j, t));
    c.bench.input(DType::f32, {c.sizes.heads, c.sizes.keys, 1, c.sizes.queries}).put(values);
    CHECK_LT(c.error(expected(c.sizes, c.q, c.k, c.v, 0.5, 0, 0, 0, mask)), 1e-5);
  }
  SUBCASE("for every key") {
    Case c;
    const auto mask = [](std::int64_t, std::int64_t key, std::int64_t) { return key < 3 ? 0.0 : -8.0; };
    std::vector<double> values;
    for (std::int64_t j = 0; j < c.sizes.keys; ++j) values.push_back(mask(0, j, 0));
    c.bench.input(DType::f32, {1, c.sizes.keys, 1, 1}).put(values);
    CHECK_LT(c.error(expected(c.sizes, c.q, c.k, c.v, 0.5, 0, 0, 0, mask)), 1e-5);
  }
  SUBCASE("in steps of the scores") {
    Case c;
    const double score = 1.0 / 16, weight = 1.0 / 256, scale = static_cast<double>(c.quant.scale);
    c.bench.registers.attention = {.score_factor = scale * scale * 0.5 / score, .result_factor = weight * scale};
    const auto mask = [](std::int64_t, std::int64_t key, std::int64_t) { return 0.03 * double(key); };
    std::vector<double> values;
    for (std::int64_t j = 0; j < c.sizes.keys; ++j) values.push_back(mask(0, j, 0));
    c.bench.input(DType::f32, {1, c.sizes.keys, 1, 1}).put(values);
    CHECK_LT(c.error(expected(c.sizes, c.q, c.k, c.v, 0.5, score, 0, weight, mask)), 1e-5);
  }
  SUBCASE("of another number of keys: refused") {
    Case c;
    c.bench.input(DType::f32, {1, c.sizes.keys + 1, 1, 1});
    CHECK_THROWS_AS(c.bench.prepare(), ModelError);
  }
}

TEST_CASE("attention of more queries, keys and numbers than a tile has") {
  for (const Sizes& sizes : {Sizes{1, 16, 33, 40}, Sizes{3, 5, 17, 1}, Sizes{1, 1, 1, 19}, Sizes{2, 300, 16, 12}}) {
    CAPTURE(sizes.queries);
    Case c(sizes);
    CHECK_LT(c.error(expected(c.sizes, c.q, c.k, c.v, 0.5, 0, 0, 0)), 1e-4);
  }
}
