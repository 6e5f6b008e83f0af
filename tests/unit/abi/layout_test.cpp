// Sizes and offsets of the interface's structs on LP64 machines (x86_64, aarch64). Compiling this file is the test; the
// cases below hold what a compiler cannot check.
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <type_traits>

#include "abi/extensions.h"
#include "abi/rknn.h"

#define SIZE(type, bytes, alignment) \
  static_assert(sizeof(type) == bytes && alignof(type) == alignment && std::is_standard_layout_v<type>)
#define AT(type, field, offset, bytes) \
  static_assert(offsetof(type, field) == offset && sizeof(std::declval<type&>().field) == bytes)

SIZE(rknn_context, 8, 8);
SIZE(rknn_query_cmd, 4, 4);
SIZE(rknn_tensor_type, 4, 4);
SIZE(rknn_tensor_qnt_type, 4, 4);
SIZE(rknn_tensor_format, 4, 4);
SIZE(rknn_core_mask, 4, 4);
SIZE(rknn_tensor_mem_flags, 4, 4);
SIZE(rknn_mem_alloc_flags, 4, 4);
SIZE(rknn_mem_sync_mode, 4, 4);
SIZE(rknn_target_type, 4, 4);
SIZE(rknn_matmul_quant_type, 4, 4);
SIZE(rknn_matmul_type, 4, 4);
SIZE(rknn_matmul_layout, 4, 4);

SIZE(rknn_input_output_num, 8, 4);
AT(rknn_input_output_num, n_input, 0, 4);
AT(rknn_input_output_num, n_output, 4, 4);

SIZE(rknn_tensor_attr, 376, 4);
AT(rknn_tensor_attr, index, 0, 4);
AT(rknn_tensor_attr, n_dims, 4, 4);
AT(rknn_tensor_attr, dims, 8, 64);
AT(rknn_tensor_attr, name, 72, 256);
AT(rknn_tensor_attr, n_elems, 328, 4);
AT(rknn_tensor_attr, size, 332, 4);
AT(rknn_tensor_attr, fmt, 336, 4);
AT(rknn_tensor_attr, type, 340, 4);
AT(rknn_tensor_attr, qnt_type, 344, 4);
AT(rknn_tensor_attr, fl, 348, 1);
AT(rknn_tensor_attr, zp, 352, 4);
AT(rknn_tensor_attr, scale, 356, 4);
AT(rknn_tensor_attr, w_stride, 360, 4);
AT(rknn_tensor_attr, size_with_stride, 364, 4);
AT(rknn_tensor_attr, pass_through, 368, 1);
AT(rknn_tensor_attr, h_stride, 372, 4);

SIZE(rknn_input_range, 33040, 4);
AT(rknn_input_range, index, 0, 4);
AT(rknn_input_range, shape_number, 4, 4);
AT(rknn_input_range, fmt, 8, 4);
AT(rknn_input_range, name, 12, 256);
AT(rknn_input_range, dyn_range, 268, 32768);
AT(rknn_input_range, n_dims, 33036, 4);

SIZE(rknn_perf_detail, 16, 8);
AT(rknn_perf_detail, perf_data, 0, 8);
AT(rknn_perf_detail, data_len, 8, 8);

SIZE(rknn_perf_run, 8, 8);
AT(rknn_perf_run, run_duration, 0, 8);

SIZE(rknn_sdk_version, 512, 1);
AT(rknn_sdk_version, api_version, 0, 256);
AT(rknn_sdk_version, drv_version, 256, 256);

SIZE(rknn_mem_size, 64, 8);
AT(rknn_mem_size, total_weight_size, 0, 4);
AT(rknn_mem_size, total_internal_size, 4, 4);
AT(rknn_mem_size, total_dma_allocated_size, 8, 8);
AT(rknn_mem_size, total_sram_size, 16, 4);
AT(rknn_mem_size, free_sram_size, 20, 4);
AT(rknn_mem_size, reserved, 24, 40);

SIZE(rknn_custom_string, 1024, 1);

SIZE(rknn_tensor_mem, 40, 8);
AT(rknn_tensor_mem, virt_addr, 0, 8);
AT(rknn_tensor_mem, phys_addr, 8, 8);
AT(rknn_tensor_mem, fd, 16, 4);
AT(rknn_tensor_mem, offset, 20, 4);
AT(rknn_tensor_mem, size, 24, 4);
AT(rknn_tensor_mem, flags, 28, 4);
AT(rknn_tensor_mem, priv_data, 32, 8);

SIZE(rknn_input, 32, 8);
AT(rknn_input, index, 0, 4);
AT(rknn_input, buf, 8, 8);
AT(rknn_input, size, 16, 4);
AT(rknn_input, pass_through, 20, 1);
AT(rknn_input, type, 24, 4);
AT(rknn_input, fmt, 28, 4);

SIZE(rknn_output, 24, 8);
AT(rknn_output, want_float, 0, 1);
AT(rknn_output, is_prealloc, 1, 1);
AT(rknn_output, index, 4, 4);
AT(rknn_output, buf, 8, 8);
AT(rknn_output, size, 16, 4);

SIZE(rknn_init_extend, 136, 8);
AT(rknn_init_extend, ctx, 0, 8);
AT(rknn_init_extend, real_model_offset, 8, 4);
AT(rknn_init_extend, real_model_size, 12, 4);
AT(rknn_init_extend, model_buffer_fd, 16, 4);
AT(rknn_init_extend, model_buffer_flags, 20, 4);
AT(rknn_init_extend, reserved, 24, 112);

SIZE(rknn_run_extend, 24, 8);
AT(rknn_run_extend, frame_id, 0, 8);
AT(rknn_run_extend, non_block, 8, 4);
AT(rknn_run_extend, timeout_ms, 12, 4);
AT(rknn_run_extend, fence_fd, 16, 4);

