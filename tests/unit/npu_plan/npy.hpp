#pragma once
/// Just enough of NumPy's .npy format for development tools: one C-contiguous array of a plain type, little endian.
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/fp16.hpp"
#include "core/tensor_view.hpp"

namespace ez_rknn::npy {

struct Array {
  std::string descr;  ///< "<f4", "|i1", ...
  Dims shape;
  std::vector<char> bytes;

  double at(std::int64_t i) const {
    const auto as = [&](auto v) {
      std::memcpy(&v, bytes.data() + std::size_t(i) * sizeof v, sizeof v);
      return v;
    };
    const std::string t = descr.substr(1);
    if (t == "f4") return static_cast<double>(as(0.0f));
    if (t == "f8") return as(0.0);
    if (t == "f2") return static_cast<double>(half_to_float(as(std::uint16_t{})));
    if (t == "i1") return as(std::int8_t{});
    if (t == "u1" || t == "b1") return as(std::uint8_t{});
    if (t == "i2") return as(std::int16_t{});
    if (t == "i4") return as(std::int32_t{});
    if (t == "i8") return static_cast<double>(as(std::int64_t{}));
    throw std::runtime_error("npy element type " + descr);
  }
};

inline Array load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::vector<char> all((std::istreambuf_iterator<char>(file)), {});
  if (all.size() < 12 || std::memcmp(all.data(), "\x93NUMPY", 6) != 0)
    throw std::runtime_error(path + ": not a .npy file");
  const bool v1 = all[6] == 1;
  const auto u8 = [&](std::size_t i) { return std::size_t(static_cast<unsigned char>(all[i])); };
  const std::size_t begin = v1 ? 10 : 12, length = v1 ? u8(8) | u8(9) << 8 : u8(8) | u8(9) << 8 | u8(10) << 16;
  const std::string header(all.data() + begin, length);
  Array a;
  const auto value = [&](const std::string& key) {
    return header.substr(header.find("'" + key + "'") + key.size() + 3);
  };
  const auto descr = value("descr"), shape = value("shape");
  const auto quote = descr.find('\'');
  a.descr = descr.substr(quote + 1, descr.find('\'', quote + 1) - quote - 1);
  if (value("fortran_order").substr(0, 6).find("True") != std::string::npos)
    throw std::runtime_error(path + ": Fortran order");
  std::int64_t n = -1;
  for (char c : shape.substr(shape.find('(') + 1, shape.find(')') - shape.find('(') - 1)) {
    if (c >= '0' && c <= '9') n = (n < 0 ? 0 : n * 10) + (c - '0');
    else if (c == ',' && n >= 0) a.shape.push_back(n), n = -1;
  }
  if (n >= 0) a.shape.push_back(n);
  a.bytes.assign(all.begin() + std::ptrdiff_t(begin + length), all.end());
  return a;
}

inline void save(const std::string& path, const Dims& shape, const std::vector<double>& values) {
  std::string dims;
  for (auto d : shape) dims += std::to_string(d) + ",";
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" + dims + "), }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  const char length[2] = {static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  file.write(length, 2).write(header.data(), std::streamsize(header.size()));
  file.write(reinterpret_cast<const char*>(values.data()), std::streamsize(values.size() * sizeof(double)));
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace ez_rknn::npy
