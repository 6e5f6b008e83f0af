// Times a model through the C interface of a librknnrt, as a C program would use it: float32 in, float32 out. One
// process a measurement, so that load time and peak memory are its own. Prints one JSON object.
//   abi_timer LIBRARY MODEL SECONDS [--contexts N] [--profile] [--mark] [--save PREFIX] [INPUT.bin ...]
// --contexts N   runs a second of N contexts of one model on N virtual cores at once, a thread each, and of one alone:
//                in turn, for half a second each, and the median of the turns' ratios
// --profile      per-layer times of one run instead (RKNN_QUERY_PERF_DETAIL)
// --mark         one run between two marks that an emulated CPU counts instructions by (emulated/cycles.py)
// --save PREFIX  writes output i to PREFIXi.bin
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "abi/rknn.h"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "abi_timer: %s\n", what.c_str());
  std::exit(1);
}
void must(int code, const char* call) {
  if (code < 0) fail(std::string(call) + " returned " + std::to_string(code));
}

struct Library {
  void* handle;
  explicit Library(const char* path) : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) fail(dlerror());
  }
  template <class F>
  F* function(const char* name) const {
    if (void* f = dlsym(handle, name)) return reinterpret_cast<F*>(f);
    fail(std::string(name) + " is not exported");
  }
  decltype(rknn_init)* init = function<decltype(rknn_init)>("rknn_init");
  decltype(rknn_dup_context)* dup = function<decltype(rknn_dup_context)>("rknn_dup_context");
  decltype(rknn_query)* query = function<decltype(rknn_query)>("rknn_query");
  decltype(rknn_set_core_mask)* set_core_mask = function<decltype(rknn_set_core_mask)>("rknn_set_core_mask");
  decltype(rknn_inputs_set)* inputs_set = function<decltype(rknn_inputs_set)>("rknn_inputs_set");
  decltype(rknn_run)* run = function<decltype(rknn_run)>("rknn_run");
  decltype(rknn_outputs_get)* outputs_get = function<decltype(rknn_outputs_get)>("rknn_outputs_get");
};

/// "VmHWM" (peak) or "VmRSS" of this process.
long kib(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(key, 0) == 0) return std::atol(line.c_str() + std::strlen(key) + 1);
  return 0;
}

/// A context with its own copies of the inputs and room for the outputs.
struct Runner {
  const Library& library;
  rknn_context context;
  std::vector<std::vector<char>> in, out;
  std::vector<rknn_input> inputs;
  std::vector<rknn_output> outputs;

  Runner(const Library& l, rknn_context c, std::vector<std::vector<char>> given) : library(l), context(c) {
    rknn_input_output_num count{};
    must(l.query(c, RKNN_QUERY_IN_OUT_NUM, &count, sizeof count), "rknn_query");
    for (std::uint32_t i = 0; i < count.n_input; ++i) {
      rknn_tensor_attr attr{};
      attr.index = i;
      must(l.query(c, RKNN_QUERY_INPUT_ATTR, &attr, sizeof attr), "rknn_query");
      const std::size_t bytes = std::size_t{attr.n_elems} * 4;
      in.push_back(i < given.size() ? std::move(given[i]) : std::vector<char>(bytes));
      for (const std::size_t sample = in.back().size(); in.back().size() < bytes;) {  // a batch
        in.back().resize(in.back().size() + sample);
        std::copy_n(in.back().begin(), sample, in.back().end() - std::ptrdiff_t(sample));
      }
      if (in.back().size() != bytes)
        fail("input " + std::to_string(i) + " takes " + std::to_string(bytes) + " bytes, not " +
             std::to_string(in.back().size()));
    }
    for (std::uint32_t i = 0; i < count.n_output; ++i) {
      rknn_tensor_attr attr{};
      attr.index = i;
      must(l.query(c, RKNN_QUERY_OUTPUT_ATTR, &attr, sizeof attr), "rknn_query");
      out.emplace_back(std::size_t{attr.n_elems} * 4);
    }
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      rknn_input x{};
      x.index = i, x.buf = in[i].data(), x.size = static_cast<std::uint32_t>(in[i].size());
      x.type = RKNN_TENSOR_FLOAT32, x.fmt = RKNN_TENSOR_NCHW;
      inputs.push_back(x);
    }
    for (std::uint32_t i = 0; i < out.size(); ++i) {
      rknn_output y{};
      y.want_float = 1, y.is_prealloc = 1, y.index = i;
      y.buf = out[i].data(), y.size = static_cast<std::uint32_t>(out[i].size());
      outputs.push_back(y);
    }
  }

  void run() {
    must(library.inputs_set(context, static_cast<std::uint32_t>(inputs.size()), inputs.data()), "rknn_inputs_set");
    must(library.run(context, nullptr), "rknn_run");
    must(library.outputs_get(context, static_cast<std::uint32_t>(outputs.size()), outputs.data(), nullptr),
         "rknn_outputs_get");
  }
};

