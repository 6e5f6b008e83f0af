/// Development tool: read every .rknn below the given paths, print one line per refusal and the totals.
///   rknn_parse_check [--facts] PATH...
/// --facts prints one line per graph instead, for comparison with another reader.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "ez_rknn/error.hpp"
#include "rknn_file/reader.hpp"

namespace fs = std::filesystem;
using namespace ez_rknn;

namespace {

std::uint64_t digest(std::uint64_t h, const void* data, std::size_t n) {  // FNV-1a
  const auto* p = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < n; ++i) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}
constexpr std::uint64_t kStart = 0xcbf29ce484222325u;

void print_facts(const fs::path& path, const file::Model& m) {
  for (std::size_t k = 0; k < m.graphs.size(); ++k) {
    const auto& g = m.graphs[k];
    std::uint64_t constants = kStart, commands = kStart, relocations = kStart, tasks = kStart, shapes = kStart;
    for (const auto& t : g.tensors) {
      if (t.kind == file::Kind::constant || t.kind == file::Kind::cpu_constant || t.kind == file::Kind::generated)
        constants = digest(constants, t.data.data(), t.data.size());
      for (const std::int64_t d : t.shape) shapes = digest(shapes, &d, sizeof d);
      shapes = digest(shapes, t.native_shape.data(), t.native_shape.size() * 4);
      shapes = digest(shapes, t.scales.data(), t.scales.size() * 4);
      shapes = digest(shapes, t.zero_points.data(), t.zero_points.size() * 4);
    }
    for (const auto& t : g.tasks) {
      const std::uint64_t v[] = {t.node, t.enable, t.first_word, t.words};
      tasks = digest(tasks, v, sizeof v);
      commands = digest(commands, g.commands.data() + t.first_word, t.words * 8);
      for (auto w = t.first_word; w < t.first_word + t.words; ++w)
        if (const auto* r = g.relocation_of(w)) {
          const std::uint64_t v2[] = {r->word, static_cast<std::uint64_t>(r->tensor), r->addend};
          relocations = digest(relocations, v2, sizeof v2);
        }
    }
    std::printf(
        "%s#%zu %s batch=%lld tensors=%zu nodes=%zu tasks=%zu constants=%016llx commands=%016llx reloc=%016llx "
        "records=%016llx shapes=%016llx\n",
        path.c_str(), k, m.target.c_str(), static_cast<long long>(m.batch), g.tensors.size(), g.nodes.size(),
        g.tasks.size(), static_cast<unsigned long long>(constants), static_cast<unsigned long long>(commands),
        static_cast<unsigned long long>(relocations), static_cast<unsigned long long>(tasks),
        static_cast<unsigned long long>(shapes));
  }
}

struct Totals {
  int read = 0, refused = 0;
  std::uint64_t bytes = 0;
  double worst_ms = 0, sum_ms = 0;
  fs::path worst;
};

void check(const fs::path& path, bool facts, Totals& totals) {
  const auto start = std::chrono::steady_clock::now();
  try {
    const auto model = file::read(file::map_file(path));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    ++totals.read, totals.bytes += model.file_bytes, totals.sum_ms += took.count();
    if (took.count() > totals.worst_ms) totals.worst_ms = took.count(), totals.worst = path;
    if (facts) print_facts(path, model);
  } catch (const Error& e) {
    ++totals.refused;
    std::printf("%s: %s\n", path.c_str(), e.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  Totals totals;
  bool facts = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--facts") facts = true;
    else if (!fs::is_directory(argv[i])) check(argv[i], facts, totals);
    else
      for (const auto& entry : fs::recursive_directory_iterator(argv[i]))
        if (entry.path().extension() == ".rknn") check(entry.path(), facts, totals);
  }
  if (totals.read + totals.refused == 0) return std::fprintf(stderr, "usage: rknn_parse_check [--facts] PATH...\n"), 2;
  std::fprintf(stderr, "%d read, %d refused, %.1f MB, %.1f ms in all, worst %.2f ms (%s)\n", totals.read,
               totals.refused, static_cast<double>(totals.bytes) / 1e6, totals.sum_ms, totals.worst_ms,
               totals.worst.c_str());
  return totals.refused ? 1 : 0;
}
