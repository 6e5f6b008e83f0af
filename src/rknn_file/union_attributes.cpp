#include "rknn_file/union_attributes.hpp"

#include <array>

namespace ez_rknn::file {
namespace {

enum class Type : std::uint8_t { none, integer, real, text, integers };
constexpr auto I = Type::integer, F = Type::real, S = Type::text, L = Type::integers;

struct Slot {
  const char* name = nullptr;  ///< null: a slot whose meaning is not known
  Type type = Type::none;
};
struct Entry {
  int tag;
  std::array<Slot, 8> slots;
};

constexpr Entry kEntries[] = {
    // Conv and its fused forms
    {1, {{{"auto_pad", S}, {"dilations", L}, {"group", I}, {"kernel_shape", L}, {"pads", L}, {"strides", L}}}},
    // ConvTranspose
    {2,
     {{{"auto_pad", S},
       {"dilations", L},
       {"group", I},
       {"kernel_shape", L},
       {"output_padding", L},
       {"output_shape", L},
       {"pads", L},
       {"strides", L}}}},
    // MaxPool
    {3,
     {{{"auto_pad", S},
       {"ceil_mode", I},
       {"dilations", L},
       {"kernel_shape", L},
       {"pads", L},
       {"storage_order", I},
       {"strides", L}}}},
    // AveragePool
    {5,
     {{{"auto_pad", S}, {"ceil_mode", I}, {"count_include_pad", I}, {"kernel_shape", L}, {"pads", L}, {"strides", L}}}},
    {9, {{{"alpha", F}}}},                      // LeakyRelu
    {17, {{{"epsilon", F}, {"momentum", F}}}},  // BatchNormalization
    {19, {{{"axis", I}}}},                      // Concat
    {20, {{{"axis", I}, {"split", L}}}},        // Split
    {25, {{{"perm", L}}}},                      // Transpose
    // Resize
    {26,
     {{{"coordinate_transformation_mode", S},
       {"cubic_coeff_a", F},
       {"exclude_outside", I},
       {"extrapolation_value", F},
       {"mode", S},
       {"nearest_mode", S}}}},
    {30, {{{"mode", S}}}},                                             // Pad
    {31, {{{"alpha", F}, {"beta", F}, {"bias", F}, {"size", I}}}},     // LRN
    {32, {{{"blocksize", I}, {"mode", S}}}},                           // DepthToSpace
    {33, {{{"blocksize", I}}}},                                        // SpaceToDepth
    {50, {{{"axis", I}}}},                                             // Gather
    {51, {{{"axis", I}, {"keepdims", I}, {"select_last_index", I}}}},  // ArgMax
    {52, {{{"axis", I}, {"keepdims", I}, {"select_last_index", I}}}},  // ArgMin
    {53, {{{"axes", L}}}},                                             // ReduceMax
    {54, {{{"axes", L}}}},                                             // ReduceMin
    {61, {{{"axis", I}}}},                                             // exSoftmax13
    {62, {{{"mode", S}, {"eps", F}, {"axes", L}}}},                    // exNorm of RV1106
    {64, {{{"axis", I}}}},                                             // LogSoftmax
    {kGru, {{{"direction", S}, {"hidden_size", I}, {"linear_before_reset", I}}}},
    {kMiniGru, {{{"hidden_size", I}, {"linear_before_reset", I}}}},
    {83, {{{"fmod", I}}}},                                 // Mod
    {87, {{{"mode", S}, {"eps", F}, {"axes", L}}}},        // exNorm
    {89, {{{"axis", I}, {"largest", I}, {"sorted", I}}}},  // TopK
    {93, {{{"axis", I}}}},                                 // OneHot
    {96, {{{nullptr, Type::none}, {"to", I}}}},            // Cast; slot 0 always 1 in the files seen
};

constexpr std::string_view kAxis = "axis";

const Entry* entry_of(int tag) {
  for (const auto& e : kEntries)
    if (e.tag == tag) return &e;
  return nullptr;
}

Attribute read(const FlatTable& t, int slot, const Slot& what, Budget& budget) {
  switch (what.type) {
    case Type::real: return double{t.scalar<float>(slot, 0, what.name)};
    case Type::text: {
      const auto s = t.text(slot, what.name);
      budget.charge(s.size(), what.name, t.file_offset(slot));
      return std::string(s);
    }
    case Type::integers: {
      const auto v = t.vector<std::int32_t>(slot, what.name);
      budget.charge(v.size() * sizeof(std::int64_t), what.name, v.file_offset());
      std::vector<std::int64_t> list(v.size());
      for (std::size_t i = 0; i < v.size(); ++i) list[i] = v[i];
      return list;
    }
    default: return std::int64_t{t.scalar<std::int32_t>(slot, 0, what.name)};
  }
}

}  // namespace

void read_union_attributes(int tag, const FlatTable& table, Budget& budget, Attributes& out) {
  const auto* entry = entry_of(tag);
  if (!entry) return;
  for (std::size_t i = 0; i < entry->slots.size(); ++i) {
    const auto& slot = entry->slots[i];
    const auto field = static_cast<int>(i);
    if (!slot.name || out.has(slot.name)) continue;
    // FlatBuffers leave a value out that equals its default: 0 for every axis, unknown for the others.
    if (table.has(field) || slot.name == kAxis) out.values.emplace(slot.name, read(table, field, slot, budget));
  }
}

}  // namespace ez_rknn::file
