/// A look-up table's results as steps (SegmentTables), and the layers that tail_steps.hpp finishes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <ranges>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/tail_plans.hpp"
#include "npu/kernels/map.hpp"
#include "npu/regs/rounding.hpp"

namespace ez_rknn::npu::kernels {

std::vector<Change> changes_of(std::span<const std::uint8_t> bytes) {
  std::vector<Change> changes;
  const auto eight = [&](std::size_t i) {
    std::uint64_t x;
    std::memcpy(&x, bytes.data() + i, sizeof x);
    return x;
  };
  for (std::size_t i = 1; i < bytes.size(); ++i)
    if (i + 8 <= bytes.size() && eight(i) == eight(i - 1)) i += 7;  // nothing moves
    else if (const int step = std::int8_t(bytes[i]) - std::int8_t(bytes[i - 1]))
      changes.push_back({static_cast<std::int64_t>(i) - 1, step});
  return changes;
}

bool fill_segments(std::span<const Change> changes, std::uint8_t first, int shift, int most, SegmentTables& t) {
  const std::int64_t size = std::int64_t{1} << shift;
  std::memset(t.place, 255, sizeof t.place);
  t.places = 0, t.falls = false;
  std::size_t next = 0;
  for (std::size_t segment = 0; segment < 256; ++segment) {
    const std::int64_t begin = static_cast<std::int64_t>(segment) * size;
    t.start[segment] = first, t.down[segment] = 0;
    int places = 0, direction = 0;
    for (; next < changes.size() && changes[next].behind < begin + size; ++next) {
      const auto [behind, step] = changes[next];
      first = static_cast<std::uint8_t>(first + step);
      if (behind == begin + size - 1) continue;  // seen from the next segment only
      const int sign = step > 0 ? 1 : -1;
      if (direction == -sign || places + std::abs(step) > most) return false;
      direction = sign;
      for (int n = std::abs(step); n > 0; --n) t.place[places++][segment] = static_cast<std::uint8_t>(behind - begin);
    }
    if (direction < 0) t.down[segment] = 0xff, t.falls = true;
    t.places = std::max(t.places, places);
  }
  return next == changes.size();
}

// Beyond the table's ends the slopes are straight, so results never turn.
Steps steps_of_inputs(const DpuLayer& layer, std::span<const std::uint8_t> bytes) {
  DpuLayer after = layer;  // the table's input is the value here
  after.bs.reset(), after.bn.reset();
  const auto at = [&](std::int64_t v) { return static_cast<std::uint8_t>(dpu_ref(after, 0, v, 0)); };
  Steps steps;
  const auto search = [&](const auto& self, std::int64_t a, std::uint8_t at_a, std::int64_t b,
                          std::uint8_t at_b) -> void {
    if (at_a == at_b) return;
    if (b - a == 1) return steps.changes.push_back({a, std::int8_t(at_b) - std::int8_t(at_a)});
    const std::int64_t middle = a + (b - a) / 2;
    const std::uint8_t at_middle = at(middle);
    self(self, a, at_a, middle, at_middle), self(self, middle, at_middle, b, at_b);
  };
  const std::int64_t far = std::int64_t{1} << 31, first = layer.lut_range.le_start, last = layer.lut_range.lo_end;
  steps.first = at(first - far);
  search(search, first - far, steps.first, first, bytes.front());
  for (const auto [behind, step] : changes_of(bytes)) steps.changes.push_back({first + behind, step});
  search(search, last, bytes.back(), last + far, at(last + far));
  return steps;
}

bool ties_matter(const DpuLayer& layer, const Steps& inputs) {
  if (!layer.bn || !layer.bn->mul || layer.bn->shift <= 0) return false;
  const std::int64_t factor = layer.bn->mul_value[0];
  return std::ranges::any_of(inputs.changes, [&](const Change& c) {
    // A product in the middle between inputs `behind` and the next goes to the larger by size or to the even one.
    if (((2 * c.behind + 1) << (layer.bn->shift - 1)) % factor != 0) return false;
    return (c.behind >= 0) == (c.behind % 2 == 0);
  });
}

namespace {

/// Of what BS makes of accumulators, in the place of the inputs that BN makes of it. Nothing when they are far beyond
/// 16 bits.
std::optional<Steps> steps_of_values(const DpuLayer& layer, const FusedParams& f, const Steps& inputs) {
  const bool multiplies = layer.bn && layer.bn->mul;
  const std::int64_t factor = multiplies ? layer.bn->mul_value[0] : 1;
  const int shift = multiplies ? std::max(layer.bn->shift, 0) : 0;
  Steps steps{inputs.first, {}};
  for (const auto [behind, step] : inputs.changes) {
    const double middle = std::ldexp(static_cast<double>(behind) + 0.5, shift) / static_cast<double>(factor);
    if (std::abs(middle) > 0x1p30) return std::nullopt;
    auto last = static_cast<std::int64_t>(std::floor(middle)) - 2;
    while (shift_half_away((last + 1) * factor, shift) <= behind) ++last;
    // Values stay within the limits behind BS.
    if (static_cast<double>(last) < static_cast<double>(f.lo))
      steps.first = static_cast<std::uint8_t>(steps.first + step);
    else if (static_cast<double>(last) < static_cast<double>(f.hi)) steps.changes.push_back({last, step});
  }
  return steps;
}

/// A choice of segments, or the results of all positions.
struct Cut {
  StepParams params;
  SegmentTables segments;
  int tables = 1, entries = 16;
  std::vector<int> places;            ///< of each table
  std::vector<std::uint8_t> results;  ///< empty: segments
  int load_cost = 0;

