/// Find shapes in pictures with the detector of models/shapes, and print their boxes.
///
///   detect MODEL.rknn PICTURE.ppm...
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <ez_rknn/session.hpp>

namespace {

constexpr int kSide = 96, kCells = 12;
constexpr const char* kClasses[] = {"circle", "square", "triangle"};

struct Found {
  float score, x0, y0, x1, y1;
  int kind;
};

/// A binary PPM file ("P6") as kSide x kSide pixels of RGB.
std::vector<std::uint8_t> read_picture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int width = 0, height = 0, brightest = 0;
  if (!(file >> magic >> width >> height >> brightest) || magic != "P6" || width != kSide || height != kSide)
    throw std::runtime_error(path + ": not a binary PPM picture of 96 x 96 pixels");
  file.get();  // one blank ends the header
  std::vector<std::uint8_t> pixels(3 * kSide * kSide);
  if (!file.read(reinterpret_cast<char*>(pixels.data()), static_cast<std::streamsize>(pixels.size())))
    throw std::runtime_error(path + ": the picture is cut off");
  return pixels;
}

/// Area in both boxes over area in any.
float overlap(const Found& a, const Found& b) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const float both = std::max(width, 0.0F) * std::max(height, 0.0F);
  return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both);
}

/// The model gives four maps of scores (is there a shape, and three classes) and four of boxes: the centre within its
/// cell, width and height of the picture. Of boxes that overlap the best stays.
std::vector<Found> decode(std::span<const float> scores, std::span<const float> boxes) {
  constexpr std::size_t kMap = kCells * kCells;
  std::vector<Found> all, kept;
  for (std::size_t cell = 0; cell < kMap; ++cell) {
    if (scores[cell] <= 0.5F) continue;
    const float x = (static_cast<float>(cell % kCells) + boxes[cell]) * kSide / kCells;
    const float y = (static_cast<float>(cell / kCells) + boxes[kMap + cell]) * kSide / kCells;
    const float w = boxes[2 * kMap + cell] * kSide / 2, h = boxes[3 * kMap + cell] * kSide / 2;
    int kind = 0;
    for (int k = 1; k < 3; ++k)
      if (scores[static_cast<std::size_t>(k + 1) * kMap + cell] >
          scores[static_cast<std::size_t>(kind + 1) * kMap + cell])
        kind = k;
    all.push_back({scores[cell], x - w, y - h, x + w, y + h, kind});
  }
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
  for (const Found& one : all)
    if (std::none_of(kept.begin(), kept.end(), [&](const Found& other) { return overlap(one, other) >= 0.4F; }))
      kept.push_back(one);
  return kept;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: detect MODEL.rknn PICTURE.ppm...\n"), 2;
  ez_rknn::SessionOptions options;
  options.layout = ez_rknn::Layout::nhwc;  // as the pixels lie in the file
  ez_rknn::Session session(arguments[1], options);
  for (int k = 2; k < count; ++k) {
    const std::vector<std::uint8_t> pixels = read_picture(arguments[k]);
    const ez_rknn::InputView input{pixels.data(), ez_rknn::ElementType::uint8, {1, kSide, kSide, 3}};
    const std::vector<ez_rknn::Tensor> outputs = session.run({&input, 1});
    std::printf("%s\n", arguments[k]);
    for (const Found& f : decode(outputs[0].as<float>(), outputs[1].as<float>()))
      std::printf("  %-8s %.2f  %.1f %.1f %.1f %.1f\n", kClasses[f.kind], static_cast<double>(f.score),
                  static_cast<double>(f.x0), static_cast<double>(f.y0), static_cast<double>(f.x1),
                  static_cast<double>(f.y1));
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "detect: %s\n", e.what());
  return 1;
}
