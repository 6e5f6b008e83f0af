#include "rknn_file/reader.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "ez_rknn/error.hpp"
#include "promises.hpp"
#include "samples.hpp"

using namespace ez_rknn;
using namespace ez_rknn::test;

TEST_CASE("the seed model says what its build script asked for") {
  const auto m = file::read(file::map_file(sample("seed/seed_i8.rknn")));
  CHECK_EQ(m.format_version, 6);
  CHECK_EQ(m.target, "rk3588");
  CHECK_EQ(m.npu, "RKNPU v2");
  CHECK_EQ(m.framework, "ONNX");
  CHECK_EQ(m.custom_string, "yolov5s-640");
  CHECK(m.compiler_version.starts_with("2.3.2"));
  CHECK_FALSE(m.dynamic);
  CHECK_FALSE(m.weights_removed);
  CHECK_EQ(m.batch, 1);
  CHECK_EQ(m.file_bytes, std::filesystem::file_size(sample("seed/seed_i8.rknn")));
  CHECK_EQ(m.user_inputs.at("images").dtype, "int8");
  CHECK_EQ(m.user_inputs.at("images").layout, "NHWC");
  CHECK_EQ(m.user_outputs.at("output0").layout, "NCHW");
  REQUIRE_EQ(m.graphs.size(), 1);
  const auto& g = m.graphs.front();
  REQUIRE_EQ(g.inputs.size(), 1);
  REQUIRE_EQ(g.outputs.size(), 1);
  const auto& in = g.tensors[static_cast<std::size_t>(g.inputs[0])];
  const auto& out = g.tensors[static_cast<std::size_t>(g.outputs[0])];
  CHECK_EQ(in.name, "images");
  CHECK_EQ(in.kind, file::Kind::input);
  CHECK_EQ(in.dtype, DType::i8);
  CHECK_EQ(in.shape, Dims{1, 3, 640, 640});
  CHECK(in.quantised);
  CHECK_EQ(out.name, "output0");
  CHECK_EQ(out.shape, Dims{1, 25200, 85});
  CHECK_GE(g.arena_bytes, std::uint64_t{640} * 640 * 3);
  CHECK(g.normalisation[0].std.size() >= 3);
  CHECK_EQ(g.nodes.front().type, "InputOperator");
  CHECK_EQ(g.nodes.back().type, "OutputOperator");
  CHECK_FALSE(g.tasks.empty());
  CHECK_FALSE(g.relocations.empty());
}

TEST_CASE("every sample model can be read and keeps the reader's promises") {
  const auto paths = sample_models();
  REQUIRE(paths.size() >= 2);  // the seed at least
  for (const auto& path : paths) {
    CAPTURE(path.string());
    const auto m = file::read(file::map_file(path));
    CHECK_EQ(broken_promise(m), "");
    CHECK_FALSE(m.target.empty());
    CHECK_FALSE(m.compiler_version.empty());
    for (const auto& g : m.graphs)
      for (const auto& n : g.nodes) CHECK_FALSE(n.type.empty());
  }
}

TEST_CASE("attributes carry ONNX's names") {
  const auto m = file::read(file::map_file(sample("seed/seed_i8.rknn")));
  bool conv = false, concat = false;
  for (const auto& n : m.graphs[0].nodes) {
    if (n.type.starts_with("Conv")) {
      conv = true;
      CHECK_EQ(n.attributes.integers("strides").size(), 2);
      CHECK_EQ(n.attributes.integers("pads").size(), 4);
      CHECK_EQ(n.attributes.text("auto_pad", ""), "NOTSET");
    }
    if (n.type == "Concat") {
      concat = true;
      CHECK_EQ(n.attributes.integer("axis", -1), 2);
    }
  }
  CHECK(conv);
  CHECK(concat);
}

TEST_CASE("address registers of RV1106 files become relocations to the right kinds of tensor") {
  const auto path = sample("fixtures/tiny_i8_rv1106.rknn");
  const auto m = file::read(file::map_file(path));
  CHECK_EQ(m.format_version, 0x1004);
  CHECK_EQ(m.target, "rv1106");
  const auto& g = m.graphs.front();
  int weights = 0, written = 0;
  for (const auto& t : g.tasks) {
    if (g.nodes[t.node].type.find("Operator") != std::string::npos) continue;  // the runtime's own copies
    for (auto w = t.first_word; w < t.first_word + t.words; ++w) {
      const auto* r = g.relocation_of(w);
      if (!r) continue;
      const auto& tensor = g.tensors[static_cast<std::size_t>(r->tensor)];
      const auto& node = g.nodes[t.node];
      const auto reg = g.commands[w] & 0xffff;
      CAPTURE(node.name);
      if (reg == 0x1110) {
        ++weights;
        CHECK((tensor.kind == file::Kind::constant || tensor.kind == file::Kind::generated));
        CHECK_EQ(tensor.layout, file::Layout::weight);
      }
      if (reg == 0x4020 && node.task_count == 1) {
        ++written;
        CHECK_EQ(r->tensor, node.outputs.at(0));
      }
    }
  }
  CHECK(weights > 0);
  CHECK(written > 0);
}

