#pragma once
/// The tables behind find_register, one a block or a chip variant.
#include "npu/regs/table.hpp"

namespace ez_rknn::npu::rows {

std::span<const Register> pc();
std::span<const Register> cna();
std::span<const Register> core();
std::span<const Register> dpu();
std::span<const Register> lut();
std::span<const Register> lut_access();
std::span<const Register> dpu_rdma();
std::span<const Register> ppu();

std::span<const Register> rk3566();   ///< what differs from RK3588
std::span<const Register> rk3562();   ///< CNA, CORE, DPU of family B
std::span<const Register> rk3576();   ///< what differs from RK3562
std::span<const Register> rv1106();   ///< what differs from RK3588
std::span<const Register> rv1106b();  ///< CNA, DPU of family D

}  // namespace ez_rknn::npu::rows
