#pragma once
/// What the examples share: pictures from files, and the digit that a row of scores means.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <ez_rknn/tensor.hpp>

/// A grey picture, 8 bits a pixel, row by row.
struct Picture {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  /// The picture as a model input [1, 1, height, width]. Borrows the pixels.
  ez_rknn::InputView view() const { return {pixels.data(), ez_rknn::ElementType::uint8, {1, 1, height, width}}; }
};

/// Reads a binary PGM file ("P5"), the simplest picture format there is.
inline Picture read_picture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  Picture picture;
  int brightest = 0;
  if (!(file >> magic >> picture.width >> picture.height >> brightest) || magic != "P5" || brightest != 255)
    throw std::runtime_error(path + ": not a binary PGM picture of 8 bits");
  file.get();  // one blank ends the header
  picture.pixels.resize(static_cast<std::size_t>(picture.width * picture.height));
  if (!file.read(reinterpret_cast<char*>(picture.pixels.data()), static_cast<std::streamsize>(picture.pixels.size())))
    throw std::runtime_error(path + ": the picture is cut off");
  return picture;
}

inline std::vector<Picture> read_pictures(int count, char** paths) {
  std::vector<Picture> pictures;
  for (int k = 0; k < count; ++k) pictures.push_back(read_picture(paths[k]));
  return pictures;
}

/// The digit with the highest of ten scores.
inline int digit_of(std::span<const float> scores) {
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}
