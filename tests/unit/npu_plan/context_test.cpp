#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "core/fp16.hpp"
#include "core/shared_bytes.hpp"
#include "ez_rknn/error.hpp"
#include "npu/exec/program.hpp"
#include "places.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npu;

file::Model fixture(const std::string& name) {
  return file::read(file::map_file(std::string(places::models) + "/fixtures/" + name + ".rknn"));
}

/// The stored bytes of the elements of a view, in logical order.
template <class View, class F>
void each(const View& v, F&& f) {
  Dims index = v.shape;
  std::fill(index.begin(), index.end(), 0);
  for (std::int64_t i = 0; i < v.shape.elements(); ++i) {
    std::int64_t at = 0;
    for (int d = 0; d < v.shape.rank(); ++d) at += index[d] * v.strides[d];
    f(i, v.data + at * std::int64_t(size_of(v.dtype)));
    for (int d = v.shape.rank() - 1; d >= 0 && ++index[d] == v.shape[d]; --d) index[d] = 0;
  }
}

void fill(Context& c, unsigned seed) {
  std::mt19937 random(seed);
  for (std::size_t k = 0; k < c.program().model().graphs[0].inputs.size(); ++k) {
    const TensorView in = c.input(int(k));
    each(in, [&](std::int64_t, std::byte* p) {
      const auto half = float_to_half(float(random() % 2048) / 512.0f - 2.0f);
      if (in.dtype == DType::i8) *p = std::byte(random());
      else std::memcpy(p, &half, 2);
    });
  }
}

std::vector<std::byte> bytes_of(const ConstTensorView& v) {
  std::vector<std::byte> all;
  each(v, [&](std::int64_t, const std::byte* p) { all.insert(all.end(), p, p + size_of(v.dtype)); });
  return all;
}

