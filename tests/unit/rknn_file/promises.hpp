#pragma once
/// What a Model promises to everything behind the reader, checked from outside: plan and executors index without
/// asking.
#include <cmath>
#include <string>

#include "ez_rknn/error.hpp"
#include "rknn_file/model.hpp"
#include "rknn_file/reader.hpp"
#include "rknn_file/weights.hpp"

namespace ez_rknn::test {

/// The first broken promise, empty when all hold.
inline std::string broken_promise(const file::Model& m) {
  using file::Kind;
  if (m.graphs.empty()) return "no graph";
  if (m.batch < 1) return "batch";
  unsigned touched = 0;
  for (const auto& g : m.graphs) {
    const auto is_tensor = [&](std::int32_t i) { return i >= 0 && static_cast<std::size_t>(i) < g.tensors.size(); };
    if (g.inputs.empty() || g.outputs.empty()) return "graph without inputs or outputs";
    if (g.normalisation.size() != g.inputs.size()) return "one normalisation per input";
    for (const auto i : g.inputs)
      if (!is_tensor(i)) return "input id";
    for (const auto i : g.outputs)
      if (!is_tensor(i)) return "output id";
    for (const auto& t : g.tensors) {
      std::int64_t elements = 1;
      for (const auto d : t.shape)
        if (d < 1 || (elements *= d) > (std::int64_t{1} << 31)) return "shape of " + t.name;
      if (t.quantised && !(t.quant.scale > 0 && std::isfinite(t.quant.scale))) return "scale of " + t.name;
      if (t.scales.size() != t.zero_points.size() || t.quantised == t.scales.empty())
        return "quantisation of " + t.name;
      for (const auto b : t.data) touched += std::to_integer<unsigned>(b);  // must be readable; for the sanitizers
      if (t.data.empty()) continue;
      if (reinterpret_cast<std::uintptr_t>(t.data.data()) % size_of(t.dtype) != 0) return "alignment of " + t.name;
      if (t.layout == file::Layout::weight && t.kind == Kind::constant &&
          file::bytes_of(file::packed_elements(t.native_shape, 0), t.dtype) > t.data.size())
        return "packed size of " + t.name;
      if (t.layout == file::Layout::plain && t.kind != Kind::generated &&
          file::bytes_of(static_cast<std::uint64_t>(elements), t.dtype) > t.data.size())
        return "size of " + t.name;
    }
    std::uint64_t next = 0;
    for (std::size_t k = 0; k < g.nodes.size(); ++k) {
      const auto& n = g.nodes[k];
      for (const auto* list : {&n.inputs, &n.outputs})
        for (const auto i : *list)
          if (i != -1 && !is_tensor(i)) return "operand of " + n.name;
      if (n.first_task != next || n.task_count > g.tasks.size() - next) return "tasks of " + n.name;
      for (std::uint64_t i = next; i < next + n.task_count; ++i)
        if (g.tasks[i].node != k) return "owner of task " + std::to_string(i);
      next += n.task_count;
    }
    if (next != g.tasks.size()) return "tasks without a node";
    for (const auto& t : g.tasks)
      if (t.first_word > g.commands.size() || t.words > g.commands.size() - t.first_word) return "words of a task";
    for (std::size_t i = 0; i < g.relocations.size(); ++i) {
      const auto& r = g.relocations[i];
      if (r.word >= g.commands.size() || !is_tensor(r.tensor)) return "relocation";
      if (i && g.relocations[i - 1].word >= r.word) return "order of relocations";
      if (g.relocation_of(r.word) != &r) return "relocation_of";
    }
  }
  return touched == 0x7fffffffu ? "unreachable, keeps `touched` alive" : "";
}

/// Empty when the bytes were read well or refused as they may be.
inline std::string misbehaviour(std::span<const std::byte> bytes) {
  try {
    return broken_promise(file::read({nullptr, bytes}));
  } catch (const ModelError&) { return ""; } catch (const Unsupported&) {
    return "";
  } catch (const std::exception& e) { return std::string("another exception: ") + e.what(); }
}

}  // namespace ez_rknn::test
