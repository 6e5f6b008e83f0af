/// Whole networks in the old schemes. Files of compilers 1.x are their owners' and cannot be part of the repository, so
/// builds of ours are written again as those compilers wrote them: a command stream a task, LUT blobs, relocations by
/// register, attributes in the union table only, buffers where versions 1 to 4 keep them.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "npu/exec/program.hpp"
#include "rknn_file/flat_builder.hpp"

using namespace ez_rknn;
using namespace ez_rknn::test;

namespace {

constexpr std::uint16_t kFirstUnitRegister = 0x1000;  // below: what version 6 tells the fetcher of commands

struct StreamWord {
  std::uint16_t zero, reg;
  std::uint32_t value;
  bool opens_lut() const { return reg == 0x4100 && (value & 0x20000) != 0; }
};
struct OldRelocation {
  std::uint32_t reg, tensor, addend, column, row, unknown;
};

int number_of(DType t) {
  switch (t) {
    case DType::f32: return 1;
    case DType::i8: return 3;
    case DType::i32: return 6;
    case DType::i64: return 7;
    case DType::f16: return 10;
    default: FAIL("no element type of the samples: " << name_of(t)); return 0;
  }
}

std::vector<std::int32_t> narrow(const std::vector<std::int64_t>& v) { return {v.begin(), v.end()}; }

class OldForm {
 public:
  explicit OldForm(const file::Model& model) : model_(model), g_(model.graphs.at(0)) {
    for (const auto& t : g_.tensors) add(t);
    for (std::uint32_t k = 0; k < g_.nodes.size(); ++k) nodes_.push_back(node(k));
  }

  FileBytes bytes(std::uint64_t version) const {
    Table graph, root;
    graph.tables(0, tensors_).tables(1, nodes_).ints(2, g_.inputs).ints(3, g_.outputs);
    root.scalar(0, 1)
        .text(1, model_.npu)
        .tables(2, {graph})
        .tables(4, buffers_)
        .text(7, "1.5.0")
        .text(8, model_.target);
    return container(version, flat_buffer(root.text(9, model_.framework).text(14, version < 4 ? "1" : "0")));
  }

 private:
  void add(const file::Tensor& t) {
    const bool of_version_6 =
        t.kind == file::Kind::commands || t.kind == file::Kind::tasks || t.kind == file::Kind::lut;
    if (of_version_6 || t.kind == file::Kind::unknown) {
      tensors_.emplace_back();  // keeps the others' numbers
      return;
    }
    const std::vector<std::int32_t> shape(t.shape.begin(), t.shape.end());
    auto table = Sketch::tensor(number_of(t.dtype), int(t.layout), int(t.kind), shape, t.name);
    table.ints(3, t.native_shape).list(10, t.scales).ints(11, t.zero_points);
    table.scalar(12, t.size).scalar(13, t.arena_offset).scalar(18, buffer(FileBytes(t.data.begin(), t.data.end())));
    tensors_.push_back(table);
  }

  std::uint32_t buffer(const FileBytes& data) {
    buffers_.push_back(Sketch::buffer_of(data));
    return static_cast<std::uint32_t>(buffers_.size() - 1);
  }

  std::int32_t stream(file::Kind kind, const std::vector<StreamWord>& words) {
    FileBytes data(words.size() * sizeof(StreamWord));
    std::memcpy(data.data(), words.data(), data.size());
    tensors_.push_back(Table().scalar(0, std::uint8_t{13}).scalar(2, std::uint8_t(kind)).scalar(18, buffer(data)));
    return static_cast<std::int32_t>(tensors_.size() - 1);
  }

  Table node(std::uint32_t k) {
    const auto& n = g_.nodes[k];
    Table t;
    t.text(1, n.type).text(2, n.name).scalar(3, std::int8_t(n.on_npu ? 2 : 1)).ints(4, n.inputs).ints(5, n.outputs);
    attributes(n, t);
    Table::Tables tasks;
    std::vector<StreamWord> lut;
    for (auto i = n.first_task; i < n.first_task + n.task_count; ++i) {
      std::vector<OldRelocation> relocations;
      const auto words = commands(g_.tasks[i], relocations);
      if (std::any_of(words.begin(), words.end(), [](auto w) { return w.opens_lut(); })) {
        lut.insert(lut.end(), words.begin(), words.end());
        continue;
      }
      Table task;
      task.scalar(0, stream(file::Kind::old_commands, words)).scalar(3, g_.tasks[i].enable).list(5, relocations);
      if (!lut.empty()) task.scalar(1, stream(file::Kind::lut, lut)), ++blobs;
      lut.clear();
      tasks.push_back(task);
    }
    return tasks.empty() ? t : t.tables(6, tasks);
  }

