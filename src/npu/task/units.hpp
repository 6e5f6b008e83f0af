#pragma once
/// The units that execute typed tasks, one function each.
#include "npu/task/cube.hpp"
#include "npu/task/decode.hpp"

namespace ez_rknn::npu::task {

void run(const ConvTask& t, const Lut& lut, Memory& memory);
void run(const FlyingTask& t, const Lut& lut, Memory& memory);
void run(const UnpoolTask& t, const Lut& lut, Memory& memory);
void run(const PoolTask& t, const Lut& lut, Memory& memory);
inline void run(const LutUpload&, const Lut&, Memory&) {}  // the banks have taken the tables

/// BS, BN, EW and the output converter over a whole cube of accumulators or source elements.
/// Integer pipelines are std::int64_t, float ones double. @param channel_sums  what OW multiplies: per pixel the sum of
/// the window's inputs, of one channel for all or of each; null for flying tasks
/// @return what the writer stores: integers already clamped to the type
template <class T>
Cube<double> run_dpu(const DpuTask& t, Cube<T> v, const Cube<T>* channel_sums, const Lut& lut, const Memory& memory);

/// @throws ModelError when a row leaves the arena
void write_cube(const WriterTask& t, const Cube<double>& v, Memory& memory);

}  // namespace ez_rknn::npu::task