/// A prefetch of an address that is none.
void mark(std::uintptr_t what) { __builtin_prefetch(reinterpret_cast<const void*>(0x5eed0000 + what), 0, 0); }

std::vector<char> contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Runs a second of so many of the runners at once, each on a thread of its own. Nobody stops before everybody's time
/// is over, and of a run that exceeds it the part within counts: so the end is like the rest.
double throughput(std::vector<Runner>& runners, std::size_t count, double milliseconds_each) {
  std::vector<double> runs(count);
  std::atomic<std::size_t> over{0};
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      double last = 0;
      for (bool late = false; over < count;) {
        runners[i].run();
        const double now = milliseconds(begin);
        if (!late) runs[i] += std::min(1.0, (milliseconds_each - last) / (now - last));
        if (!late && now >= milliseconds_each) late = true, ++over;
        last = now;
      }
    });
  for (auto& t : threads) t.join();
  return std::accumulate(runs.begin(), runs.end(), 0.0) / milliseconds_each * 1e3;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void compare_contexts(const Library& library, rknn_context first, int contexts, double seconds,
                      const std::vector<std::vector<char>>& given, double load) {
  std::vector<Runner> runners;
  for (int i = 0; i < contexts; ++i) {
    rknn_context c = first;
    if (i > 0) must(library.dup(&first, &c), "rknn_dup_context");
    must(library.set_core_mask(c, static_cast<rknn_core_mask>(1 << i)), "rknn_set_core_mask");
    runners.emplace_back(library, c, given).run();
  }
  constexpr double kTurn = 500;
  std::vector<double> alone, together, ratios;
  for (const auto begin = Clock::now(); milliseconds(begin) < seconds * 1e3 || ratios.empty();) {
    alone.push_back(throughput(runners, 1, kTurn));
    together.push_back(throughput(runners, runners.size(), kTurn));
    ratios.push_back(together.back() / alone.back());
  }
  std::printf(
      "{\"load_ms\": %.3f, \"alone_per_second\": %.3f, \"runs_per_second\": %.3f, \"ratio\": %.3f, "
      "\"most_alone\": %.3f, \"most\": %.3f}\n",
      load, median(alone), median(together), median(ratios), *std::max_element(alone.begin(), alone.end()),
      *std::max_element(together.begin(), together.end()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4)
    fail("abi_timer LIBRARY MODEL SECONDS [--contexts N] [--profile] [--mark] [--save PREFIX] [INPUT.bin ...]");
  const double seconds = std::atof(argv[3]);
  int contexts = 1;
  bool profile = false, marked = false;
  const char* save = nullptr;
  std::vector<std::vector<char>> given;
  for (int i = 4; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--contexts") && i + 1 < argc) contexts = std::atoi(argv[++i]);
    else if (!std::strcmp(argv[i], "--profile")) profile = true;
    else if (!std::strcmp(argv[i], "--mark")) marked = true;
    else if (!std::strcmp(argv[i], "--save") && i + 1 < argc) save = argv[++i];
    else given.push_back(contents(argv[i]));
  }
  const Library library(argv[1]);
  rknn_context context = 0;
  const auto begin = Clock::now();
  must(library.init(&context, argv[2], 0, profile ? RKNN_FLAG_COLLECT_PERF_MASK : 0, nullptr), "rknn_init");
  const double load = milliseconds(begin);
  if (contexts > 1) {
    compare_contexts(library, context, contexts, seconds, given, load);
    return 0;
  }
  Runner runner(library, context, std::move(given));
  runner.run();
  if (save)
    for (std::size_t i = 0; i < runner.out.size(); ++i)
      std::ofstream(save + std::to_string(i) + ".bin", std::ios::binary)
          .write(runner.out[i].data(), static_cast<std::streamsize>(runner.out[i].size()));
  if (marked) {
    mark(1), runner.run(), mark(2);
    std::printf("{\"peak_kib\": %ld}\n", kib("VmHWM:"));
    const std::vector<char> maps = contents("/proc/self/maps");
    std::fwrite(maps.data(), 1, maps.size(), stdout);
    return 0;
  }
  if (profile) {
    for (int i = 0; i < 10; ++i) runner.run();
    rknn_perf_detail detail{};
    must(library.query(context, RKNN_QUERY_PERF_DETAIL, &detail, sizeof detail), "rknn_query");
    std::fputs(detail.perf_data, stdout);
    return 0;
  }
  std::vector<double> times;
  const auto start = Clock::now();
  while (milliseconds(start) < seconds * 1e3 || times.size() < 3) {
    const auto one = Clock::now();
    runner.run();
    times.push_back(milliseconds(one));
  }
  std::printf("{\"load_ms\": %.3f, \"peak_kib\": %ld, \"resident_kib\": %ld, \"times_ms\": [", load, kib("VmHWM:"),
              kib("VmRSS:"));
  for (std::size_t i = 0; i < times.size(); ++i) std::printf(i ? ", %.5f" : "%.5f", times[i]);
  std::printf("]}\n");
  return 0;
}
