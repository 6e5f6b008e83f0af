// The engine from C++, and the least anything can cost: the runtime called by bare threads. One process a measurement;
// prints one JSON object. engine_bench.py runs it; the scripted runtime reads its script from EZ_FAKE_RT.
//   engine_bench bare|run|async LIBRARY MODEL SECONDS [--threads N] [--uint8] [--OPTION VALUE ...]
// bare   N threads, each with a context on a core of its own, that call the runtime in a loop
// run    Session::run on one thread; percentiles
// async  Session::run_async; rate at which callbacks come
// MODEL  a file, or "-" for the scripted runtime's; OPTION: of the provider, --schedule 0,1,2
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "abi/rknn.h"
#include "ez_rknn/session.hpp"

namespace {

using namespace ez_rknn;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string mode, library, model;
  double seconds = 1;
  int threads = 1;
  ElementType type = ElementType::float32;
  SessionOptions options;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::vector<std::byte> scripted_model() {
  std::vector<std::byte> bytes(64);
  std::memcpy(bytes.data(), "RKNN", 4);
  return bytes;
}

void print_times(std::vector<double>& times, double seconds) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) { return times[std::min(times.size() - 1, std::size_t(q * double(times.size())))]; };
  std::printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"rate\": %.2f, \"count\": %zu}\n", at(0.5) * 1e6, at(0.99) * 1e6,
              double(times.size()) / seconds, times.size());
}

Session open(const Arguments& a) {
  if (a.model != "-") return Session(a.model, a.options);
  const auto bytes = scripted_model();
  return Session(bytes, a.options);
}

/// One view an input, of the type asked for, over memory that lives as long as this.
struct Feed {
  std::vector<std::vector<std::byte>> memory;
  std::vector<InputView> views;
  Feed(const Session& session, ElementType type) {
    for (const TensorInfo& input : session.inputs()) {
      memory.emplace_back(std::size_t(input.shape.elements()) * size_of(type));
      views.push_back({memory.back().data(), type, input.shape});
    }
  }
};

void measure_run(const Arguments& a) {
  Session session = open(a);
  const Feed feed(session, a.type);
  for (int k = 0; k < 20; ++k) session.run(feed.views);
  std::vector<double> times;
  const auto begin = Clock::now();
  while (seconds_since(begin) < a.seconds) {
    const auto one = Clock::now();
    session.run(feed.views);
    times.push_back(seconds_since(one));
  }
  print_times(times, seconds_since(begin));
}

void measure_async(const Arguments& a) {
  Session session = open(a);
  const Feed feed(session, a.type);
  std::atomic<long> delivered{0};
  for (int k = 0; k < 6; ++k) session.run(feed.views);
  const auto begin = Clock::now();
  long asked = 0;
  while (seconds_since(begin) < a.seconds) {
    session.run_async(feed.views, [&](std::vector<Tensor>, std::exception_ptr error) { delivered += !error; });
    ++asked;
  }
  session.close();
  std::printf("{\"rate\": %.2f, \"count\": %ld}\n", double(delivered) / seconds_since(begin), asked);
}

/// The runtime's functions, as a program written against it calls them.
class Bare {
 public:
  explicit Bare(const Arguments& a) : handle_(dlopen(a.library.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) std::fprintf(stderr, "engine_bench: %s\n", dlerror()), std::exit(1);
  }
  template <class F>
  F* get(const char* name) const {
    if (void* f = dlsym(handle_, name)) return reinterpret_cast<F*>(f);
    std::fprintf(stderr, "engine_bench: %s is not exported\n", name);
    std::exit(1);
  }

 private:
  void* handle_;
};

void must(int code, const char* what) {
  if (code < 0) std::fprintf(stderr, "engine_bench: %s returned %d\n", what, code), std::exit(1);
}

