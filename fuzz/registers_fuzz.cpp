/// The register decoder on any commands: banks, normal form, geometry of a convolution and text of every task, for
/// every chip. Bytes 0 and 1: chip, and whether values are real; then tasks of 16 bytes: enabled blocks, a relocation,
/// and where its words begin and end; behind a zero task the command words.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "ez_rknn/error.hpp"
#include "npu/regs/disassemble.hpp"
#include "npu/regs/geometry.hpp"
#include "npu/regs/normalise.hpp"

namespace {

using namespace ez_rknn;

constexpr const char* kChips[] = {"rk3588", "rk3566", "rk3562", "rk3576", "rv1106", "rv1103b", "rv1126b"};
constexpr int kTensors = 3;

struct RawTask {
  std::uint32_t enable, relocation;
  std::uint16_t tensor, addend;
  std::uint16_t first, words;
};
static_assert(sizeof(RawTask) == 16);

/// Constants some chips keep operands in; the second has no data, as after remove_weight.
file::Graph graph_of(std::span<const std::uint8_t> bytes) {
  static const std::vector<std::byte> constants(4096, std::byte{3});
  file::Graph graph;
  for (int k = 0; k < kTensors; ++k) {
    file::Tensor t;
    t.name = "tensor" + std::to_string(k);
    t.dtype = k == 2 ? DType::i32 : DType::f16;
    t.kind = file::Kind::constant;
    t.shape = {1, 64};
    if (k != 1) t.data = constants;
    graph.tensors.push_back(std::move(t));
  }
  std::vector<RawTask> tasks;
  RawTask raw;
  while (bytes.size() >= sizeof raw) {
    std::memcpy(&raw, bytes.data(), sizeof raw);
    bytes = bytes.subspan(sizeof raw);
    if (raw.enable == 0 || tasks.size() == 64) break;
    tasks.push_back(raw);
  }
  graph.commands.resize(bytes.size() / 8);
  if (!graph.commands.empty()) std::memcpy(graph.commands.data(), bytes.data(), 8 * graph.commands.size());
  for (const RawTask& t : tasks) {
    graph.tasks.push_back({0, t.enable, t.first, t.words});
    const bool later = graph.relocations.empty() || graph.relocations.back().word < t.relocation;
    if (later) graph.relocations.push_back({t.relocation, t.tensor % kTensors, t.addend});
  }
  return graph;
}

template <class F>
void total(F&& f) {
  try {
    f();
  } catch (const ModelError&) {  // refused
  } catch (const Unsupported&) {
  } catch (const std::exception& e) {
    std::fprintf(stderr, "registers_fuzz: another exception: %s\n", e.what());
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const npu::Chip& chip = *npu::find_chip(kChips[data[0] % std::size(kChips)]);
  const bool real = data[1] & 1;
  const file::Graph graph = graph_of(std::span(data, size).subspan(2));
  npu::RegisterBanks banks(chip, graph);
  for (std::size_t k = 0; k < graph.tasks.size(); ++k) {
    total([&] { npu::disassemble_task(chip, graph, k); });
    total([&] {
      const auto registers = banks.apply(graph.tasks[k]);
      total([&] { npu::normalise(chip, graph, registers, real); });
      total([&] { npu::conv_registers(chip, registers); });
    });
  }
  return 0;
}