  /// In vector operations for as many values as a vector has bytes.
  int cost() const {
    const int before = params.inputs ? 12 : 0;
    if (!results.empty()) return load_cost + before;
    const int look_ups = std::accumulate(places.begin(), places.end(), tables);
    const int bends = params.stretch > 0 ? 10 : 0;
    return 2 * tables + 2 * look_ups + 3 * params.places + (params.falls ? 3 : 0) + bends + before;
  }
};

std::vector<std::uint8_t> results_of(const Steps& steps, std::int32_t last) {
  std::vector<std::uint8_t> results(static_cast<std::size_t>(last) + 1, steps.first);
  auto value = steps.first;
  for (std::size_t i = 0; i < steps.changes.size(); ++i) {
    const auto [behind, step] = steps.changes[i];
    const auto to = i + 1 < steps.changes.size() ? steps.changes[i + 1].behind : last;
    value = static_cast<std::uint8_t>(value + step);
    std::fill(results.begin() + behind + 1, results.begin() + to + 1, value);
  }
  return results;
}

/// False when results turn other than once from falling to rising.
bool find_turn(Cut& cut) {
  const auto& [places, falls, start, down, place] = cut.segments;
  int& rising = cut.params.rising;
  for (int i = 0; i < 256; ++i)
    if (down[i] != 0) rising = i + 1;
  for (int i = 0; i < rising; ++i)
    if (down[i] == 0 && place[0][i] != 255) return false;
  return rising < 256;
}

std::int64_t stretched(std::int64_t position, std::int32_t bend, int stretch) {
  return position + std::max<std::int64_t>(position - bend, 0) * stretch;
}

/// The most places of a segment, positions stretched; `limit` when they are as many, or when one rises and falls.
int most_places(std::span<const Change> changes, const StepParams& s, int limit) {
  const std::int64_t end = (std::int64_t{1} << s.shift) - 1;
  std::int64_t segment = -1;
  int places = 0, most = 0, direction = 0;
  for (const auto [behind, step] : changes | std::views::reverse) {  // mostly closest together at the end
    const std::int64_t at = stretched(behind, s.bend, s.stretch);
    if (at >> s.shift != segment) segment = at >> s.shift, places = 0, direction = 0;
    if ((at & end) == end) continue;  // seen from the next segment only
    const int sign = step > 0 ? 1 : -1;
    places += std::abs(step);
    if (places >= limit || direction == -sign) return limit;
    direction = sign, most = std::max(most, places);
  }
  return most;
}

/// For one table of all 256 segments: where to bend positions so that the fullest segment has the fewest places.
/// False where they have too many, however that is done.
bool choose_bend(std::span<const Change> changes, StepParams& s) {
  StepParams tried = s;
  int most = SegmentTables::kMost + 1;
  const auto attempt = [&](std::int32_t bend, int stretch, int better) {
    tried.bend = bend, tried.stretch = stretch;
    const std::int64_t last = stretched(s.last, bend, stretch);
    if (last > 0xffff) return;
    tried.shift = std::max(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(last))) - 8, 0);
    const int places = most_places(changes, tried, most - better);
    if (places < most - better) most = places, s = tried;
  };
  attempt(0, 0, 0);
  const int straight = most;
  const std::int32_t grid = std::max(256, s.last / 40);
  for (int stretch : {1, 3, 7, 11, 15, 23, 31})
    for (std::int32_t bend = grid; bend < s.last; bend += grid) attempt(bend, stretch, most == straight ? 1 : 0);
  return most <= SegmentTables::kMost;
}

