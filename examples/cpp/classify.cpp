/// Load a model, say what it is, run it on one picture after another.
///
///   classify MODEL.rknn PICTURE.pgm...
#include <cstdio>
#include <exception>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

namespace {

void describe(const char* what, const std::vector<ez_rknn::TensorInfo>& tensors) {
  for (const ez_rknn::TensorInfo& t : tensors)
    std::printf("%-8s %s %s %s\n", what, t.name.c_str(), to_string(t.shape).c_str(), name_of(t.type));
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: classify MODEL.rknn PICTURE.pgm...\n"), 2;
  ez_rknn::Session session(arguments[1]);
  std::printf("runtime  %s (%s)\n", session.runtime_path().c_str(), session.is_software() ? "software NPU" : "NPU");
  describe("input", session.inputs());
  describe("output", session.outputs());

  for (int k = 2; k < count; ++k) {
    const Picture picture = read_picture(arguments[k]);
    const ez_rknn::InputView input = picture.view();
    const std::vector<ez_rknn::Tensor> outputs = session.run({&input, 1});
    const auto scores = outputs[0].as<float>();
    const int digit = digit_of(scores);
    std::printf("%s: %d, score %.6g\n", arguments[k], digit,
                static_cast<double>(scores[static_cast<std::size_t>(digit)]));
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "classify: %s\n", e.what());
  return 1;
}
