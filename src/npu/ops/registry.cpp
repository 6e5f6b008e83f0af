#include "npu/ops/registry.hpp"

#include <algorithm>

#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// All entries, sorted by type; made once.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> v;
    for (const Family& family :
         {move_family(),   arrange_family(),   join_family(),      pad_family(),        unary_family(),
          binary_family(), logic_family(),     convert_family(),   reduce_family(),     rank_family(),
          gather_family(), scatter_family(),   col2im_family(),    resize_family(),     grid_sample_family(),
          roi_family(),    pooling_family(),   softmax_family(),   norm_family(),       channel_norm_family(),
          matmul_family(), attention_family(), recurrent_family(), convolution_family()})
      v.insert(v.end(), family.begin(), family.end());
    std::sort(v.begin(), v.end(), [](const Entry& a, const Entry& b) { return a.type < b.type; });
    return v;
  }();
  return all;
}

}  // namespace

Factory find(std::string_view node_type) {
  const auto& all = entries();
  const auto it = std::lower_bound(all.begin(), all.end(), node_type,
                                   [](const Entry& e, std::string_view type) { return e.type < type; });
  return it != all.end() && it->type == node_type ? it->make : nullptr;
}

std::vector<std::string_view> known_types() {
  std::vector<std::string_view> types;
  for (const auto& e : entries()) types.push_back(e.type);
  return types;
}

}  // namespace ez_rknn::npu::ops
