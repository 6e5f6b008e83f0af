#pragma once
/// What the fake runtime pretends to be, as text: "key=value;key=value". Read from the environment variable EZ_FAKE_RT,
/// or set by fake_rknnrt_script(); a context keeps the script it was made with.
///
///   inputs=NAME:1x4x4x3:NHWC:i8,...   default x:1x4:UNDEFINED:f32
///   outputs=...                       default y:1x4:UNDEFINED:f32
///   scale=0.5  zp=3                   quantisation of integer tensors (affine)
///   compute=affine A B                output element j of every output = A * (element j mod n of input 0) + B
///   compute=core                      every element is the context's core mask
///   delay_us=N  jitter_us=N           a run takes N (plus up to N more) microseconds
///   init_us=N                         rknn_init takes N microseconds
///   delay=value                       a run takes as many microseconds as the first element of input 0 says
///   fail=FUNCTION:CODE[:NTH]          the call (or only the NTH one, from 1) returns CODE
///   fail_negative=CODE                rknn_run returns CODE when the first element of input 0 is negative
///   cores=N                           1: every mask is refused with -13; otherwise those of cores from N on, with -5
///   fail_core=MASK:CODE               rknn_run returns CODE in a context of that core mask: the core is lost
///   init=hold  run=hold               rknn_init, or rknn_run, waits for a call of fake_rknnrt_release()
///   hold_above=X                      rknn_run waits for it when the first element of input 0 is above X
///   copy=1                            inputs and outputs are copied as they are, as fast as a runtime can; the bytes
///   of an
///                                     output are those of input 0, again and again
///   dup=0                             rknn_dup_context is refused
///   dynamic=1x4|1x8                   shapes of input 0; element counts of outputs follow it
///   c2=N                              the native layout of 4-D tensors is NC1HWC2 with groups of N channels
///   row_padding=N                     rows of NHWC inputs are N pixels longer than the width
///   memory_fd=0                       rknn_create_mem gives memory without a descriptor
///   custom=TEXT  api=TEXT  driver=TEXT
///   software=1                        answers the query for the last error text
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fake {

struct TensorSpec {
  std::string name;
  std::vector<std::uint32_t> dims;
  int format = 3;
  int type = 0;
};

struct Failure {
  std::string function;
  int code = 0;
  int nth = 0;
};

struct Script {
  std::vector<TensorSpec> inputs, outputs;
  float scale = 1;
  int zp = 0;
  double a = 1, b = 0;
  bool compute_core = false;
  int delay_us = 0, jitter_us = 0, init_us = 0;
  bool delay_by_value = false;
  std::vector<Failure> failures;
  int fail_negative = 0;
  int cores = 3;
  std::uint32_t lost_core = 0;
  int lost_code = 0;
  bool dup = true, hold_init = false, hold_run = false, copy = false;
  double hold_above = 0;  ///< with hold_run: which runs
  int c2 = 0, row_padding = 0;
  bool memory_fd = true;
  std::vector<std::vector<std::uint32_t>> dynamic;
  std::string custom, api = "2.4.1 (fake)", driver = "0.9.8";
  bool software = false;
};

/// Aborts on text it does not understand: a test that misspells its script must not pass.
Script parse(const std::string& text);

}  // namespace fake
