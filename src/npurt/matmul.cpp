// rknn_matmul_*: matrices without a model. Contexts are those of a Rockchip RK3588 unless EZ_RKNN_MATMUL_CHIP names
// another chip (rk3588, rk3576, rk3562, rk3566, rk3568) when one is created. What the interface leaves open is written
// down in docs/matmul.md.
#include "npurt/matmul.hpp"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "ez_rknn/error.hpp"
#include "npu/matmul/layout.hpp"
#include "npu/matmul/matmul.hpp"
#include "npurt/core_mask.hpp"
#include "npurt/guard.hpp"
#include "npurt/handles.hpp"
#include "npurt/memory.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;
using namespace ez_rknn::npu::matmul;

constexpr std::string_view kNames = "ABC";

struct MatmulState {
  MatmulState(const Chip& chip, const Spec& spec, std::vector<Shape> shapes) : matmul(chip, spec, std::move(shapes)) {}
  std::mutex mutex;  ///< held during every call
  Matmul matmul;
  std::shared_ptr<Memory> memory[3];  ///< kept while it is bound, whatever the caller destroys
};

Handles<MatmulState>& matmuls() {
  static auto* all = new Handles<MatmulState>;  // never destroyed: callers may run while the process ends
  return *all;
}

/// A context in use by this call.
class MatmulInUse {
 public:
  explicit MatmulInUse(rknn_matmul_ctx handle) : state_(matmuls().find(handle)) {
    if (!state_) refuse(RKNN_ERR_CTX_INVALID, "matmul context " + std::to_string(handle) + " does not exist");
    lock_ = std::unique_lock(state_->mutex);
  }
  MatmulState* operator->() const { return state_.get(); }

 private:
  std::shared_ptr<MatmulState> state_;
  std::unique_lock<std::mutex> lock_;
};

const Chip& chip_of_environment() {
  const char* name = std::getenv("EZ_RKNN_MATMUL_CHIP");
  if (!name || !*name) return find_chip("rk3588");
  try {
    return find_chip(name);
  } catch (const InvalidArgument& e) { throw InvalidArgument(std::string("EZ_RKNN_MATMUL_CHIP: ") + e.what()); }
}

struct NamedTypes {
  rknn_matmul_type number;
  Types types;
};
constexpr NamedTypes kTypes[] = {
    {RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT32, {DType::f16, DType::f16, DType::f32}},
    {RKNN_INT8_MM_INT8_TO_INT32, {DType::i8, DType::i8, DType::i32}},
    {RKNN_INT8_MM_INT8_TO_INT8, {DType::i8, DType::i8, DType::i8}},
    {RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT16, {DType::f16, DType::f16, DType::f16}},
    {RKNN_FLOAT16_MM_INT8_TO_FLOAT32, {DType::f16, DType::i8, DType::f32}},
    {RKNN_FLOAT16_MM_INT8_TO_FLOAT16, {DType::f16, DType::i8, DType::f16}},
    {RKNN_FLOAT16_MM_INT4_TO_FLOAT32, {DType::f16, DType::i4, DType::f32}},
    {RKNN_FLOAT16_MM_INT4_TO_FLOAT16, {DType::f16, DType::i4, DType::f16}},
    {RKNN_INT8_MM_INT8_TO_FLOAT32, {DType::i8, DType::i8, DType::f32}},
    {RKNN_INT4_MM_INT4_TO_INT16, {DType::i4, DType::i4, DType::i16}},
    {RKNN_INT8_MM_INT4_TO_INT32, {DType::i8, DType::i4, DType::i32}},
    {RKNN_FLOAT16_MM_INT4_TO_BFLOAT16, {DType::f16, DType::i4, DType::bf16}},
    {RKNN_INT8_MM_INT4_TO_FLOAT16, {DType::i8, DType::i4, DType::f16}},
};

Types types_of(rknn_matmul_type number) {
  std::string known;
  for (const NamedTypes& t : kTypes) {
    if (t.number == number) return t.types;
    known += (known.empty() ? "" : ", ") + std::to_string(t.number);
  }
  throw InvalidArgument("matmul type " + std::to_string(number) + "; accepted: " + known);
}

rknn_tensor_type abi_type(DType type) {
  switch (type) {
    case DType::f16: return RKNN_TENSOR_FLOAT16;
    case DType::bf16: return RKNN_TENSOR_BFLOAT16;
    case DType::i4: return RKNN_TENSOR_INT4;
    case DType::i8: return RKNN_TENSOR_INT8;
    case DType::i16: return RKNN_TENSOR_INT16;
    case DType::i32: return RKNN_TENSOR_INT32;
    default: return RKNN_TENSOR_FLOAT32;
  }
}

void check_enumerator(const char* field, int value, int highest) {
  if (value < 0 || value > highest)
    throw InvalidArgument(std::string(field) + " is " + std::to_string(value) + "; accepted: 0 to " +
                          std::to_string(highest));
}

