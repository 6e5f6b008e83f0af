/// The reader on any bytes: a Model that keeps its promises, or ModelError, or Unsupported; nothing else.
#include <cstdio>
#include <cstdlib>

#include "rknn_file/promises.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto wrong = ez_rknn::test::misbehaviour(std::as_bytes(std::span(data, size)));
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "load_fuzz: %s\n", wrong.c_str());
  std::abort();
}
