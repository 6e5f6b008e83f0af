/// Format versions 1 to 4 and the RV1103/RV1106 container, from tables made here: compiled samples of the old ones are
/// the vendor's and cannot be part of the repository.
#include <doctest/doctest.h>

#include "flat_builder.hpp"
#include "mutations.hpp"
#include "promises.hpp"

using namespace ez_rknn;
using namespace ez_rknn::test;

namespace {

struct StreamWord {
  std::uint16_t zero, reg;
  std::uint32_t value;
};
struct OldRelocation {
  std::uint32_t reg, tensor, addend, column, row, unknown;
};

Table old_task(int stream, std::uint32_t enable, const std::vector<OldRelocation>& relocations, int lut = 0) {
  Table t;
  t.scalar(0, stream).scalar(3, enable).list(5, relocations);
  if (lut) t.scalar(1, lut);
  return t;
}

/// Two nodes on the NPU, the second with a LUT; tensors none, x, y, streams 3 and 4, LUT 5.
struct OldSketch {
  OldSketch() {
    graph.tables(0, {Table(), Sketch::tensor(3, 0, 1, {4}, "x"), Sketch::tensor(3, 0, 2, {4}, "y"),
                     Sketch::tensor(13, 0, 7, {}, "").scalar(18, 1), Sketch::tensor(13, 0, 7, {}, "").scalar(18, 2),
                     Sketch::tensor(13, 0, 6, {}, "Sigmoid").scalar(18, 3)});
    const auto node = [](const char* type) {
      return Table().text(1, type).text(2, type).scalar(3, std::int8_t{2}).ints(4, {1}).ints(5, {2});
    };
    auto several = old_task(3, 0x1d, {});
    several.scalar(7, 3).scalar(8, 2);  // of a variant for two cores
    graph.tables(
        1,
        {node("Conv").tables(6, {old_task(3, 0x1d, {{0x4020, 2, 32, 2, 0, 0}}), several}),
         node("ConvSigmoid").tables(6, {old_task(4, 0x18, {{0x5018, 1, 0, 0, 7, 0}}, 5), old_task(4, 0x18, {}, 5)})});
    graph.ints(2, {1}).ints(3, {2});
    model.scalar(0, 2).text(1, "RKNPU v2").text(8, "rk3566");
    buffers = {Sketch::buffer({}), Sketch::buffer_of<StreamWord>({{0, 0x4010, 1}, {0, 0x4020, 9}}),
               Sketch::buffer_of<StreamWord>({{0, 0x5018, 3}}),
               Sketch::buffer_of<StreamWord>(
                   {{0, 0x4004, 0xe}, {0, 0x4100, 0x20000}, {0, 0x4004, 0xe}, {0, 0x4100, 0x30000}, {0, 0x4104, 5}})};
  }
  FileBytes bytes(std::uint64_t version = 2) {
    Table m = model;
    m.tables(2, {graph}).tables(4, buffers);
    return container(version, flat_buffer(m));
  }
  Table model, graph;
  Table::Tables buffers;
};

/// An RV1106 file: y = conv(x), weights "w", and x and y overlap in the arena (the map is rewritten in place).
struct MiniSketch {
  static constexpr std::uint32_t kCommands = 4 * 8, kGenerated = 64, kConstants = 64;
  static std::uint64_t command(std::uint16_t reg, std::uint32_t value) { return std::uint64_t{value} << 16 | reg; }

