/// Any bytes, read, planned and run: a typed error, or a run inside its memory; nothing else.
#include <cstdio>
#include <cstdlib>

#include "npu_plan/liar.hpp"
#include "rknn_file/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ez_rknn;
  try {
    const file::Model model = file::read({nullptr, std::as_bytes(std::span(data, size))});
    if (const npu::Chip* chip = npu::find_chip(model.target))
      for (const auto& graph : model.graphs) npu::test::try_to_run(*chip, graph);
  } catch (const ModelError&) {  // refused
  } catch (const Unsupported&) {
  } catch (const std::exception& e) {
    std::fprintf(stderr, "run_fuzz: another exception: %s\n", e.what());
    std::abort();
  }
  return 0;
}
