#pragma once
/// What a .rknn file says, in one form for all format versions and all chips. Immutable once loaded; everything is
/// borrowed from `Model::storage`, which keeps the file's bytes (or what was unpacked from them) alive.
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/dtype.hpp"
#include "core/tensor_view.hpp"

namespace ez_rknn::file {

/// How a tensor lies in the NPU's memory. Numbers are the file's; others than the named ones are plain.
enum class Layout : std::uint8_t {
  plain = 0,
  scratch = 2,
  feature = 64 /* NC1HWC2 */,
  weight = 65 /* packed for the CNA */
};

enum class Kind : std::uint8_t {
  unknown = 0,
  input = 1,
  output = 2,
  internal = 3,
  constant = 4,      ///< operand of the NPU
  cpu_constant = 5,  ///< operand of an operator's meaning: shapes, axes, indices
  lut = 6,           ///< copy of LUT upload commands; needed in old formats only
  old_commands = 7,  ///< one command stream, format versions 1 to 4
  generated = 8,     ///< made by the compiler: identity weights, masks
  commands = 9,
  tasks = 10,
};

struct Tensor {
  std::string name;
  DType dtype = DType::f32;
  Layout layout = Layout::plain;
  Kind kind = Kind::unknown;
  Dims shape;                              ///< logical (ONNX order); right for every rank
  std::vector<std::int32_t> native_shape;  ///< NC1HWC2 for features; a list of 6-tuples for packed weights
  bool quantised = false;                  ///< scale and zero point are given
  Quant quant;
  std::vector<float> scales;  ///< as in the file; more than one entry only for per-channel constants
  std::vector<std::int32_t> zero_points;
  std::uint32_t size = 0;          ///< bytes the file reserves
  std::uint32_t arena_offset = 0;  ///< for inputs, outputs and internal tensors
  std::span<const std::byte>
      data;  ///< constants, already decompressed; empty when the file leaves it out (remove_weight)
};

/// An attribute of a node, by its ONNX name.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
                               std::vector<std::string>>;

class Attributes {
 public:
  std::map<std::string, Attribute, std::less<>> values;
  std::uint64_t file_offset = 0;  ///< of the node's attributes, for error messages

  bool has(std::string_view name) const { return values.find(name) != values.end(); }
  /// The value, or `fallback` when the attribute is absent (ONNX's default is the caller's to know).
  /// A scalar is accepted where a list is asked for and a one-element list where a scalar is. @throws ModelError on
  /// another type
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  double real(std::string_view name, double fallback) const;
  std::string text(std::string_view name, std::string_view fallback) const;
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> fallback = {}) const;
};

/// One hardware task: a range of command words and the blocks it enables (bit 0 CNA, 1 CMAC, 2 CORE, 3 DPU, 4 DPU_RDMA,
/// 5 PPU, 6 PPU_RDMA).
struct Task {
  std::uint32_t node = 0;
  std::uint32_t enable = 0;
  std::uint64_t first_word = 0;  ///< index into Graph::commands
  std::uint32_t words = 0;
};

struct Node {
  std::string type;  ///< "ConvRelu", "exSoftmax13", "cstMyOp"
  std::string name;  ///< "Conv:conv_1"
  bool on_npu = false;
  std::vector<std::int32_t> inputs, outputs;  ///< indices into Graph::tensors, -1 where absent
  Attributes attributes;
  std::uint32_t first_task = 0, task_count = 0;  ///< range of Graph::tasks, first (one-core) variant
};

/// The 64-bit command word `word` gets base(tensor) + addend as its value field. Sorted by word; at most one per word.
struct Relocation {
  std::uint64_t word = 0;
  std::int32_t tensor = -1;
  std::uint32_t addend = 0;
};

/// Host-side conversion of one input: real = (raw - mean) / std per channel, channels reordered first.
struct Normalisation {
  std::vector<float> mean, std;
  std::vector<std::int32_t> order;
  bool is_identity() const;
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  ///< in execution order
  std::vector<std::int32_t> inputs, outputs;
  std::vector<Normalisation> normalisation;  ///< one per input
  std::vector<std::uint64_t> commands;       ///< target[48:63] | value[16:47] | register[0:15]
  std::vector<Task> tasks;  ///< one-core variant, in node order; old formats are brought into this form
  std::vector<Relocation> relocations;
  std::uint64_t arena_bytes = 0;
  std::span<const std::byte> mapped;  ///< of its tensors' data: what is pages of a file mapped by map_file

  const Relocation* relocation_of(std::uint64_t word) const;
};

/// Says that `data`, a part of a tensor's, is not expected to be read again: the pages that lie in it leave this
/// process's memory if they are `graph.mapped`, and come back from the file should they be read after all. Other memory
/// is left alone. Safe from any thread, whoever is reading.
void let_go(const Graph& graph, std::span<const std::byte> data);

/// What a user may have stated about an input or output when the file was built.
struct UserTensorType {
  std::string dtype, layout;
};

struct Model {
  std::shared_ptr<const void> storage;
  std::uint64_t format_version = 0;  ///< header field: 1, 2, 4, 6, 0x1004
  std::string compiler_version;      ///< "2.3.2 (...)" as the file has it
  std::string target;                ///< "rk3588", lower case
  std::string npu;                   ///< "RKNPU v2", "RKNPU lite", ...
  std::string framework;             ///< "ONNX", ...
  std::string custom_string;
  std::string quantisation_text;  ///< informational dict text of the file
  bool dynamic = false;
  std::int64_t batch = 1;  ///< rknn_batch_size: graphs are for one sample, the interface takes this many
  std::uint64_t weight_bytes = 0;
  std::uint64_t file_bytes = 0;
  bool weights_removed = false;  ///< some weight buffers are empty (remove_weight): needs a donor
  std::map<std::string, UserTensorType> user_inputs, user_outputs;
  std::vector<Graph> graphs;  ///< one; dynamic-shape files have one per input shape
};

}  // namespace ez_rknn::file