  std::vector<StreamWord> commands(const file::Task& task, std::vector<OldRelocation>& relocations) const {
    std::vector<StreamWord> words;
    for (auto at = task.first_word; at < task.first_word + task.words; ++at) {
      const auto word = g_.commands[at];
      const auto reg = static_cast<std::uint16_t>(word);
      if (reg < kFirstUnitRegister) continue;
      words.push_back({0, reg, static_cast<std::uint32_t>(word >> 16)});
      if (const auto* r = g_.relocation_of(at))  // the place of a tile, as yolov8 files of compiler 1.3.0 have it
        relocations.push_back({reg, std::uint32_t(r->tensor), r->addend, r->addend / 16, 0, 0});
    }
    return words;
  }

  static void attributes(const file::Node& n, Table& t) {
    const auto list = [&](const char* name) { return narrow(n.attributes.integers(name)); };
    Table a;
    int tag = 0;
    if (n.type.rfind("Conv", 0) == 0) {
      tag = 1;
      a.text(0, "NOTSET").ints(1, list("dilations")).scalar(2, std::int32_t(n.attributes.integer("group", 1)));
      a.ints(3, list("kernel_shape")).ints(4, list("pads")).ints(5, list("strides"));
    } else if (n.type == "MaxPool") {
      tag = 3;
      a.ints(3, list("kernel_shape")).ints(4, list("pads")).ints(6, list("strides"));
    } else if (n.type == "Concat") {
      tag = 19, a.scalar(0, std::int32_t(n.attributes.integer("axis", 0)));
    } else if (n.type == "Transpose") {
      tag = 25, a.ints(0, list("perm"));
    }
    if (tag != 0) t.scalar(7, std::uint8_t(tag)).table(8, a);
  }

  const file::Model& model_;
  const file::Graph& g_;
  Table::Tables tensors_, nodes_, buffers_{Sketch::buffer({})};

 public:
  int blobs = 0;  ///< LUT blobs written
};

/// Every output's bytes, of inputs that depend on the seed only.
std::vector<std::byte> results(file::Model model, unsigned seed) {
  const auto context = npu::Context::create(npu::Program::load(std::move(model)));
  const auto& g = context->program().model().graphs.at(0);
  std::mt19937 random(seed);
  for (int k = 0; k < int(g.inputs.size()); ++k) {
    const TensorView in = context->input(k);
    REQUIRE_EQ(in.dtype, DType::i8);
    for (std::int64_t i = 0; i < in.shape.elements(); ++i) in.data[i] = std::byte(random());  // NHWC without gaps
  }
  context->run(0);
  std::vector<std::byte> all;
  for (int k = 0; k < int(g.outputs.size()); ++k) {
    const ConstTensorView out = context->output(k);
    all.insert(all.end(), out.data, out.data + out.shape.elements() * std::int64_t(size_of(out.dtype)));
  }
  return all;
}

}  // namespace

TEST_CASE("a network computes the same from a file of format version 1 to 5 as from one of version 6") {
  for (const char* name :
       {"seed/seed_i8_rk3566.rknn", "fixtures/tiny_i8_rk3566.rknn", "fixtures/tiny_i8_rk3562.rknn"}) {
    CAPTURE(name);
    const auto original = read(load(sample(name)));
    const auto expected = results(original, 5);
    CHECK_NE(results(original, 6), expected);  // the outputs say something of the inputs
    OldForm old(original);
    if (std::string_view(name).rfind("seed", 0) == 0) CHECK_EQ(old.blobs, 3);
    for (const std::uint64_t version : {1, 2, 3, 4, 5}) {
      CAPTURE(version);
      auto model = read(old.bytes(version));
      CHECK_EQ(model.format_version, version);
      CHECK_EQ(model.target, original.target);
      CHECK_EQ(model.graphs[0].tasks.size(), original.graphs[0].tasks.size());
      if (version == 4 || std::string_view(name).rfind("seed", 0) != 0) CHECK(results(std::move(model), 5) == expected);
    }
  }
}
