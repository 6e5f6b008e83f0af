/// A video loop: give a frame, receive the result of the frame `depth` calls ago, while those between are under way.
///
///   pipeline MODEL.rknn PICTURE.pgm...
#include <cstdio>
#include <exception>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: pipeline MODEL.rknn PICTURE.pgm...\n"), 2;
  constexpr int kDepth = 3;
  ez_rknn::SessionOptions options;
  options.schedule = {0, 1, 2};
  ez_rknn::Session session(arguments[1], options);

  const std::vector<Picture> frames = read_pictures(count - 2, arguments + 2);
  std::size_t received = 0;
  for (std::size_t k = 0; received < frames.size(); ++k) {
    // After the last frame, giving it again brings out those that are still under way.
    const ez_rknn::InputView input = frames[std::min(k, frames.size() - 1)].view();
    if (const auto outputs = session.run_pipeline({&input, 1}, kDepth)) {
      std::printf("%s: %d\n", arguments[received + 2], digit_of((*outputs)[0].as<float>()));
      ++received;
    }
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "pipeline: %s\n", e.what());
  return 1;
}
