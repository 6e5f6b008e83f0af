/// One array of many pictures, for a model that takes one: spread over all cores, put together again.
///
///   batch MODEL.rknn PICTURE.pgm...
#include <cstdio>
#include <exception>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: batch MODEL.rknn PICTURE.pgm...\n"), 2;
  ez_rknn::SessionOptions options;
  options.schedule = {0, 1, 2};
  ez_rknn::Session session(arguments[1], options);

  const std::vector<Picture> pictures = read_pictures(count - 2, arguments + 2);
  std::vector<std::uint8_t> pixels;
  for (const Picture& p : pictures) pixels.insert(pixels.end(), p.pixels.begin(), p.pixels.end());
  const ez_rknn::Shape shape{static_cast<std::int64_t>(pictures.size()), 1, pictures[0].height, pictures[0].width};
  if (pixels.size() != static_cast<std::size_t>(shape.elements()))
    throw std::runtime_error("the pictures differ in size");
  const ez_rknn::InputView input{pixels.data(), ez_rknn::ElementType::uint8, shape};

  const std::vector<ez_rknn::Tensor> outputs = session.run_batch({&input, 1});
  std::printf("output %s\n", to_string(outputs[0].shape).c_str());
  const auto scores = outputs[0].as<float>();
  const std::size_t classes = scores.size() / pictures.size();
  for (std::size_t k = 0; k < pictures.size(); ++k)
    std::printf("%s: %d\n", arguments[k + 2], digit_of(scores.subspan(k * classes, classes)));
} catch (const std::exception& e) {
  std::fprintf(stderr, "batch: %s\n", e.what());
  return 1;
}