/// Takes over `best` when these steps fit and cost less.
void take_cheaper(Steps steps, bool inputs, int entries, int load_cost, std::optional<Cut>& best) {
  Cut cut;
  StepParams& s = cut.params;
  s.inputs = inputs, cut.load_cost = load_cost;
  const auto take = [&] {
    if (!best || cut.cost() < best->cost()) best = cut;
  };
  if (!steps.changes.empty()) {
    const std::int64_t base = steps.changes.front().behind, last = steps.changes.back().behind + 1 - base;
    if (std::abs(base) > (1 << 22) || last > 0xffff) return;
    s.base = static_cast<std::int32_t>(base), s.last = static_cast<std::int32_t>(last);
    for (Change& c : steps.changes) c.behind -= base;
  }
  if (load_cost > 0) {
    cut.results = results_of(steps, s.last);
    take();
  }
  cut.results.clear();
  const bool one_table = entries == 256;
  if (one_table && !choose_bend(steps.changes, s)) return;
  for (Change& c : steps.changes) c.behind = stretched(c.behind, s.bend, s.stretch);
  const int least = one_table ? s.shift : 4;
  for (s.shift = one_table ? s.shift : 8; s.shift >= least; --s.shift) {
    const int used = static_cast<int>(stretched(s.last, s.bend, s.stretch) >> s.shift) + 1;
    if (used > 256) return;
    if (!fill_segments(steps.changes, steps.first, s.shift, SegmentTables::kMost, cut.segments) || !find_turn(cut))
      continue;
    s.places = cut.segments.places, s.falls = cut.segments.falls;
    cut.entries = entries, cut.tables = (used + entries - 1) / entries;
    cut.places.assign(static_cast<std::size_t>(cut.tables), 0);
    for (int k = 0; k < s.places; ++k)
      for (int i = 0; i < used; ++i)
        if (cut.segments.place[k][i] != 255) cut.places[static_cast<std::size_t>(i / entries)] = k + 1;
    take();
  }
}

/// Of each channel group, whether a product of BS in the middle between two values moves a result which it should not
/// move, or the other way: rounded up, or in f32 to the even one, in the place of away from zero.
std::vector<std::uint8_t> halves_matter(const DpuLayer& layer, bool words, const std::optional<Steps>& values) {
  std::vector<std::uint8_t> matter(static_cast<std::size_t>(padded_channels(layer.channels)) / kChannelAlign, !values);
  if (!values || !layer.bs || !layer.bs->mul || layer.bs->shift <= 0) return matter;
  const int shift = layer.bs->shift;
  std::vector<std::uint32_t> odd;  // such a product is one of these by 2^(shift - 1)
  for (const auto [behind, step] : values->changes) {
    const bool other = words ? behind < 0 : (behind >= 0) == (behind % 2 == 0);
    if (other) odd.push_back(static_cast<std::uint32_t>(std::abs(2 * behind + 1)));
  }
  const auto matters = [&](std::int32_t factor) {
    const int twos = factor > 0 ? std::countr_zero(static_cast<std::uint32_t>(factor)) : shift;
    if (twos >= shift) return false;
    // A number is a multiple of an odd one just where its product with that one's inverse, modulo 2^32, is small.
    const std::uint32_t divisor = static_cast<std::uint32_t>(factor) >> twos;
    std::uint32_t inverse = divisor;
    for (int i = 0; i < 4; ++i) inverse *= 2 - divisor * inverse;
    const std::uint32_t most = UINT32_MAX / divisor;
    bool met = false;
    for (const std::uint32_t x : odd) met |= x * inverse <= most;
    return met;
  };
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c)
    if (auto& group = matter[c / kChannelAlign]; group == 0) group = matters(layer.bs->mul_value[c]);
  return matter;
}