std::vector<std::byte> outputs(const Context& c) {
  std::vector<std::byte> all;
  for (std::size_t k = 0; k < c.program().model().graphs[0].outputs.size(); ++k) {
    const auto one = bytes_of(c.output(int(k)));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace

TEST_CASE("a run leaves its inputs alone and can be repeated") {
  for (const char* name :
       {"tiny_i8", "tiny_fp16", "residual_i8", "concat_split_resize_i8", "attention_fp16", "multi_io_i8"}) {
    CAPTURE(name);
    const auto context = Context::create(Program::load(fixture(name)));
    fill(*context, 1);
    const auto given = bytes_of(context->input(0));
    context->run(0);
    const auto first = outputs(*context);
    CHECK_EQ(bytes_of(context->input(0)), given);
    fill(*context, 2);
    context->run(0);
    CHECK_NE(outputs(*context), first);
    fill(*context, 1);
    context->run(1);
    CHECK_EQ(outputs(*context), first);
  }
}

TEST_CASE("an input that only dense convolutions read has pixels of four elements, others of sixteen") {
  const auto pixel = [](const char* name) {
    const TensorView in = Context::create(Program::load(fixture(name)))->input(0);
    CHECK_LE(in.shape[1], 4);
    return in.strides[3];
  };
  CHECK_EQ(pixel("tiny_i8"), 4);
  CHECK_EQ(pixel("batch2_i8"), 4);
  CHECK_EQ(pixel("attention_masked_i8"), 16);
}

TEST_CASE("contexts of one program run at the same time, on every core mask") {
  const auto program = Program::load(fixture("residual_i8"));
  std::vector<std::vector<std::byte>> expected;
  for (unsigned seed = 0; seed < 4; ++seed) {
    const auto c = Context::create(program);
    fill(*c, seed);
    c->run(0);
    expected.push_back(outputs(*c));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto c = Context::create(program);
      for (unsigned mask : {0u, 1u, 2u, 4u, 3u, 7u, 0xffffu}) {
        fill(*c, t);
        c->run(mask);
        wrong += outputs(*c) != expected[t];
      }
    });
  for (auto& t : threads) t.join();
  CHECK_EQ(wrong, 0);
}

TEST_CASE("a batch of the interface runs the graph once a sample") {
  for (const char* name : {"tiny_i8", "multi_io_fp16", "batch2_i8"}) {
    CAPTURE(name);
    file::Model model = fixture(name);
    model.batch = 1;
    const auto one = Context::create(Program::load(std::move(model)));
    model = fixture(name);
    model.batch = 3;
    const auto three = Context::create(Program::load(std::move(model)));
    const auto images = one->input(0).shape[0];
    REQUIRE_EQ(three->input(0).shape[0], 3 * images);
    fill(*three, 5);
    three->run(0);
    const auto size = size_of(one->input(0).dtype);
    for (int sample = 0; sample < 3; ++sample) {
      for (std::size_t k = 0; k < one->program().model().graphs[0].inputs.size(); ++k) {
        const auto all = bytes_of(three->input(int(k)));
        const TensorView in = one->input(int(k));
        const auto begin = all.data() + std::size_t(sample) * all.size() / 3;
        each(in, [&](std::int64_t i, std::byte* p) { std::memcpy(p, begin + std::size_t(i) * size, size); });
      }
      one->run(0);
      for (std::size_t k = 0; k < one->program().model().graphs[0].outputs.size(); ++k) {
        const auto all = bytes_of(three->output(int(k))), single = bytes_of(one->output(int(k)));
        REQUIRE_EQ(all.size(), 3 * single.size());
        CHECK(std::equal(single.begin(), single.end(),
                         all.begin() + std::ptrdiff_t(std::size_t(sample) * single.size())));
      }
    }
  }
}

TEST_CASE("a dynamic model runs in each of its shapes") {
  const auto program = Program::load(fixture("dynamic_shapes_i8"));
  CHECK_EQ(program->chip().name, "rk3588");  // the file says rk3562
  const auto context = Context::create(program);
  REQUIRE_GE(program->graph_count(), 2);
  std::vector<Dims> shapes;
  for (int g = program->graph_count() - 1; g >= 0; --g) {
    context->select_graph(g);
    CHECK_EQ(context->graph(), g);
    shapes.push_back(context->input(0).shape);
    const auto& graph = program->model().graphs[std::size_t(g)];
    CHECK_EQ(shapes.back(), graph.tensors[std::size_t(graph.inputs[0])].shape);
    context->run(0);
  }
  CHECK_NE(shapes[0], shapes[1]);
  CHECK_THROWS_AS(context->select_graph(program->graph_count()), InvalidArgument);
  CHECK_THROWS_AS(context->select_graph(-1), InvalidArgument);
}

TEST_CASE("custom operators are known at load, run when registered, and fail as they say") {
  const auto program = Program::load(fixture("custom_operator_fp16"));
  REQUIRE_EQ(program->custom_operators(), std::vector<std::string>{"cstScaledSoftsign"});
  const auto context = Context::create(program);
  fill(*context, 3);
  CHECK_THROWS_WITH_AS(context->run(0), doctest::Contains("cstScaledSoftsign"), Unsupported);

  int calls = 0;
  context->register_custom("cstScaledSoftsign", [&](const file::Node& node, std::span<const ConstTensorView> in,
                                                    std::span<const TensorView> out) {
    ++calls;
    CHECK_EQ(node.type, "cstScaledSoftsign");
    REQUIRE_GE(in.size(), 1u);
    REQUIRE_EQ(out.size(), 1u);
    CHECK_EQ(in[0].shape, out[0].shape);
    each(out[0], [&](std::int64_t, std::byte* p) { std::memset(p, 0, size_of(out[0].dtype)); });
    return 0;
  });
  context->run(0);
  CHECK_EQ(calls, 1);
  const auto zeros = outputs(*context);
  context->register_custom("cstScaledSoftsign", [](auto&&...) { return -7; });
  try {
    context->run(0);
    FAIL("the run must fail");
  } catch (const DeviceError& e) { CHECK_EQ(e.rknn_ret, -7); }
  context->register_custom("cstScaledSoftsign", [](auto&&...) { return 0; });
  context->run(0);  // a failed run has released its core
}

TEST_CASE("layer times name every node that ran") {
  const auto context = Context::create(Program::load(fixture("residual_i8")));
  context->run(0);
  CHECK(context->layer_times().empty());
  context->collect_times(true);
  context->run(0);
  const auto times = context->layer_times();
  CHECK_GE(times.size(), 3u);
  std::uint64_t macs = 0;
  for (const auto& t : times) {
    REQUIRE(t.node);
    CHECK_FALSE(t.kernel.empty());
    macs += t.macs;
  }
  CHECK_GT(macs, 0u);
  CHECK_GE(context->last_run_us(), 0);
  context->run(0);
  CHECK_EQ(context->layer_times().size(), times.size());
}

TEST_CASE("what cannot be executed is refused at load, by name") {
  file::Model model = fixture("tiny_i8");
  model.target = "rk9999";
  CHECK_THROWS_WITH_AS(Program::load(std::move(model)), doctest::Contains("rk9999"), Unsupported);

  model = fixture("tiny_i8");
  model.graphs.clear();
  CHECK_THROWS_AS(Program::load(std::move(model)), ModelError);

  model = fixture("tiny_i8");
  for (auto& node : model.graphs[0].nodes)
    if (node.type.starts_with("Reshape")) node.type = "Unheard", node.task_count = 0, node.on_npu = false;
  CHECK_THROWS_WITH_AS(Program::load(std::move(model)), doctest::Contains("Unheard"), Unsupported);

  CHECK_THROWS_WITH_AS(Program::load(fixture("shared_weights_without_weights")), doctest::Contains("another file"),
                       Unsupported);
}

TEST_CASE("a donor's weights make a file without weights whole") {
  file::Model model = fixture("shared_weights_without_weights");
  file::take_weights(model, fixture("shared_weights_i8"));
  const auto taken = Context::create(Program::load(std::move(model)));
  const auto own = Context::create(Program::load(fixture("shared_weights_i8")));
  fill(*taken, 9), fill(*own, 9);
  taken->run(0), own->run(0);
  CHECK_EQ(outputs(*taken), outputs(*own));
}

TEST_CASE("an observer sees every tensor once a sample, with the value the run gave it") {
  for (const char* name : {"concat_split_resize_i8", "moves_fp16", "multi_io_i8"}) {  // moves that became views, too
    CAPTURE(name);
    file::Model model = fixture(name);
    model.batch = 2;
    const auto c = Context::create(Program::load(std::move(model)));
    const file::Graph& graph = c->program().model().graphs[0];
    std::map<const file::Tensor*, std::vector<std::vector<std::byte>>> seen;
    c->observe([&](const file::Tensor& t, const ConstTensorView& view) { seen[&t].push_back(bytes_of(view)); });
    fill(*c, 6);
    c->run(0);
    for (const auto& [tensor, values] : seen) CHECK_EQ(values.size(), 2);
    for (const auto& node : graph.nodes)
      for (const auto i : node.outputs)
        if (i >= 0 && node.type != "OutputOperator") CHECK(seen.contains(&graph.tensors[std::size_t(i)]));
    for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
      const auto& values = seen[&graph.tensors[std::size_t(graph.outputs[k])]];
      std::vector<std::byte> both = values[0];
      both.insert(both.end(), values[1].begin(), values[1].end());
      CHECK_EQ(both, bytes_of(c->output(int(k))));
    }
    const auto with = outputs(*c);
    c->observe(nullptr);
    seen.clear();
    c->run(0);
    CHECK(seen.empty());
    CHECK_EQ(outputs(*c), with);
  }
}

