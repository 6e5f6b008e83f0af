/// Files made table by table: what the smallest sound one gives, and one lie at a time.
#include <doctest/doctest.h>

#include <functional>

#include "ez_rknn/error.hpp"
#include "flat_builder.hpp"
#include "promises.hpp"

using namespace ez_rknn;
using namespace ez_rknn::test;

namespace {

template <class E = ModelError>
std::string error_of(const FileBytes& bytes) {
  try {
    read(bytes);
  } catch (const E& e) { return e.what(); }
  return "no error";
}

struct Lie {
  const char* says;  ///< part of the message
  std::function<void(Sketch&)> tell;
};

}  // namespace

TEST_CASE("the smallest model") {
  const auto bytes = Sketch().bytes();
  const auto m = read(bytes);
  CHECK_EQ(broken_promise(m), "");
  const auto& g = m.graphs.at(0);
  CHECK_EQ(g.tensors.at(1).quant, Quant{0.5f, 3});
  CHECK_EQ(g.tensors[3].data.size(), 8);
  CHECK_EQ(g.arena_bytes, 68);
  CHECK(g.nodes.at(0).on_npu);
  CHECK_EQ(g.nodes[0].task_count, 1);
  CHECK_EQ(g.tasks.at(0).words, 2);
  REQUIRE_EQ(g.relocations.size(), 1);
  CHECK_EQ(g.relocations[0].word, 1);
  CHECK_EQ(g.relocations[0].tensor, 2);
  CHECK_EQ(g.relocations[0].addend, 16);
  CHECK_EQ(m.batch, 1);
}

