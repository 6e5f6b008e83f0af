#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "bench.hpp"
#include "ez_rknn/error.hpp"

using namespace ops_test;

namespace {

constexpr std::int64_t kHeads = 2, kDepth = 8, kQueries = 5, kKeys = 7;

/// What the operator's text says, in double: scores and weights rounded to steps, and saturated, when `score` is not 0.
std::vector<double> expected(const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
                             double scale, double score, int offset, double weight,
                             double (*mask)(std::int64_t h, std::int64_t key, std::int64_t query) = nullptr) {
  std::vector<double> result(static_cast<std::size_t>(kHeads * kDepth * kQueries));
  const auto at = [](const std::vector<double>& x, std::int64_t h, std::int64_t d, std::int64_t t, std::int64_t n) {
    return x[static_cast<std::size_t>((h * kDepth + d) * n + t)];
  };
  for (std::int64_t h = 0; h < kHeads; ++h)
    for (std::int64_t t = 0; t < kQueries; ++t) {
      double scores[kKeys], sum = 0;
      for (std::int64_t j = 0; j < kKeys; ++j) {
        scores[j] = 0;
        for (std::int64_t d = 0; d < kDepth; ++d) scores[j] += at(q, h, d, t, kQueries) * at(k, h, d, j, kKeys);
        scores[j] *= scale;
        if (mask) scores[j] += mask(h, j, t);
        if (score > 0)
          scores[j] = std::clamp(std::nearbyint(scores[j] / score), -128.0 - offset, 127.0 - offset) * score;
        sum += std::exp(scores[j]);
      }
      for (std::int64_t j = 0; j < kKeys; ++j) {
        double w = std::exp(scores[j]) / sum;
        if (score > 0) w = std::min(std::nearbyint(w / (weight / 2)), 255.0) * (weight / 2);
        for (std::int64_t d = 0; d < kDepth; ++d)
          result[static_cast<std::size_t>((h * kDepth + d) * kQueries + t)] += w * at(v, h, d, j, kKeys);
      }
    }
  return result;
}

struct Case {
  Bench bench{"exSDPAttention"};
  Quant quant{1.0f / 64, 0};
  std::vector<double> q, k, v;
  Memory* y;

  Case() {
    std::mt19937 random(11);
    const auto fill = [&](Memory& m) {
      std::vector<double> values;
      for (std::int64_t i = 0; i < m.view().shape.elements(); ++i)
        values.push_back((static_cast<double>(random() % 255) - 127) / 64);
      m.put(values);
      return values;
    };
    bench.attributes().values["scale"] = 0.5;
    q = fill(bench.input(DType::i8, {kHeads, kDepth, 1, kQueries}, quant));
    k = fill(bench.input(DType::i8, {kHeads, kDepth, 1, kKeys}, quant));
    v = fill(bench.input(DType::i8, {kHeads, kDepth, 1, kKeys}, quant));
    y = &bench.output(DType::f32, {kHeads, kDepth, 1, kQueries});
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
  CHECK_LT(c.error(expected(c.q, c.k, c.v, 0.5, 0, 0, 0)), 1e-5);
}

TEST_CASE("int8 attention rounds its scores and weights to the registers' steps and saturates there") {
  Case c;
  // A step of the scores of 1/16 and of the weights of 1/128: both saturate for some of these numbers.
  const double score = 1.0 / 16, weight = 1.0 / 256, scale = static_cast<double>(c.quant.scale);
  c.bench.registers.attention = {.score_factor = scale * scale * 0.5 / score,
                                 .result_factor = weight * scale,  // the output's scale is 1
                                 .score_offset = 20};
  const auto want = expected(c.q, c.k, c.v, 0.5, score, 20, weight);
  CHECK_LT(c.error(want), 1e-5);
  const auto rounded_only = expected(c.q, c.k, c.v, 0.5, score, 0, 1);
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
    for (std::int64_t h = 0; h < kHeads; ++h)
      for (std::int64_t j = 0; j < kKeys; ++j)
        for (std::int64_t t = 0; t < kQueries; ++t) values.push_back(mask(h, j, t));
    c.bench.input(DType::f32, {kHeads, kKeys, 1, kQueries}).put(values);
    CHECK_LT(c.error(expected(c.q, c.k, c.v, 0.5, 0, 0, 0, mask)), 1e-5);
  }
  SUBCASE("for every key") {
    Case c;
    const auto mask = [](std::int64_t, std::int64_t key, std::int64_t) { return key < 3 ? 0.0 : -8.0; };
    std::vector<double> values;
    for (std::int64_t j = 0; j < kKeys; ++j) values.push_back(mask(0, j, 0));
    c.bench.input(DType::f32, {1, kKeys, 1, 1}).put(values);
    CHECK_LT(c.error(expected(c.q, c.k, c.v, 0.5, 0, 0, 0, mask)), 1e-5);
  }
  SUBCASE("in steps of the scores") {
    Case c;
    const double score = 1.0 / 16, weight = 1.0 / 256, scale = static_cast<double>(c.quant.scale);
    c.bench.registers.attention = {.score_factor = scale * scale * 0.5 / score, .result_factor = weight * scale};
    const auto mask = [](std::int64_t, std::int64_t key, std::int64_t) { return 0.03 * double(key); };
    std::vector<double> values;
    for (std::int64_t j = 0; j < kKeys; ++j) values.push_back(mask(0, j, 0));
    c.bench.input(DType::f32, {1, kKeys, 1, 1}).put(values);
    CHECK_LT(c.error(expected(c.q, c.k, c.v, 0.5, score, 0, weight, mask)), 1e-5);
  }
  SUBCASE("of another number of keys: refused") {
    Case c;
    c.bench.input(DType::f32, {1, kKeys + 1, 1, 1});
    CHECK_THROWS_AS(c.bench.prepare(), ModelError);
  }
}