Spec spec_of(const rknn_matmul_info& info) {
  check_enumerator("B_layout", info.B_layout, RKNN_MM_LAYOUT_TP_NORM);
  check_enumerator("AC_layout", info.AC_layout, RKNN_MM_LAYOUT_NATIVE);
  check_enumerator("B_quant_type", info.B_quant_type, RKNN_QUANT_TYPE_PER_GROUP_ASYM);
  check_enumerator("AC_quant_type", info.AC_quant_type, RKNN_QUANT_TYPE_PER_LAYER_ASYM);
  Spec spec;
  spec.types = types_of(info.type);
  spec.b_layout = static_cast<Layout>(info.B_layout);
  spec.ac_native = info.AC_layout == RKNN_MM_LAYOUT_NATIVE;
  spec.granularity = static_cast<Granularity>(info.B_quant_type / 2);
  spec.b_asymmetric = info.B_quant_type % 2;
  spec.ac_asymmetric = info.AC_quant_type % 2;
  spec.group = info.group_size;
  return spec;
}

void describe(const Matmul& matmul, const Shape& shape, Matrix which, rknn_matmul_tensor_attr& attr) {
  attr = {};
  attr.name[0] = kNames[static_cast<std::size_t>(which)];
  const Dims dims = dims_of(matmul.chip(), matmul.spec(), shape, which);
  attr.n_dims = static_cast<std::uint32_t>(dims.rank());
  for (int i = 0; i < dims.rank(); ++i) attr.dims[i] = static_cast<std::uint32_t>(dims[i]);
  attr.size = static_cast<std::uint32_t>(bytes_of(matmul.spec(), shape, which));
  attr.type = abi_type(matmul.spec().type(which));
}

rknn_matmul_ctx create(const rknn_matmul_info& info, std::vector<Shape> shapes, rknn_matmul_io_attr* attrs) {
  auto state = std::make_shared<MatmulState>(chip_of_environment(), spec_of(info), std::move(shapes));
  const Matmul& matmul = state->matmul;
  for (const Shape& s : matmul.shapes()) {
    describe(matmul, s, Matrix::a, attrs->A);
    describe(matmul, s, Matrix::b, attrs->B);
    describe(matmul, s, Matrix::c, attrs->C);
    ++attrs;
  }
  return matmuls().add(std::move(state));
}

Matrix matrix_of(const char (&name)[RKNN_MAX_NAME_LEN]) {
  const std::string_view text(name, strnlen(name, sizeof name));
  const std::size_t i = text.size() == 1 ? kNames.find(text) : kNames.npos;
  if (i == kNames.npos) throw InvalidArgument("matrix \"" + std::string(text) + "\"; accepted: A, B, C");
  return static_cast<Matrix>(i);
}

template <class T>
std::span<const T> array(const T* values, std::int32_t length, const char* what) {
  if (!values) return {};
  if (length < 0) throw InvalidArgument(std::string(what) + " is " + std::to_string(length) + "; accepted: 0 and more");
  return {values, static_cast<std::size_t>(length)};
}

/// The attribute is one that create gave out: any of the context's shapes, so that memory may be set before the shape.
void check_attribute(const Matmul& matmul, Matrix which, const rknn_matmul_tensor_attr& attr) {
  const DType type = matmul.spec().type(which);
  if (attr.type != abi_type(type))
    throw InvalidArgument(std::string(attr.name) + " of type " + std::to_string(attr.type) +
                          "; accepted: " + std::to_string(abi_type(type)) + " (" + name_of(type) + ")");
  std::string sizes;
  for (const Shape& s : matmul.shapes()) {
    const std::uint64_t size = bytes_of(matmul.spec(), s, which);
    if (size == attr.size) return;
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  }
  throw InvalidArgument(std::string(attr.name) + " of " + std::to_string(attr.size) + " bytes; accepted: " + sizes);
}

}  // namespace

bool ez_rknn::npurt::is_matmul_context(rknn_context handle) { return matmuls().find(handle) != nullptr; }