TEST_CASE("each lie of a file has an error of its own") {
  using Record = Sketch::Record;
  const auto tasks = [](Record r) { return [r](Sketch& s) { s.buffers[3] = Sketch::buffer_of<Record>({r}); }; };
  const std::vector<Lie> lies = {
      {"dimension 0", [](Sketch& s) { s.tensor_at(1).ints(4, {1, 0}); }},
      {"dimension -1", [](Sketch& s) { s.tensor_at(1).ints(4, {-1}); }},
      {"more than 2^31 elements", [](Sketch& s) { s.tensor_at(1).ints(4, {65536, 65536}); }},
      {"native extent -2", [](Sketch& s) { s.tensor_at(1).ints(3, {-2}); }},
      {"scale -1", [](Sketch& s) { s.tensor_at(1).list<float>(10, {-1.0f}); }},
      {"scale nan", [](Sketch& s) { s.tensor_at(1).list<float>(10, {std::nanf("")}); }},
      {"2 scales, 1 zero points", [](Sketch& s) { s.tensor_at(1).list<float>(10, {1.0f, 1.0f}); }},
      {"buffer 9 of 4", [](Sketch& s) { s.tensor_at(3).scalar(18, 9); }},
      {"tensor 3 (w) needs 12 bytes, its buffer holds 8", [](Sketch& s) { s.tensor_at(3).ints(4, {3}); }},
      {"not a list of 6-tuples", [](Sketch& s) { s.tensor_at(3).scalar(1, std::int8_t{65}); }},
      {"native extent -1", [](Sketch& s) { s.tensor_at(3).scalar(1, std::int8_t{65}).ints(3, {1, 1, 1, 1, 1, -1}); }},
      {"node input: tensor 6 of 6", [](Sketch& s) { s.node().ints(4, {6}); }},
      {"node output: tensor -2", [](Sketch& s) { s.node().ints(5, {-2}); }},
      {"graph inputs: tensor -1", [](Sketch& s) { s.graph.ints(2, {-1}); }},
      {"graph outputs: tensor 99", [](Sketch& s) { s.graph.ints(3, {99}); }},
      {"graph outputs: none", [](Sketch& s) { s.graph.remove(3); }},
      {"without a readable type", [](Sketch& s) { s.node().text(1, "\x01\x02"); }},
      {"not a multiple of 8", [](Sketch& s) { s.buffers[2] = Sketch::buffer({1, 2, 3}); }},
      {"contradicts the nodes' task counts", tasks(Record{.op = 1})},
      {"a task of 3 words", tasks(Record{.words = 3})},
      {"a task of 2 words at byte 4", tasks(Record{.byte = 4})},
      {"at byte 18446744073709551608", tasks(Record{.byte = ~std::uint64_t{7}})},
      {"contradicts the nodes' task counts", [](Sketch& s) { s.node().ints(10, {7, 0}); }},
      {"a node with -1 tasks", [](Sketch& s) { s.node().ints(10, {-1, 0}); }},
      {"two command tensors",
       [](Sketch& s) { s.graph.tables(0).push_back(Sketch::tensor(13, 0, 9, {}, "r2").scalar(18, 2)); }},
      {"relocation for the tensor \"z\"", [](Sketch& s) { s.graph.tables(7)[0].text(0, "z"); }},
      {"relocation of word 2 of 2",
       [](Sketch& s) { s.graph.tables(7)[0].list<std::uint64_t>(1, {std::uint64_t{2} << 32}); }},
      {"two relocations of word 1", [](Sketch& s) { s.graph.tables(7).push_back(s.graph.tables(7)[0]); }},
      {"mean and std of 2 inputs", [](Sketch& s) { s.graph.tables(4, {Table(), Table()}); }},
      {"std 0", [](Sketch& s) { s.graph.tables(4, {Table().list<float>(1, {0.0f})}); }},
      {"mean inf", [](Sketch& s) { s.graph.tables(4, {Table().list<float>(0, {HUGE_VALF})}); }},
      {"channel order 4", [](Sketch& s) { s.graph.tables(4, {Table().ints(2, {0, 4})}); }},
      {"batch size \"-3\"", [](Sketch& s) { s.model.text(14, "-3"); }},
      {"batch size \"many\"", [](Sketch& s) { s.model.text(14, "many"); }},
      {"activations of", [](Sketch& s) { s.model.table(19, Table().scalar(1, ~std::uint64_t{0})); }},
      {"BSON", [](Sketch& s) { s.node().list<std::uint8_t>(9, {7, 0, 0, 0, 3, 'a', 0}); }},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.says);
    Sketch s;
    lie.tell(s);
    const auto message = error_of(s.bytes());
    CAPTURE(message);
    CHECK(message.find(lie.says) != std::string::npos);
    CHECK(message.find("byte ") != std::string::npos);
  }
}

TEST_CASE("what is sound but out of reach is Unsupported, and named") {
  const auto says = [](const FileBytes& bytes, const char* part) {
    return error_of<Unsupported>(bytes).find(part) != std::string::npos;
  };
  Sketch ranks;
  ranks.tensor_at(1).ints(4, std::vector<std::int32_t>(17, 1));
  CHECK(says(ranks.bytes(), "tensor 1 (x) has 17 dimensions"));
  Sketch type;
  type.tensor_at(1).scalar(0, std::int8_t{11});
  CHECK(says(type.bytes(), "tensor 1 (x) has element type 11"));
  Sketch lanes;
  lanes.tensor_at(3).scalar(14, 1).ints(15, {1}).ints(16, {1});
  lanes.tensor_at(1).scalar(0, std::int8_t{3});
  CHECK(says(lanes.bytes(), "compressed in 1 lanes"));
  Sketch brain;
  brain.tensor_at(3).scalar(14, 1);
  brain.tensor_at(1).scalar(0, std::int8_t{16});
  CHECK(says(brain.bytes(), "compressed weights of a bfloat16 layer"));

  CHECK(says(container(7, flat_buffer(Table())), "format version 7"));
  CHECK(says(container(0, flat_buffer(Table())), "format version 0"));
  auto other = Sketch().bytes();
  other[3] = std::byte{'X'};
  CHECK(says(other, "RKNX"));
  auto secret = other;
  std::memcpy(secret.data(), "CYPTRKNN", 8);
  CHECK(says(secret, "encrypted"));
  FileBytes first(64);
  std::memcpy(first.data(), "VPMN", 4);
  CHECK(says(container(1, first), "first NPU generation"));
}