  MiniSketch() {
    const auto tensor = [](int dtype, int layout, int kind, std::vector<std::int32_t> shape, const char* name, int size,
                           int offset) {
      // size, offset: fields 8, 9; scale and zero point: 6, 7
      return Sketch::tensor(dtype, layout, kind, std::move(shape), name).scalar(8, size).scalar(9, offset);
    };
    graph.tables(0, {Table(), tensor(3, 0, 1, {16}, "x", 16, 16).list<float>(6, {1.0f}).ints(7, {2}),
                     tensor(3, 0, 2, {16}, "y", 32, 0), tensor(3, 65, 4, {1, 1, 1, 1, 4, 4}, "w", 16, 48),
                     tensor(6, 0, 8, {4}, "made", 16, 0)});
    graph.tables(1, {Table()
                         .text(1, "Conv")
                         .text(2, "Conv:a")
                         .scalar(3, std::int8_t{2})
                         .ints(4, {1, 3})
                         .ints(5, {2})
                         .ints(9, {1})});
    graph.ints(2, {1}).ints(3, {2});
    model.scalar(0, 6)
        .text(1, "RKNPU t3")
        .tables(2, {})
        .text(5, "2.3.2")
        .text(6, "rv1106")
        .text(7, "ONNX")
        .text(8, "mine");
    const std::uint32_t generated = kCommands, constants = generated + kGenerated, arena = constants + kConstants;
    commands = {command(0x1070, arena + 20), command(0x1110, constants + 48), command(0x4020, arena + 16),
                command(0x5020, generated + 4)};
    record = {.enable = 0x1d, .words = 4};
  }
  FileBytes bytes() {
    const auto flat = flat_buffer(Table(model).tables(2, {graph}));
    FileBytes body;
    for (const std::uint32_t size :
         {static_cast<std::uint32_t>(flat.size()), 64u, 1u, kCommands, 128u, kConstants, kGenerated})
      append(body, size);
    body.resize(64);
    append(body, record);
    body.resize(128);
    for (const auto c : commands) append(body, c);
    body.resize(body.size() + kGenerated + kConstants);
    body.insert(body.end(), flat.begin(), flat.end());
    return container(0x1004, body);
  }
  Table model, graph;
  std::vector<std::uint64_t> commands;
  Sketch::Record record;
};

std::string error_of(const FileBytes& bytes) {
  try {
    read(bytes);
  } catch (const ModelError& e) { return e.what(); }
  return "no error";
}

}  // namespace

