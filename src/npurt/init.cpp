// rknn_init, rknn_dup_context, rknn_destroy, core masks.
#include <cstring>

#include "core/log.hpp"
#include "ez_rknn/error.hpp"
#include "npurt/context.hpp"
#include "npurt/core_mask.hpp"
#include "npurt/guard.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;

/// The part of the buffer or file that the model occupies.
file::Bytes cut(file::Bytes bytes, const rknn_init_extend* extend) {
  if (!extend || (extend->real_model_offset == 0 && extend->real_model_size == 0)) return bytes;
  const auto offset = static_cast<std::uint64_t>(extend->real_model_offset);
  if (extend->real_model_offset < 0 || offset > bytes.data.size() ||
      extend->real_model_size > bytes.data.size() - offset)
    throw InvalidArgument("real_model_offset " + std::to_string(extend->real_model_offset) + " and real_model_size " +
                          std::to_string(extend->real_model_size) + " leave the " + std::to_string(bytes.data.size()) +
                          " bytes given");
  bytes.data = bytes.data.subspan(offset, extend->real_model_size ? extend->real_model_size : std::dynamic_extent);
  return bytes;
}

file::Bytes model_bytes(void* model, std::uint32_t size, const rknn_init_extend* extend) {
  if (size == 0) return cut(file::map_file(static_cast<const char*>(model)), extend);
  // The caller may free its buffer as soon as rknn_init has returned.
  return file::copy_bytes(cut({nullptr, {static_cast<const std::byte*>(model), size}}, extend).data);
}

/// Weights that the file leaves out come from the model of another context.
void borrow_weights(file::Model& model, std::uint32_t flags, const rknn_init_extend* extend) {
  const bool share = flags & RKNN_FLAG_SHARE_WEIGHT_MEM;
  if (share) {
    require_pointer(extend, "rknn_init_extend, which RKNN_FLAG_SHARE_WEIGHT_MEM needs,");
    const auto donor = find_context(extend->ctx);
    if (model.weights_removed) file::take_weights(model, donor->program().model());
  }
  if (model.weights_removed)
    throw ModelError(
        "the model was exported without its weights: give a context that has them "
        "(RKNN_FLAG_SHARE_WEIGHT_MEM and rknn_init_extend.ctx)");
}

void describe(const npu::Program& program) {
  if (log::threshold() < log::Level::info) return;
  const auto& m = program.model();
  log::info("software NPU, ez-rknn-async " EZ_RKNN_VERSION);
  log::info("model format " + std::to_string(m.format_version & 0xff) + ", compiler " + m.compiler_version +
            ", target " + std::string(program.chip().name) + ", framework " + m.framework +
            (m.dynamic ? ", dynamic shapes" : ""));
  for (const auto& type : program.custom_operators())
    log::info("custom operator " + type + " is to be registered before the first run");
}

}  // namespace

extern "C" {

int rknn_init(rknn_context* context, void* model, uint32_t size, uint32_t flag, rknn_init_extend* extend) {
  return guarded("rknn_init", [&] {
    require_pointer(context, "the context's address");
    *context = 0;
    require_pointer(model, size ? "the model" : "the model's path");
    file::Model m = file::read(model_bytes(model, size, extend));
    borrow_weights(m, flag, extend);
    const auto program = npu::Program::load(std::move(m));
    auto state = std::make_shared<ContextState>(program, flag);
    describe(*program);
    *context = contexts().add(std::move(state));
  });
}

int rknn_dup_context(rknn_context* context_in, rknn_context* context_out) {
  return guarded("rknn_dup_context", [&] {
    require_pointer(context_in, "the context's address");
    require_pointer(context_out, "the new context's address");
    const auto original = find_context(*context_in);
    *context_out = contexts().add(std::make_shared<ContextState>(original->shared_program, original->flags));
  });
}

int rknn_destroy(rknn_context context) {
  return guarded("rknn_destroy", [&] {
    const auto state = contexts().remove(context);
    if (!state) refuse(RKNN_ERR_CTX_INVALID, "context " + std::to_string(context) + " does not exist");
  });
}

int rknn_set_core_mask(rknn_context context, rknn_core_mask core_mask) {
  return guarded("rknn_set_core_mask", [&] {
    const InUse c(context);
    const npu::Chip& chip = c->program().chip();
    c->core_mask = cores_of(core_mask, chip.name, chip.cores);
  });
}

int rknn_set_batch_core_num(rknn_context context, int core_num) {
  return guarded("rknn_set_batch_core_num", [&] {
    const InUse c(context);
    const int cores = c->program().chip().cores;
    if (core_num < 1 || core_num > cores)
      refuse(RKNN_ERR_PARAM_INVALID, std::to_string(core_num) + " cores for a batch; 1 to " + std::to_string(cores) +
                                         " are accepted on " + std::string(c->program().chip().name));
    // The threads of a run are shared among the samples of a batch whatever the number: there is nothing to divide.
  });
}

}  // extern "C"