void measure_bare(const Arguments& a) {
  const Bare runtime(a);
  const auto init = runtime.get<decltype(rknn_init)>("rknn_init");
  const auto query = runtime.get<decltype(rknn_query)>("rknn_query");
  const auto mask = runtime.get<decltype(rknn_set_core_mask)>("rknn_set_core_mask");
  const auto set = runtime.get<decltype(rknn_inputs_set)>("rknn_inputs_set");
  const auto run = runtime.get<decltype(rknn_run)>("rknn_run");
  const auto get = runtime.get<decltype(rknn_outputs_get)>("rknn_outputs_get");
  const auto release = runtime.get<decltype(rknn_outputs_release)>("rknn_outputs_release");
  std::atomic<int> ready{0};
  std::atomic<long> runs{0};
  std::vector<double> times;  // of the first thread
  const auto work = [&](int number) {
    rknn_context context = 0;
    auto bytes = scripted_model();
    if (a.model == "-") must(init(&context, bytes.data(), std::uint32_t(bytes.size()), 0, nullptr), "rknn_init");
    else must(init(&context, const_cast<char*>(a.model.c_str()), 0, 0, nullptr), "rknn_init");
    if (a.threads > 1) must(mask(context, rknn_core_mask(1 << number % 3)), "rknn_set_core_mask");
    rknn_input_output_num count{};
    must(query(context, RKNN_QUERY_IN_OUT_NUM, &count, sizeof count), "rknn_query");
    std::vector<std::vector<std::byte>> memory;
    std::vector<rknn_input> inputs(count.n_input);
    std::vector<rknn_output> outputs(count.n_output);
    for (std::uint32_t i = 0; i < count.n_input; ++i) {
      rknn_tensor_attr attr{};
      attr.index = i;
      must(query(context, RKNN_QUERY_INPUT_ATTR, &attr, sizeof attr), "rknn_query");
      auto& own = memory.emplace_back(attr.n_elems * size_of(a.type));
      inputs[i] = {i, own.data(), std::uint32_t(own.size()), 0, RKNN_TENSOR_FLOAT32, RKNN_TENSOR_NCHW};
      if (a.type == ElementType::uint8) inputs[i].type = RKNN_TENSOR_UINT8;
    }
    for (std::uint32_t i = 0; i < count.n_output; ++i) {
      rknn_tensor_attr attr{};
      attr.index = i;
      must(query(context, RKNN_QUERY_OUTPUT_ATTR, &attr, sizeof attr), "rknn_query");
      auto& own = memory.emplace_back(attr.n_elems * sizeof(float));
      outputs[i] = {1, 1, i, own.data(), std::uint32_t(own.size())};
    }
    ++ready;
    while (ready < a.threads) std::this_thread::yield();
    const auto begin = Clock::now();
    while (seconds_since(begin) < a.seconds) {
      const auto one = Clock::now();
      must(set(context, count.n_input, inputs.data()), "rknn_inputs_set");
      must(run(context, nullptr), "rknn_run");
      must(get(context, count.n_output, outputs.data(), nullptr), "rknn_outputs_get");
      must(release(context, count.n_output, outputs.data()), "rknn_outputs_release");
      if (number == 0) times.push_back(seconds_since(one));
      ++runs;
    }
  };
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (int t = 0; t < a.threads; ++t) threads.emplace_back(work, t);
  for (auto& t : threads) t.join();
  if (a.threads == 1) print_times(times, seconds_since(begin));
  else std::printf("{\"rate\": %.2f, \"count\": %ld}\n", double(runs) / seconds_since(begin), runs.load());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return std::fprintf(stderr, "engine_bench bare|run|async LIBRARY MODEL SECONDS [options]\n"), 2;
  Arguments a{argv[1], argv[2], argv[3], std::atof(argv[4])};
  std::vector<NamedOption> options{{"runtime", a.library}};
  for (int i = 5; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--uint8") a.type = ElementType::uint8;
    else if (i + 1 == argc) throw InvalidArgument(flag + " needs a value");
    else if (flag == "--threads") a.threads = std::atoi(argv[++i]);
    else options.push_back({flag.substr(2), std::string(argv[++i])});
  }
  a.options = parse_options(options);
  if (a.mode == "bare") measure_bare(a);
  else if (a.mode == "run") measure_run(a);
  else measure_async(a);
} catch (const std::exception& e) {
  std::fprintf(stderr, "engine_bench: %s\n", e.what());
  return 1;
}