/// What can be left out of finding positions.
void simplify(const DpuLayer& layer, const FusedPlan& fused, const Steps& inputs, StepParams& s) {
  const bool words = !fused.factor.empty();
  s.held = fused.params.held;
  s.plain = !std::isfinite(fused.params.lo) && !std::isfinite(fused.params.hi) && !ties_matter(layer, inputs) &&
            (words || fused.params.bn_beside);
  if (s.inputs || s.held) return;
  const std::int64_t half = fused.params.half - (std::int64_t{s.base} << fused.params.shift);
  s.held = fused.largest + std::abs(static_cast<double>(half)) + 1 > INT32_MAX;
  if (!s.held) s.half = static_cast<std::int32_t>(half);
}

/// The tables side by side, those of most places first; or results alone.
StepPlan lay_out(const Cut& cut) {
  StepPlan plan{cut.results, {}, cut.params};
  StepParams& s = plan.params;
  if (!plan.tables.empty()) {
    plan.tables.resize(plan.tables.size() + 3);  // a gather of words reads so many further
    s.results = plan.tables.data();
    return plan;
  }
  std::vector<std::size_t> offsets;
  for (int places = s.places; places >= 0; --places) {
    for (int t = 0; t < cut.tables; ++t) {
      if (cut.places[static_cast<std::size_t>(t)] != places) continue;
      const int first = t * cut.entries;
      s.table[offsets.size()].first = static_cast<std::uint8_t>(first);
      offsets.push_back(plan.tables.size());
      plan.tables.insert(plan.tables.end(), cut.segments.start + first, cut.segments.start + first + cut.entries);
      for (int k = 0; k < places; ++k)
        for (int i = 0; i < cut.entries; ++i)
          plan.tables.push_back(static_cast<std::uint8_t>(255 - cut.segments.place[k][first + i]));
    }
    s.end[places] = static_cast<int>(offsets.size());
  }
  for (std::size_t t = 0; t < offsets.size(); ++t) s.table[t].entries = plan.tables.data() + offsets[t];
  return plan;
}

}  // namespace

std::optional<StepPlan> plan_steps(const DpuLayer& layer, const Steps& inputs, const FusedPlan& fused, int entries,
                                   int load_cost) {
  const FusedParams& f = fused.params;
  const auto stays = [&](const Steps& s, double held) {  // limited accumulators lie beyond all changes
    return s.changes.empty() ||
           std::max(std::abs(double(s.changes.front().behind)), std::abs(double(s.changes.back().behind))) + 2 < held;
  };
  std::optional<Cut> best;
  const std::optional<Steps> values = steps_of_values(layer, f, inputs);
  if (!fused.factor.empty() && values && stays(*values, fused.held))
    take_cheaper(*values, false, entries, load_cost, best);
  if (stays(inputs, fused.held * static_cast<double>(f.bn))) take_cheaper(inputs, true, entries, load_cost, best);
  if (!best) return std::nullopt;
  simplify(layer, fused, inputs, best->params);
  StepPlan plan = lay_out(*best);
  plan.by_sign = halves_matter(layer, !fused.factor.empty(), values);
  plan.params.by_sign = plan.by_sign.data();
  return plan;
}

}  // namespace ez_rknn::npu::kernels