TEST_CASE("a model whose activations no machine should have to hold is refused before anything is allocated") {
  file::Model model = fixture("tiny_i8");
  model.batch = 1024;
  CHECK_NOTHROW(Program::load(file::Model(model)));
  // A node that makes 2^34 bytes of its input: the file stays as small as it is.
  file::Graph& g = model.graphs[0];
  const auto in = g.outputs[0];
  auto& big = g.tensors.emplace_back();
  big.name = "big", big.dtype = DType::f16, big.shape = {1, 1, 1 << 15, 1 << 15}, big.kind = file::Kind::output;
  big.layout = file::Layout::feature;
  auto& node = g.nodes.emplace_back();
  node.type = "Expand", node.name = "expand";
  auto& scalar = g.tensors.emplace_back(g.tensors[std::size_t(in)]);
  scalar.shape = {1, 1, 1, 1}, scalar.kind = file::Kind::input, scalar.dtype = DType::f16, scalar.quantised = false;
  scalar.quant = {};
  const auto count = static_cast<std::int32_t>(g.tensors.size());
  node.inputs = {count - 1}, node.outputs = {count - 2};
  g.inputs.push_back(count - 1), g.normalisation.emplace_back();
  g.outputs = {count - 2};
  CHECK_THROWS_WITH_AS(Program::load(std::move(model)), doctest::Contains("GiB"), ModelError);
}

// A model that borrows weights, a second load of a file, and the shapes of a dynamic model keep no weights of their
// own.
TEST_CASE("equal weights are packed once") {
  const std::size_t before = SharedBytes::held_by_process();
  const auto whole = Program::load(fixture("shared_weights_i8"));
  const std::size_t once = SharedBytes::held_by_process();
  CHECK(once > before);
  auto bare = fixture("shared_weights_without_weights");
  file::take_weights(bare, whole->model());
  const auto borrower = Program::load(std::move(bare));
  CHECK(borrower->packed_weight_bytes() == whole->packed_weight_bytes());
  const auto again = Program::load(fixture("shared_weights_i8"));
  CHECK(SharedBytes::held_by_process() == once);

  const auto dynamic = Program::load(fixture("dynamic_shapes_i8"));
  CHECK(dynamic->graph_count() == 2);
  CHECK(2 * (SharedBytes::held_by_process() - once) == dynamic->packed_weight_bytes());
}
