/// A plain main for fuzz targets where libFuzzer is not there: replays files, and seeded damage to them.
///   TARGET [--mutations N] [--seconds S] [--seed K] PATH...
/// Folders are searched for .rknn files and files without an extension. Each round damages every file once; rounds end
/// after N mutations or S seconds. A failing input is left in the working directory as crash-<seed>, and can be given
/// as PATH.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "rknn_file/mutations.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace ez_rknn::test;
namespace fs = std::filesystem;

const FileBytes* current = nullptr;  // what the target is running on, for the handler below
unsigned current_seed = 0;

void keep_input() {
  if (!current) return;
  const auto name = "crash-" + std::to_string(current_seed);
  std::ofstream(name, std::ios::binary)
      .write(reinterpret_cast<const char*>(current->data()), static_cast<std::streamsize>(current->size()));
  std::fprintf(stderr, "input kept as %s\n", name.c_str());
}

void run(const FileBytes& bytes, unsigned seed) {
  current = &bytes, current_seed = seed;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  current = nullptr;
}

struct Options {
  unsigned long mutations = 0;
  double seconds = 1e9;
  unsigned seed = 1;
  std::vector<fs::path> files;
};

void add(Options& o, const fs::path& path) {
  if (!fs::is_directory(path)) return o.files.push_back(path);
  for (const auto& e : fs::recursive_directory_iterator(path))
    if (e.is_regular_file() && (e.path().extension() == ".rknn" || !e.path().has_extension()))
      o.files.push_back(e.path());
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtod(argv[++i], nullptr) : 0; };
    if (arg == "--mutations") o.mutations = static_cast<unsigned long>(number());
    else if (arg == "--seconds") o.seconds = number();
    else if (arg == "--seed") o.seed = static_cast<unsigned>(number());
    else add(o, argv[i]);
  }
  if (o.files.empty())
    return std::fprintf(stderr, "usage: %s [--mutations N] [--seconds S] [--seed K] PATH...\n", argv[0]), 2;
  std::signal(SIGABRT, [](int) { keep_input(); });
  std::signal(SIGSEGV, [](int) { keep_input(), std::_Exit(139); });

  std::sort(o.files.begin(), o.files.end());
  std::vector<FileBytes> corpus;
  for (const auto& f : o.files) corpus.push_back(load(f));
  for (const auto& bytes : corpus) run(bytes, 0);
  const auto start = std::chrono::steady_clock::now();
  unsigned long done = 0;
  for (unsigned seed = o.seed; done < o.mutations; ++seed)
    for (const auto& bytes : corpus) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (done == o.mutations || took.count() > o.seconds) {
        std::printf("%zu files, %lu mutations, %.1f s\n", corpus.size(), done, took.count());
        return 0;
      }
      run(mutated(bytes, seed), seed);
      ++done;
    }
  std::printf("%zu files, %lu mutations\n", corpus.size(), done);
}