extern "C" {

int rknn_matmul_create(rknn_matmul_ctx* ctx, rknn_matmul_info* info, rknn_matmul_io_attr* io_attr) {
  return guarded("rknn_matmul_create", [&] {
    require_pointer(ctx, "the context's address");
    require_pointer(info, "rknn_matmul_info");
    require_pointer(io_attr, "rknn_matmul_io_attr");
    *ctx = 0;
    *ctx = create(*info, {{info->M, info->K, info->N}}, io_attr);
  });
}

int rknn_matmul_create_dynamic_shape(rknn_matmul_ctx* ctx, rknn_matmul_info* info, int shape_num,
                                     rknn_matmul_shape dynamic_shapes[], rknn_matmul_io_attr io_attrs[]) {
  return guarded("rknn_matmul_create_dynamic_shape", [&] {
    require_pointer(ctx, "the context's address");
    require_pointer(info, "rknn_matmul_info");
    require_pointer(dynamic_shapes, "the array of shapes");
    require_pointer(io_attrs, "the array of rknn_matmul_io_attr");
    *ctx = 0;
    if (shape_num < 1 || shape_num > RKNN_MAX_DYNAMIC_SHAPE_NUM)
      throw InvalidArgument(std::to_string(shape_num) + " shapes; accepted: 1 to " +
                            std::to_string(RKNN_MAX_DYNAMIC_SHAPE_NUM));
    std::vector<Shape> shapes;
    for (int i = 0; i < shape_num; ++i)
      shapes.push_back({dynamic_shapes[i].M, dynamic_shapes[i].K, dynamic_shapes[i].N});
    *ctx = create(*info, std::move(shapes), io_attrs);
  });
}

int rknn_matmul_set_io_mem(rknn_matmul_ctx ctx, rknn_tensor_mem* mem, rknn_matmul_tensor_attr* attr) {
  return guarded("rknn_matmul_set_io_mem", [&] {
    const MatmulInUse c(ctx);
    require_pointer(attr, "rknn_matmul_tensor_attr");
    const Matrix which = matrix_of(attr->name);
    check_attribute(c->matmul, which, *attr);
    auto memory = memory_of(mem);
    if (memory->size() < attr->size)
      throw InvalidArgument("the memory of " + std::string(attr->name) + " has " + std::to_string(memory->size()) +
                            " bytes; at least " + std::to_string(attr->size) + " are accepted");
    c->matmul.bind(which, {memory->data(), memory->size()});
    c->memory[static_cast<std::size_t>(which)] = std::move(memory);
  });
}

int rknn_matmul_set_core_mask(rknn_matmul_ctx ctx, rknn_core_mask core_mask) {
  return guarded("rknn_matmul_set_core_mask", [&] {
    const MatmulInUse c(ctx);
    const Chip& chip = c->matmul.chip();
    c->matmul.set_core_mask(cores_of(core_mask, chip.name, chip.cores));
  });
}

int rknn_matmul_set_quant_params(rknn_matmul_ctx ctx, rknn_quant_params* params) {
  return guarded("rknn_matmul_set_quant_params", [&] {
    const MatmulInUse c(ctx);
    require_pointer(params, "rknn_quant_params");
    require_pointer(params->scale, "rknn_quant_params.scale");
    c->matmul.set_quantisation(matrix_of(params->name), array(params->scale, params->scale_len, "scale_len"),
                               array(params->zp, params->zp_len, "zp_len"));
  });
}

int rknn_matmul_get_quant_params(rknn_matmul_ctx ctx, rknn_quant_params* params, float* scale) {
  return guarded("rknn_matmul_get_quant_params", [&] {
    const MatmulInUse c(ctx);
    if (!params && !scale) throw InvalidArgument("neither rknn_quant_params nor the scale's address is given");
    const Matrix which = params && params->name[0] ? matrix_of(params->name) : Matrix::b;
    const Quantisation& quant = c->matmul.quantisation();
    const QuantTable& table = quant.table(which);
    if (scale) *scale = which == Matrix::b ? quant.unit_b() : table.scale.front();
    // Arrays of the caller's stay as they are: callers pass what they gave to set_quant_params, or a struct of zeros.
    if (params && !params->scale) {
      params->scale = const_cast<float*>(table.scale.data());
      params->scale_len = static_cast<std::int32_t>(table.scale.size());
    }
    if (params && !params->zp && !table.zero_point.empty()) {
      params->zp = const_cast<std::int32_t*>(table.zero_point.data());
      params->zp_len = static_cast<std::int32_t>(table.zero_point.size());
    }
  });
}

int rknn_matmul_set_dynamic_shape(rknn_matmul_ctx ctx, rknn_matmul_shape* shape) {
  return guarded("rknn_matmul_set_dynamic_shape", [&] {
    const MatmulInUse c(ctx);
    require_pointer(shape, "rknn_matmul_shape");
    c->matmul.select({shape->M, shape->K, shape->N});
  });
}

int rknn_matmul_run(rknn_matmul_ctx ctx) {
  return guarded("rknn_matmul_run", [&] { MatmulInUse(ctx)->matmul.run(); });
}

int rknn_matmul_destroy(rknn_matmul_ctx ctx) {
  return guarded("rknn_matmul_destroy", [&] {
    if (!matmuls().remove(ctx))
      refuse(RKNN_ERR_CTX_INVALID, "matmul context " + std::to_string(ctx) + " does not exist");
  });
}

int rknn_B_normal_layout_to_native_layout(void* B_input, void* B_output, int K, int N, rknn_matmul_info* info) {
  return guarded("rknn_B_normal_layout_to_native_layout", [&] {
    require_pointer(B_input, "B_input");
    require_pointer(B_output, "B_output");
    require_pointer(info, "rknn_matmul_info");
    check_enumerator("B_layout", info->B_layout, RKNN_MM_LAYOUT_TP_NORM);
    const Chip& chip = chip_of_environment();
    Spec spec;  // the layout depends on nothing else
    spec.types = types_of(info->type);
    if (info->B_layout == RKNN_MM_LAYOUT_TP_NORM) spec.b_layout = Layout::transposed;
    const Shape shape{1, K, N};
    check(chip, spec, shape);
    to_native(chip, spec, shape, static_cast<const std::byte*>(B_input), static_cast<std::byte*>(B_output));
  });
}

}  // extern "C"