TEST_CASE("a dynamic-shape model has a graph per shape, weights shared, and its real chip") {
  const auto path = sample("fixtures/dynamic_shapes_i8.rknn");
  const auto m = file::read(file::map_file(path));
  CHECK(m.dynamic);
  CHECK_EQ(m.target, "rk3588");  // the toolkit writes rk3562 into such files
  REQUIRE(m.graphs.size() > 1);
  CHECK_FALSE(m.weights_removed);
  int shared = 0;
  for (const auto& t : m.graphs[1].tensors) {
    if (t.layout != file::Layout::weight || t.kind != file::Kind::constant) continue;
    const auto* first = find_tensor(m.graphs[0], t.name);
    REQUIRE(first);
    CHECK_EQ(t.data.size(), first->data.size());
    shared += t.data.data() == first->data.data();
  }
  CHECK(shared > 0);
}

TEST_CASE("removed weights are noticed, and come from another build of the model by name") {
  const auto without = sample("fixtures/shared_weights_without_weights.rknn");
  const auto with = sample("fixtures/shared_weights_i8.rknn");
  auto m = file::read(file::map_file(without));
  CHECK(m.weights_removed);
  {
    const auto donor = file::read(file::map_file(with));
    CHECK_FALSE(donor.weights_removed);
    file::take_weights(m, donor);
  }  // the donor's bytes must outlive it
  CHECK_FALSE(m.weights_removed);
  CHECK_EQ(broken_promise(m), "");
  const auto donor = file::read(file::map_file(with));
  for (const auto& t : m.graphs[0].tensors) {
    if (t.layout != file::Layout::weight || t.kind != file::Kind::constant) continue;
    const auto* given = find_tensor(donor.graphs[0], t.name);
    REQUIRE(given);
    REQUIRE_EQ(t.data.size(), given->data.size());
    CHECK_EQ(std::memcmp(t.data.data(), given->data.data(), t.data.size()), 0);
  }
}

TEST_CASE("a donor without the weights is refused by the tensor's name") {
  const auto without = sample("fixtures/shared_weights_without_weights.rknn");
  auto m = file::read(file::map_file(without));
  const auto other = file::read(file::map_file(sample("seed/seed_i8.rknn")));
  CHECK_THROWS_AS(file::take_weights(m, other), Unsupported);
}

TEST_CASE("a model does not need its bytes to be aligned") {
  auto bytes = load(sample("seed/seed_i8.rknn"));
  const auto expected = read(bytes);
  FileBytes shifted(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
  const auto m = file::read({nullptr, std::span<const std::byte>(shifted).subspan(1)});
  CHECK_EQ(broken_promise(m), "");
  REQUIRE_EQ(m.graphs[0].tensors.size(), expected.graphs[0].tensors.size());
  for (std::size_t i = 0; i < m.graphs[0].tensors.size(); ++i)
    CHECK(std::ranges::equal(m.graphs[0].tensors[i].data, expected.graphs[0].tensors[i].data));
}

TEST_CASE("what cannot be opened is NoSuchFile with path and reason") {
  const auto reason = [](const char* path) {
    try {
      file::map_file(path);
    } catch (const NoSuchFile& e) { return std::string(e.what()); }
    return std::string();
  };
  CHECK(reason("/nowhere/x.rknn").find("/nowhere/x.rknn") != std::string::npos);
  CHECK(reason("/nowhere/x.rknn").find("No such file") != std::string::npos);
  CHECK(reason("/").find("directory") != std::string::npos);
  CHECK(reason("/dev/null").find("regular") != std::string::npos);
}

TEST_CASE("an empty file maps to no bytes, which are not a model") {
  const auto path = std::filesystem::temp_directory_path() / "ez_rknn_empty.rknn";
  std::ofstream(path).close();
  CHECK_THROWS_AS(file::read(file::map_file(path)), ModelError);
  std::filesystem::remove(path);
}

TEST_CASE("copied bytes are the caller's no longer, and aligned") {
  auto bytes = load(sample("seed/seed_i8.rknn"));
  const auto copy = file::copy_bytes(bytes);
  CHECK(std::ranges::equal(copy.data, bytes));
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(copy.data.data()) % 64, 0);
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  CHECK_EQ(broken_promise(file::read(copy)), "");
}