TEST_CASE("tasks inside the nodes become one command list with a task table") {
  for (const std::uint64_t version : {1, 2, 3, 4}) {
    const auto m = read(OldSketch().bytes(version));
    CHECK_EQ(broken_promise(m), "");
    CHECK_EQ(m.format_version, version);
    CHECK_EQ(m.target, "rk3588");  // the NPU's name wins: version 1 files state the wrong chip
    CHECK_EQ(m.batch, 1);
    const auto& g = m.graphs.at(0);
    CHECK_EQ(g.nodes.at(0).task_count, 1);  // the variant for two cores is left out
    CHECK_EQ(g.nodes.at(1).task_count, 4);  // two tables of the LUT, then two tasks with the same one
    CHECK_EQ(g.tasks.at(1).enable, 0x18);
    CHECK_EQ(g.tasks.at(1).words, 2);
    CHECK_EQ(g.tasks.at(2).words, 3);
    CHECK_EQ(g.commands.at(0), 0x1'4010u);
    CHECK_EQ(g.commands.size(), 2 + 5 + 1 + 1);
    REQUIRE_EQ(g.relocations.size(), 2);
    CHECK_EQ(g.relocations[0].word, 1);
    CHECK_EQ(g.relocations[0].tensor, 2);
    CHECK_EQ(g.relocations[0].addend, 32);
    CHECK_EQ(g.relocations[1].word, 7);
    CHECK_EQ(g.relocations[1].tensor, 1);
  }
}

TEST_CASE("lies of old files") {
  const auto with = [](const Table& task) {
    OldSketch s;
    s.graph.tables(1)[0].tables(6, {task});
    return error_of(s.bytes());
  };
  const auto says = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  CHECK(says(with(old_task(3, 0, {{0x4024, 2, 0, 0, 0, 0}})), "relocation of register 16420"));
  CHECK(says(with(old_task(3, 0, {{0x4020, 2, 0, 0, 0, 0}, {0x4020, 2, 0, 0, 0, 0}})), "relocation of register"));
  CHECK(says(with(old_task(3, 0, {{0x4020, 6, 0, 0, 0, 0}})), "relocation to tensor 6"));
  CHECK(says(with(old_task(1, 0, {})), "tensor 1 is not a command stream"));
  CHECK(says(with(old_task(-1, 0, {})), "tensor -1 is not"));
  CHECK(says(with(old_task(3, 0, {}, 3)), "tensor 3 is not"));
  OldSketch lut;
  lut.buffers[3] = Sketch::buffer_of<StreamWord>({{0, 0x4100, 0x20000}});
  CHECK(says(error_of(lut.bytes()), "LUT blob"));
  OldSketch odd;
  odd.buffers[1] = Sketch::buffer({1, 2, 3});
  CHECK(says(error_of(odd.bytes()), "command stream of 3 bytes"));
}

TEST_CASE("absolute addresses become relocations; a destination is looked for among the outputs first") {
  const auto m = read(MiniSketch().bytes());
  CHECK_EQ(broken_promise(m), "");
  CHECK_EQ(m.target, "rv1106");
  CHECK_EQ(m.custom_string, "mine");
  CHECK_EQ(m.weight_bytes, 128);
  const auto& g = m.graphs.at(0);
  CHECK_EQ(g.arena_bytes, 128);
  CHECK_EQ(g.tensors.at(1).quant, Quant{1.0f, 2});
  REQUIRE_EQ(g.relocations.size(), 4);
  const auto is = [&](std::size_t i, std::int32_t tensor, std::uint32_t addend) {
    return g.relocations[i].word == i && g.relocations[i].tensor == tensor && g.relocations[i].addend == addend;
  };
  CHECK(is(0, 1, 4));   // x, although y lies there too
  CHECK(is(1, 3, 0));   // w
  CHECK(is(2, 2, 16));  // y, although x starts there
  CHECK(is(3, 4, 4));   // a generated constant, in no list of the node
  CHECK_EQ(g.tensors[3].data.size(), 16);
}

TEST_CASE("an address into the commands, or to nowhere, is no relocation") {
  MiniSketch s;
  s.commands[0] = MiniSketch::command(0x1070, 8);
  s.commands[1] = MiniSketch::command(0x1110, 0xffffffff);
  CHECK_EQ(read(s.bytes()).graphs[0].relocations.size(), 2);
}

TEST_CASE("lies of RV1106 files") {
  const auto sound = MiniSketch().bytes();
  const auto with_size = [&](int i, std::uint32_t value) {
    auto b = sound;
    std::memcpy(&b[64 + 4 * static_cast<std::size_t>(i)], &value, 4);
    return error_of(b);
  };
  const auto says = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  CHECK(says(with_size(0, 16), "the areas add up to"));
  CHECK(says(with_size(1, 0xffffffc0), "task area"));
  CHECK(says(with_size(2, 2), "task table"));
  CHECK(says(with_size(3, 0xfffffff0), "command area"));
  CHECK(says(with_size(5, 0xffffffff), "constants"));
  CHECK(says(with_size(6, 0xffffffff), "generated constants"));
  MiniSketch outside;
  outside.graph.tables(0)[3].scalar(9, 60);
  CHECK(says(error_of(outside.bytes()), "constant: 16 x 1 bytes at 60"));
  MiniSketch counts;
  counts.graph.tables(1)[0].ints(9, {2});
  CHECK(says(error_of(counts.bytes()), "contradicts the nodes' task counts"));
  MiniSketch words;
  words.record.words = 5;
  CHECK(says(error_of(words.bytes()), "a task of 5 words"));
}

TEST_CASE("old and RV1106 files cut short are refused, damaged ones harmless") {
  for (const FileBytes& sound :
       {OldSketch().bytes(1), OldSketch().bytes(2), OldSketch().bytes(4), MiniSketch().bytes()}) {
    const std::span<const std::byte> all(sound);
    for (std::size_t n = 0; n < sound.size(); ++n) {
      CAPTURE(n);
      CHECK_THROWS_AS(file::read({nullptr, all.first(n)}), ModelError);
    }
    auto bytes = sound;
    for (std::size_t at = 0; at + 4 <= bytes.size(); ++at) {
      const FileBytes before(bytes.begin() + std::ptrdiff_t(at), bytes.begin() + std::ptrdiff_t(at) + 4);
      for (const std::uint32_t value : {0u, 1u, 0x7fffffffu, 0xffffffffu, std::uint32_t(at)}) {
        std::memcpy(&bytes[at], &value, 4);
        const auto wrong = misbehaviour(bytes);
        if (!wrong.empty()) FAIL_CHECK("word at " << at << " = " << value << ": " << wrong);
      }
      std::copy(before.begin(), before.end(), bytes.begin() + std::ptrdiff_t(at));
    }
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
      const auto wrong = misbehaviour(mutated(sound, seed));
      if (!wrong.empty()) FAIL_CHECK("seed " << seed << ": " << wrong);
    }
  }
}