SIZE(rknn_output_extend, 8, 8);
AT(rknn_output_extend, frame_id, 0, 8);

SIZE(rknn_gpu_op_context, 24, 8);
AT(rknn_gpu_op_context, cl_context, 0, 8);
AT(rknn_gpu_op_context, cl_command_queue, 8, 8);
AT(rknn_gpu_op_context, cl_kernel, 16, 8);

SIZE(rknn_custom_op_context, 48, 8);
AT(rknn_custom_op_context, target, 0, 4);
AT(rknn_custom_op_context, internal_ctx, 8, 8);
AT(rknn_custom_op_context, gpu_ctx, 16, 24);
AT(rknn_custom_op_context, priv_data, 40, 8);

SIZE(rknn_custom_op_tensor, 416, 8);
AT(rknn_custom_op_tensor, attr, 0, 376);
AT(rknn_custom_op_tensor, mem, 376, 40);

SIZE(rknn_custom_op_attr, 272, 8);
AT(rknn_custom_op_attr, name, 0, 256);
AT(rknn_custom_op_attr, dtype, 256, 4);
AT(rknn_custom_op_attr, n_elems, 260, 4);
AT(rknn_custom_op_attr, data, 264, 8);

SIZE(rknn_custom_op, 832, 8);
AT(rknn_custom_op, version, 0, 4);
AT(rknn_custom_op, target, 4, 4);
AT(rknn_custom_op, op_type, 8, 256);
AT(rknn_custom_op, cl_kernel_name, 264, 256);
AT(rknn_custom_op, cl_kernel_source, 520, 8);
AT(rknn_custom_op, cl_source_size, 528, 8);
AT(rknn_custom_op, cl_build_options, 536, 256);
AT(rknn_custom_op, init, 792, 8);
AT(rknn_custom_op, prepare, 800, 8);
AT(rknn_custom_op, compute, 808, 8);
AT(rknn_custom_op, compute_native, 816, 8);
AT(rknn_custom_op, destroy, 824, 8);

SIZE(rknn_quant_params, 288, 8);
AT(rknn_quant_params, name, 0, 256);
AT(rknn_quant_params, scale, 256, 8);
AT(rknn_quant_params, scale_len, 264, 4);
AT(rknn_quant_params, zp, 272, 8);
AT(rknn_quant_params, zp_len, 280, 4);

SIZE(rknn_matmul_tensor_attr, 332, 4);
AT(rknn_matmul_tensor_attr, name, 0, 256);
AT(rknn_matmul_tensor_attr, n_dims, 256, 4);
AT(rknn_matmul_tensor_attr, dims, 260, 64);
AT(rknn_matmul_tensor_attr, size, 324, 4);
AT(rknn_matmul_tensor_attr, type, 328, 4);

SIZE(rknn_matmul_io_attr, 996, 4);
AT(rknn_matmul_io_attr, A, 0, 332);
AT(rknn_matmul_io_attr, B, 332, 332);
AT(rknn_matmul_io_attr, C, 664, 332);

SIZE(rknn_matmul_shape, 12, 4);
AT(rknn_matmul_shape, M, 0, 4);
AT(rknn_matmul_shape, K, 4, 4);
AT(rknn_matmul_shape, N, 8, 4);

SIZE(rknn_matmul_info, 64, 4);
AT(rknn_matmul_info, M, 0, 4);
AT(rknn_matmul_info, K, 4, 4);
AT(rknn_matmul_info, N, 8, 4);
AT(rknn_matmul_info, type, 12, 4);
AT(rknn_matmul_info, B_layout, 16, 2);
AT(rknn_matmul_info, B_quant_type, 18, 2);
AT(rknn_matmul_info, AC_layout, 20, 2);
AT(rknn_matmul_info, AC_quant_type, 22, 2);
AT(rknn_matmul_info, iommu_domain_id, 24, 4);
AT(rknn_matmul_info, group_size, 28, 2);
AT(rknn_matmul_info, reserved, 30, 34);

TEST_CASE("the string helpers name every enumerator and nothing else") {
  CHECK_EQ(std::string(get_type_string(RKNN_TENSOR_FLOAT32)), "FP32");
  CHECK_EQ(std::string(get_type_string(RKNN_TENSOR_BOOL)), "BOOL");
  CHECK_EQ(std::string(get_type_string(RKNN_TENSOR_BFLOAT16)), "BF16");
  CHECK_EQ(std::string(get_type_string(RKNN_TENSOR_TYPE_MAX)), "UNKNOW");
  CHECK_EQ(std::string(get_type_string(static_cast<rknn_tensor_type>(0xffffffffu))), "UNKNOW");
  CHECK_EQ(std::string(get_qnt_type_string(RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC)), "AFFINE");
  CHECK_EQ(std::string(get_qnt_type_string(RKNN_TENSOR_QNT_MAX)), "UNKNOW");
  CHECK_EQ(std::string(get_format_string(RKNN_TENSOR_NC1HWC2)), "NC1HWC2");
  CHECK_EQ(std::string(get_format_string(RKNN_TENSOR_FORMAT_MAX)), "UNKNOW");
  CHECK_EQ(std::string(get_matmul_type_string(RKNN_INT8_MM_INT4_TO_FLOAT16)), "RKNN_INT8_MM_INT4_TO_FLOAT16");
  CHECK_EQ(std::string(get_matmul_type_string(static_cast<rknn_matmul_type>(13))), "UNKNOW");
}

TEST_CASE("the private query is outside the interface's numbers") {
  CHECK_GT(EZ_RKNN_QUERY_LAST_ERROR, static_cast<unsigned>(RKNN_QUERY_CMD_MAX));
}