TEST_CASE("the container's own sizes are checked") {
  const auto sound = Sketch().bytes();
  const auto with_word = [&](std::size_t at, std::uint64_t value) {
    auto b = sound;
    std::memcpy(&b[at], &value, 8);
    return b;
  };
  CHECK(error_of({}).find("not an .rknn file") != std::string::npos);
  CHECK(error_of(FileBytes(100)).find("found the bytes 00 00 00 00") != std::string::npos);
  CHECK(error_of(with_word(16, ~std::uint64_t{0})).find("body") != std::string::npos);
  CHECK(error_of(with_word(16, sound.size())).find("body") != std::string::npos);
  auto long_text = sound;
  long_text[sound.size() - 10] = std::byte{3};  // the JSON text is "{}"
  CHECK(error_of(long_text).find("JSON text") != std::string::npos);
  auto name = sound;
  name[68] = std::byte{'Q'};
  CHECK(error_of(name).find("identifier") != std::string::npos);
  auto root = sound;
  std::memset(&root[64], 0xf0, 4);
  CHECK(error_of(root).find("model table") != std::string::npos);
}

TEST_CASE("offsets that lead back to themselves end at the first level that does not make sense") {
  auto bytes = Sketch().bytes();
  for (std::size_t at = 72; at + 4 <= bytes.size(); ++at) {
    auto b = bytes;
    std::memset(&b[at], 0, 4);  // an offset of 0 points at itself
    CAPTURE(at);
    CHECK_EQ(misbehaviour(b), "");
  }
}

TEST_CASE("a small file cannot describe much data by pointing at one place over and over") {
  Sketch s;
  const FileBytes flat = flat_buffer(Table(s.model).tables(2, {s.graph}).tables(20, s.buffers));
  const Table big = Sketch::tensor(3, 0, 3, {1}, std::string(60000, 'n'));
  constexpr std::uint32_t kCount = 20000;
  FileBytes forward = flat;  // behind it: a vector of offsets that all lead to one table
  const auto list = forward.size();
  append(forward, kCount);
  const auto offsets = forward.size();
  forward.resize(offsets + 4 * kCount);
  const auto target = big.write(forward);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const auto at = offsets + 4 * i;
    const auto v = static_cast<std::uint32_t>(target - at);
    std::memcpy(&forward[at], &v, 4);
  }
  const auto root = Cursor(forward).to(0);
  const auto slot = root.vector_item(2, 0).field(0);  // the graph's tensors
  const auto offset = static_cast<std::uint32_t>(list - slot);
  std::memcpy(&forward[slot], &offset, 4);
  CHECK(error_of(container(6, forward)).find("times the data it holds") != std::string::npos);
}

TEST_CASE("a node that points at another table's vtable is read through one that makes sense") {
  Sketch s;
  auto second = s.node();
  second.text(1, "Relu").text(2, "Relu:b").ints(10, {0, 0}).ints(11, {0, 0});
  s.graph.tables(1).push_back(second);
  auto bytes = s.bytes();
  FileBytes flat(bytes.begin() + 64, bytes.end());
  const auto graph = Cursor(flat).to(0).vector_item(2, 0);
  const auto node = graph.vector_item(1, 1), other = graph.vector_item(0, 1);  // another: a tensor
  const auto back = static_cast<std::int32_t>(node.at() - other.vtable());
  std::memcpy(&bytes[64 + node.at()], &back, 4);
  const auto m = read(bytes);
  CHECK_EQ(broken_promise(m), "");
  CHECK_EQ(m.graphs[0].nodes.at(1).type, "Relu");
  CHECK_EQ(m.graphs[0].nodes[1].name, "Relu:b");
}
