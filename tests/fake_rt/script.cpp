#include "script.hpp"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <sstream>

namespace fake {
namespace {

[[noreturn]] void bad(const std::string& what) {
  std::fprintf(stderr, "fake runtime: bad script: %s\n", what.c_str());
  std::abort();
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

int index_of(const std::string& word, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return static_cast<int>(i);
  bad(word);
}

std::vector<std::uint32_t> dims_of(const std::string& text) {
  std::vector<std::uint32_t> dims;
  for (const auto& d : split(text, 'x')) dims.push_back(static_cast<std::uint32_t>(std::stoul(d)));
  return dims;
}

std::vector<TensorSpec> tensors_of(const std::string& text) {
  std::vector<TensorSpec> tensors;
  for (const auto& one : split(text, ',')) {
    const auto f = split(one, ':');
    if (f.size() != 4) bad(one);
    tensors.push_back({f[0], dims_of(f[1]), index_of(f[2], {"NCHW", "NHWC", "NC1HWC2", "UNDEFINED"}),
                       index_of(f[3], {"f32", "f16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "bool"})});
  }
  return tensors;
}

Failure failure_of(const std::string& text) {
  const auto f = split(text, ':');
  if (f.size() < 2) bad(text);
  return {f[0], std::stoi(f[1]), f.size() > 2 ? std::stoi(f[2]) : 0};
}

void set(Script& s, const std::string& key, const std::string& value) {
  if (key == "inputs") s.inputs = tensors_of(value);
  else if (key == "outputs") s.outputs = tensors_of(value);
  else if (key == "scale") s.scale = std::stof(value);
  else if (key == "zp") s.zp = std::stoi(value);
  else if (key == "compute" && value == "core") s.compute_core = true;
  else if (key == "compute" && std::sscanf(value.c_str(), "affine %lf %lf", &s.a, &s.b) == 2) return;
  else if (key == "delay_us") s.delay_us = std::stoi(value);
  else if (key == "init_us") s.init_us = std::stoi(value);
  else if (key == "jitter_us") s.jitter_us = std::stoi(value);
  else if (key == "delay" && value == "value") s.delay_by_value = true;
  else if (key == "fail") s.failures.push_back(failure_of(value));
  else if (key == "fail_negative") s.fail_negative = std::stoi(value);
  else if (key == "cores") s.cores = std::stoi(value);
  else if (key == "fail_core" && std::sscanf(value.c_str(), "%u:%d", &s.lost_core, &s.lost_code) == 2) return;
  else if (key == "init" && value == "hold") s.hold_init = true;
  else if (key == "run" && value == "hold") s.hold_run = true, s.hold_above = -std::numeric_limits<double>::infinity();
  else if (key == "hold_above") s.hold_run = true, s.hold_above = std::stod(value);
  else if (key == "copy") s.copy = value != "0";
  else if (key == "dup") s.dup = value != "0";
  else if (key == "c2") s.c2 = std::stoi(value);
  else if (key == "row_padding") s.row_padding = std::stoi(value);
  else if (key == "memory_fd") s.memory_fd = value != "0";
  else if (key == "dynamic")
    for (const auto& d : split(value, '|')) s.dynamic.push_back(dims_of(d));
  else if (key == "custom") s.custom = value;
  else if (key == "api") s.api = value;
  else if (key == "driver") s.driver = value;
  else if (key == "software") s.software = value != "0";
  else bad(key + "=" + value);
}

}  // namespace

Script parse(const std::string& text) {
  Script s;
  s.inputs = tensors_of("x:1x4:UNDEFINED:f32");
  s.outputs = tensors_of("y:1x4:UNDEFINED:f32");
  for (const auto& entry : split(text, ';')) {
    if (entry.empty()) continue;
    const auto equals = entry.find('=');
    if (equals == entry.npos) bad(entry);
    set(s, entry.substr(0, equals), entry.substr(equals + 1));
  }
  return s;
}

}  // namespace fake
