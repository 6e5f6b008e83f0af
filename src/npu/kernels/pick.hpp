#pragma once
/// Choosing a kernel from a family's table of variants: the last one (tables rise in preference) that this machine
/// allows, or that is of the instruction set asked for, and that accepts the layer.
#include <optional>
#include <string>

#include "core/cpu.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::kernels {

/// @param what  the family, for the message: "pooling"
/// @throws Unsupported when no variant accepts; the reference of each family accepts every layer unless `isa` excludes
/// it
template <class Variants, class... Layer>
auto pick(const Variants& variants, const char* what, std::optional<cpu::Isa> isa, const Layer&... layer) {
  for (std::size_t i = variants.size(); i-- > 0;) {
    const auto& v = variants[i];
    if (isa ? v.isa != *isa : !cpu::allows(v.isa)) continue;
    if constexpr (requires { v.worth; })
      if (v.worth && !v.worth(layer...)) continue;
    if (auto made = v.make(layer...)) return made;
  }
  throw Unsupported(std::string("no ") + what + " kernel for " +
                    std::string(isa ? cpu::name_of(*isa) : "this machine") + " computes this layer");
}

}  // namespace ez_rknn::npu::kernels
