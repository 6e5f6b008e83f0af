#ifndef EZ_RKNN_ABI_RKNN_H
#define EZ_RKNN_ABI_RKNN_H
/* The C ABI of librknnrt as this project declares it, for both sides: the session engine calls it, the software NPU
 * implements it. Names, numbers and layouts are the interface (version 2.3.2); tests/unit/abi pins every offset. Plain
 * C, so that C programs compile against it too.
 *
 * Every function returns RKNN_SUCC or a negative RKNN_ERR_ code unless it says otherwise. A context is used by one
 * thread at a time; different contexts are independent. */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
/* A fixed underlying type makes every number a caller may pass a value of the enumeration, known or not. */
#define RKNN_ENUM_BASE : uint32_t
#else
#define RKNN_ENUM_BASE
#endif

/* Flags of rknn_init. */
#define RKNN_FLAG_PRIOR_HIGH 0x00000000
#define RKNN_FLAG_PRIOR_MEDIUM 0x00000001
#define RKNN_FLAG_PRIOR_LOW 0x00000002
#define RKNN_FLAG_ASYNC_MASK 0x00000004              /* rknn_outputs_get may give the previous run's outputs */
#define RKNN_FLAG_COLLECT_PERF_MASK 0x00000008       /* collect the times of RKNN_QUERY_PERF_DETAIL */
#define RKNN_FLAG_MEM_ALLOC_OUTSIDE 0x00000010       /* weights and internal tensors in memory of the caller's */
#define RKNN_FLAG_SHARE_WEIGHT_MEM 0x00000020        /* weights of rknn_init_extend.ctx */
#define RKNN_FLAG_FENCE_IN_OUTSIDE 0x00000040        /* wait for rknn_run_extend.fence_fd before running */
#define RKNN_FLAG_FENCE_OUT_OUTSIDE 0x00000080       /* give a fence in rknn_run_extend.fence_fd */
#define RKNN_FLAG_COLLECT_MODEL_INFO_ONLY 0x00000100 /* only RKNN_QUERY_MEM_SIZE will be asked */
#define RKNN_FLAG_INTERNAL_ALLOC_OUTSIDE 0x00000200  /* internal tensors in memory of the caller's */
#define RKNN_FLAG_EXECUTE_FALLBACK_PRIOR_DEVICE_GPU 0x00000400
#define RKNN_FLAG_ENABLE_SRAM 0x00000800
#define RKNN_FLAG_SHARE_SRAM 0x00001000
#define RKNN_FLAG_DISABLE_PROC_HIGH_PRIORITY 0x00002000
#define RKNN_FLAG_DISABLE_FLUSH_INPUT_MEM_CACHE 0x00004000
#define RKNN_FLAG_DISABLE_FLUSH_OUTPUT_MEM_CACHE 0x00008000
#define RKNN_FLAG_MODEL_BUFFER_ZERO_COPY 0x00010000 /* the model's bytes are in memory the NPU can read */
#define RKNN_MEM_FLAG_ALLOC_NO_CONTEXT 0x00020000

/* Results. The misspellings are the interface's. */
#define RKNN_SUCC 0
#define RKNN_ERR_FAIL -1
#define RKNN_ERR_TIMEOUT -2
#define RKNN_ERR_DEVICE_UNAVAILABLE -3
#define RKNN_ERR_MALLOC_FAIL -4
#define RKNN_ERR_PARAM_INVALID -5
#define RKNN_ERR_MODEL_INVALID -6
#define RKNN_ERR_CTX_INVALID -7
#define RKNN_ERR_INPUT_INVALID -8
#define RKNN_ERR_OUTPUT_INVALID -9
#define RKNN_ERR_DEVICE_UNMATCH -10
#define RKNN_ERR_INCOMPATILE_PRE_COMPILE_MODEL -11
#define RKNN_ERR_INCOMPATILE_OPTIMIZATION_LEVEL_VERSION -12
#define RKNN_ERR_TARGET_PLATFORM_UNMATCH -13
#define RKNN_WARNING_SKIP_CUSTOM_OP_COMPUTE -14

#define RKNN_MAX_DIMS 16
#define RKNN_MAX_NUM_CHANNEL 15
#define RKNN_MAX_NAME_LEN 256
#define RKNN_MAX_DYNAMIC_SHAPE_NUM 512
#define RKNN_CUSTOM_OP_MAX_STR_LEN 64
#define RKNN_CUSTOM_OP_MAX_VALUE_LEN 32

/* A handle; 0 is never one. */
#ifdef __arm__
typedef uint32_t rknn_context;
#else
typedef uint64_t rknn_context;
#endif
typedef rknn_context rknn_matmul_ctx;

/* What rknn_query answers, and the struct it fills. */
typedef enum rknn_query_cmd RKNN_ENUM_BASE {
  RKNN_QUERY_IN_OUT_NUM = 0,                /* rknn_input_output_num */
  RKNN_QUERY_INPUT_ATTR = 1,                /* rknn_tensor_attr, index given by the caller */
  RKNN_QUERY_OUTPUT_ATTR = 2,               /* rknn_tensor_attr */
  RKNN_QUERY_PERF_DETAIL = 3,               /* rknn_perf_detail, after a run */
  RKNN_QUERY_PERF_RUN = 4,                  /* rknn_perf_run, after a run */
  RKNN_QUERY_SDK_VERSION = 5,               /* rknn_sdk_version */
  RKNN_QUERY_MEM_SIZE = 6,                  /* rknn_mem_size */
  RKNN_QUERY_CUSTOM_STRING = 7,             /* rknn_custom_string */
  RKNN_QUERY_NATIVE_INPUT_ATTR = 8,         /* rknn_tensor_attr as the NPU holds it */
  RKNN_QUERY_NATIVE_OUTPUT_ATTR = 9,        /* rknn_tensor_attr as the NPU holds it */
  RKNN_QUERY_NATIVE_NC1HWC2_INPUT_ATTR = 8, /* the same two under another name */
  RKNN_QUERY_NATIVE_NC1HWC2_OUTPUT_ATTR = 9,
  RKNN_QUERY_NATIVE_NHWC_INPUT_ATTR = 10,  /* rknn_tensor_attr, NHWC */
  RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR = 11, /* rknn_tensor_attr, NHWC */
  RKNN_QUERY_DEVICE_MEM_INFO = 12,         /* rknn_tensor_mem */
  RKNN_QUERY_INPUT_DYNAMIC_RANGE = 13,     /* rknn_input_range; dynamic-shape models only */
  RKNN_QUERY_CURRENT_INPUT_ATTR = 14,      /* rknn_tensor_attr for the shapes now set */
  RKNN_QUERY_CURRENT_OUTPUT_ATTR = 15,
  RKNN_QUERY_CURRENT_NATIVE_INPUT_ATTR = 16,
  RKNN_QUERY_CURRENT_NATIVE_OUTPUT_ATTR = 17,
  RKNN_QUERY_CMD_MAX = 18
} rknn_query_cmd;

typedef enum rknn_tensor_type RKNN_ENUM_BASE {
  RKNN_TENSOR_FLOAT32 = 0,
  RKNN_TENSOR_FLOAT16 = 1,
  RKNN_TENSOR_INT8 = 2,
  RKNN_TENSOR_UINT8 = 3,
  RKNN_TENSOR_INT16 = 4,
  RKNN_TENSOR_UINT16 = 5,
  RKNN_TENSOR_INT32 = 6,
  RKNN_TENSOR_UINT32 = 7,
  RKNN_TENSOR_INT64 = 8,
  RKNN_TENSOR_BOOL = 9,
  RKNN_TENSOR_INT4 = 10,
  RKNN_TENSOR_BFLOAT16 = 11,
  RKNN_TENSOR_TYPE_MAX = 12
} rknn_tensor_type;

typedef enum rknn_tensor_qnt_type RKNN_ENUM_BASE {
  RKNN_TENSOR_QNT_NONE = 0,
  RKNN_TENSOR_QNT_DFP = 1,               /* real = q * 2^-fl */
  RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC = 2, /* real = (q - zp) * scale */
  RKNN_TENSOR_QNT_MAX = 3
} rknn_tensor_qnt_type;

typedef enum rknn_tensor_format RKNN_ENUM_BASE {
  RKNN_TENSOR_NCHW = 0,
  RKNN_TENSOR_NHWC = 1,
  RKNN_TENSOR_NC1HWC2 = 2, /* channels in groups of C2; dims has five entries */
  RKNN_TENSOR_UNDEFINED = 3,
  RKNN_TENSOR_FORMAT_MAX = 4
} rknn_tensor_format;

/* One bit a core; AUTO lets the runtime choose an idle one. */
typedef enum rknn_core_mask RKNN_ENUM_BASE {
  RKNN_NPU_CORE_AUTO = 0,
  RKNN_NPU_CORE_0 = 1,
  RKNN_NPU_CORE_1 = 2,
  RKNN_NPU_CORE_2 = 4,
  RKNN_NPU_CORE_0_1 = 3,
  RKNN_NPU_CORE_0_1_2 = 7,
  RKNN_NPU_CORE_ALL = 0xffff,
  RKNN_NPU_CORE_UNDEFINED = 0x10000
} rknn_core_mask;

typedef enum rknn_tensor_mem_flags RKNN_ENUM_BASE {
  RKNN_TENSOR_MEMORY_FLAGS_ALLOC_INSIDE = 1,
  RKNN_TENSOR_MEMORY_FLAGS_FROM_FD = 2,
  RKNN_TENSOR_MEMORY_FLAGS_FROM_PHYS = 3,
  RKNN_TENSOR_MEMORY_FLAGS_UNKNOWN = 4
} rknn_tensor_mem_flags;

typedef enum rknn_mem_alloc_flags RKNN_ENUM_BASE {
  RKNN_FLAG_MEMORY_FLAGS_DEFAULT = 0,
  RKNN_FLAG_MEMORY_CACHEABLE = 1,
  RKNN_FLAG_MEMORY_NON_CACHEABLE = 2,
  RKNN_FLAG_MEMORY_TRY_ALLOC_SRAM = 4
} rknn_mem_alloc_flags;

typedef enum rknn_mem_sync_mode RKNN_ENUM_BASE {
  RKNN_MEMORY_SYNC_TO_DEVICE = 1,   /* after the CPU wrote */
  RKNN_MEMORY_SYNC_FROM_DEVICE = 2, /* before the CPU reads */
  RKNN_MEMORY_SYNC_BIDIRECTIONAL = 3
} rknn_mem_sync_mode;

typedef struct rknn_input_output_num {
  uint32_t n_input;
  uint32_t n_output;
} rknn_input_output_num;

typedef struct rknn_tensor_attr {
  uint32_t index; /* set by the caller of a query */
  uint32_t n_dims;
  uint32_t dims[RKNN_MAX_DIMS];
  char name[RKNN_MAX_NAME_LEN];
  uint32_t n_elems;
  uint32_t size; /* bytes, without padding */
  rknn_tensor_format fmt;
  rknn_tensor_type type;
  rknn_tensor_qnt_type qnt_type;
  int8_t fl; /* RKNN_TENSOR_QNT_DFP */
  int32_t zp;
  float scale;
  uint32_t w_stride;         /* pixels from row to row; 0: width */
  uint32_t size_with_stride; /* bytes, with padding */
  uint8_t pass_through;      /* rknn_set_io_mem: 1 = the memory holds the tensor as the NPU reads it */
  uint32_t h_stride;         /* rows from image to image; 0: height */
} rknn_tensor_attr;

/* The shapes an input of a dynamic-shape model accepts. */
typedef struct rknn_input_range {
  uint32_t index; /* set by the caller */
  uint32_t shape_number;
  rknn_tensor_format fmt;
  char name[RKNN_MAX_NAME_LEN];
  uint32_t dyn_range[RKNN_MAX_DYNAMIC_SHAPE_NUM][RKNN_MAX_DIMS];
  uint32_t n_dims;
} rknn_input_range;

/* Text, owned by the context and valid until its next query of the kind. */
typedef struct rknn_perf_detail {
  char* perf_data;
  uint64_t data_len;
} rknn_perf_detail;

typedef struct rknn_perf_run {
  int64_t run_duration; /* microseconds of the last rknn_run */
} rknn_perf_run;

typedef struct rknn_sdk_version {
  char api_version[256];
  char drv_version[256];
} rknn_sdk_version;

/* Bytes. */
typedef struct rknn_mem_size {
  uint32_t total_weight_size;
  uint32_t total_internal_size;
  uint64_t total_dma_allocated_size;
  uint32_t total_sram_size;
  uint32_t free_sram_size;
  uint32_t reserved[10];
} rknn_mem_size;

typedef struct rknn_custom_string {
  char string[1024];
} rknn_custom_string;

/* Memory that both sides can reach; the data begins at virt_addr + offset. */
typedef struct rknn_tensor_mem {
  void* virt_addr;
  uint64_t phys_addr;
  int32_t fd;
  int32_t offset;
  uint32_t size;
  uint32_t flags; /* rknn_tensor_mem_flags */
  void* priv_data;
} rknn_tensor_mem;

typedef struct rknn_input {
  uint32_t index;
  void* buf; /* copied or converted before rknn_inputs_set returns */
  uint32_t size;
  uint8_t pass_through; /* 1: the bytes are the tensor's own, type and fmt do not matter */
  rknn_tensor_type type;
  rknn_tensor_format fmt; /* NHWC or NCHW for rank 4 */
} rknn_input;

typedef struct rknn_output {
  uint8_t want_float;  /* 1: float32 values, 0: the tensor's own type */
  uint8_t is_prealloc; /* 1: buf and size are the caller's, 0: they are set, until rknn_outputs_release */
  uint32_t index;
  void* buf;
  uint32_t size;
} rknn_output;

typedef struct rknn_init_extend {
  rknn_context ctx;          /* RKNN_FLAG_SHARE_WEIGHT_MEM: whose weights */
  int32_t real_model_offset; /* where in the buffer or file the model begins */
  uint32_t real_model_size;  /* 0: to its end */
  int32_t model_buffer_fd;   /* RKNN_FLAG_MODEL_BUFFER_ZERO_COPY */
  uint32_t model_buffer_flags;
  uint8_t reserved[112];
} rknn_init_extend;

typedef struct rknn_run_extend {
  uint64_t frame_id; /* set by rknn_run */
  int32_t non_block; /* 1: return before the run has ended; see rknn_wait */
  int32_t timeout_ms;
  int32_t fence_fd;
} rknn_run_extend;

typedef struct rknn_output_extend {
  uint64_t frame_id; /* set by rknn_outputs_get: the run the outputs belong to */
} rknn_output_extend;

/* Life of a context. */

/** @param model  the file's bytes, or its path when `size` is 0
 *  @param extend  may be NULL */
int rknn_init(rknn_context* context, void* model, uint32_t size, uint32_t flag, rknn_init_extend* extend);
/** A second context of the same model; weights are shared. */
int rknn_dup_context(rknn_context* context_in, rknn_context* context_out);
int rknn_destroy(rknn_context context);
/** @param info  the struct `cmd` names, `size` bytes of it */
int rknn_query(rknn_context context, rknn_query_cmd cmd, void* info, uint32_t size);
int rknn_set_batch_core_num(rknn_context context, int core_num);
int rknn_set_core_mask(rknn_context context, rknn_core_mask core_mask);

/* Running with copies. */

int rknn_inputs_set(rknn_context context, uint32_t n_inputs, rknn_input inputs[]);
/** @param extend  may be NULL */
int rknn_run(rknn_context context, rknn_run_extend* extend);
int rknn_wait(rknn_context context, rknn_run_extend* extend);
/** @param extend  may be NULL */
int rknn_outputs_get(rknn_context context, uint32_t n_outputs, rknn_output outputs[], rknn_output_extend* extend);
int rknn_outputs_release(rknn_context context, uint32_t n_outputs, rknn_output outputs[]);

/* Running in place. The functions that create memory return NULL on failure. */

rknn_tensor_mem* rknn_create_mem(rknn_context context, uint32_t size);
/** @param alloc_flags  rknn_mem_alloc_flags */
rknn_tensor_mem* rknn_create_mem2(rknn_context context, uint64_t size, uint64_t alloc_flags);
/** @param virt_addr  the caller's mapping of `fd`; stays the caller's */
rknn_tensor_mem* rknn_create_mem_from_fd(rknn_context context, int32_t fd, void* virt_addr, uint32_t size,
                                         int32_t offset);
rknn_tensor_mem* rknn_create_mem_from_phys(rknn_context context, uint64_t phys_addr, void* virt_addr, uint32_t size);
rknn_tensor_mem* rknn_create_mem_from_mb_blk(rknn_context context, void* mb_blk, int32_t offset);
int rknn_destroy_mem(rknn_context context, rknn_tensor_mem* mem);
int rknn_set_weight_mem(rknn_context context, rknn_tensor_mem* mem);
int rknn_set_internal_mem(rknn_context context, rknn_tensor_mem* mem);
/** @param attr  from a query, with type, fmt and pass_through as the memory is to be read or written */
int rknn_set_io_mem(rknn_context context, rknn_tensor_mem* mem, rknn_tensor_attr* attr);
int rknn_mem_sync(rknn_context context, rknn_tensor_mem* mem, rknn_mem_sync_mode mode);

/* Dynamic shapes. */

int rknn_set_input_shape(rknn_context context, rknn_tensor_attr* attr);
int rknn_set_input_shapes(rknn_context context, uint32_t n_inputs, rknn_tensor_attr attr[]);

/* Custom operators: nodes whose type begins with "cst", computed by the caller. */

typedef enum rknn_target_type RKNN_ENUM_BASE {
  RKNN_TARGET_TYPE_CPU = 1,
  RKNN_TARGET_TYPE_GPU = 2,
  RKNN_TARGET_TYPE_MAX = 3
} rknn_target_type;

typedef uint64_t rknn_custom_op_interal_context;

typedef struct rknn_gpu_op_context {
  void* cl_context;
  void* cl_command_queue;
  void* cl_kernel;
} rknn_gpu_op_context;

typedef struct rknn_custom_op_context {
  rknn_target_type target;
  rknn_custom_op_interal_context internal_ctx;
  rknn_gpu_op_context gpu_ctx;
  void* priv_data; /* the operator's own */
} rknn_custom_op_context;

typedef struct rknn_custom_op_tensor {
  rknn_tensor_attr attr;
  rknn_tensor_mem mem;
} rknn_custom_op_tensor;

typedef struct rknn_custom_op_attr {
  char name[RKNN_MAX_NAME_LEN];
  rknn_tensor_type dtype;
  uint32_t n_elems;
  void* data; /* valid until the callback returns */
} rknn_custom_op_attr;

typedef int (*rknn_custom_op_callback)(rknn_custom_op_context* op_context, rknn_custom_op_tensor* inputs,
                                       uint32_t n_inputs, rknn_custom_op_tensor* outputs, uint32_t n_outputs);

typedef struct rknn_custom_op {
  uint32_t version;
  rknn_target_type target;
  char op_type[RKNN_MAX_NAME_LEN];
  char cl_kernel_name[RKNN_MAX_NAME_LEN];
  char* cl_kernel_source;
  uint64_t cl_source_size;
  char cl_build_options[RKNN_MAX_NAME_LEN];
  rknn_custom_op_callback init;           /* optional */
  rknn_custom_op_callback prepare;        /* optional: before each compute */
  rknn_custom_op_callback compute;        /* float32 tensors */
  rknn_custom_op_callback compute_native; /* tensors in the model's own types */
  int (*destroy)(rknn_custom_op_context* op_context);
} rknn_custom_op;

/** A plugin exports this under the name get_rknn_custom_op. */
typedef rknn_custom_op* (*get_custom_op_func)(void);

int rknn_register_custom_ops(rknn_context context, rknn_custom_op* op, uint32_t custom_op_num);
/** For use in a callback. `attr->data` stays NULL when the node has no attribute of that name. */
void rknn_custom_op_get_op_attr(rknn_custom_op_context* op_context, const char* attr_name, rknn_custom_op_attr* attr);

/* Matrix multiplication without a model: C[M,N] = A[M,K] B[K,N]. */

typedef enum rknn_matmul_quant_type RKNN_ENUM_BASE {
  RKNN_QUANT_TYPE_PER_LAYER_SYM = 0,
  RKNN_QUANT_TYPE_PER_LAYER_ASYM = 1,
  RKNN_QUANT_TYPE_PER_CHANNEL_SYM = 2,
  RKNN_QUANT_TYPE_PER_CHANNEL_ASYM = 3,
  RKNN_QUANT_TYPE_PER_GROUP_SYM = 4,
  RKNN_QUANT_TYPE_PER_GROUP_ASYM = 5
} rknn_matmul_quant_type;

typedef enum rknn_matmul_type RKNN_ENUM_BASE {
  RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT32 = 1,
  RKNN_INT8_MM_INT8_TO_INT32 = 2,
  RKNN_INT8_MM_INT8_TO_INT8 = 3,
  RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT16 = 4,
  RKNN_FLOAT16_MM_INT8_TO_FLOAT32 = 5,
  RKNN_FLOAT16_MM_INT8_TO_FLOAT16 = 6,
  RKNN_FLOAT16_MM_INT4_TO_FLOAT32 = 7,
  RKNN_FLOAT16_MM_INT4_TO_FLOAT16 = 8,
  RKNN_INT8_MM_INT8_TO_FLOAT32 = 9,
  RKNN_INT4_MM_INT4_TO_INT16 = 10,
  RKNN_INT8_MM_INT4_TO_INT32 = 11,
  RKNN_FLOAT16_MM_INT4_TO_BFLOAT16 = 12,
  RKNN_INT8_MM_INT4_TO_FLOAT16 = 15
} rknn_matmul_type;

typedef enum rknn_matmul_layout RKNN_ENUM_BASE {
  RKNN_MM_LAYOUT_NORM = 0,
  RKNN_MM_LAYOUT_NATIVE = 1,
  RKNN_MM_LAYOUT_TP_NORM = 2 /* B as [N,K] */
} rknn_matmul_layout;

typedef struct rknn_quant_params {
  char name[RKNN_MAX_NAME_LEN]; /* of the matrix: "A", "B" or "C" as rknn_matmul_io_attr names it */
  float* scale;
  int32_t scale_len;
  int32_t* zp;
  int32_t zp_len;
} rknn_quant_params;

typedef struct rknn_matmul_tensor_attr {
  char name[RKNN_MAX_NAME_LEN];
  uint32_t n_dims;
  uint32_t dims[RKNN_MAX_DIMS];
  uint32_t size;
  rknn_tensor_type type;
} rknn_matmul_tensor_attr;

typedef struct rknn_matmul_io_attr {
  rknn_matmul_tensor_attr A;
  rknn_matmul_tensor_attr B;
  rknn_matmul_tensor_attr C;
} rknn_matmul_io_attr;

typedef struct rknn_matmul_shape {
  int32_t M;
  int32_t K;
  int32_t N;
} rknn_matmul_shape;

typedef struct rknn_matmul_info {
  int32_t M;
  int32_t K;
  int32_t N;
  rknn_matmul_type type;
  int16_t B_layout;      /* rknn_matmul_layout */
  int16_t B_quant_type;  /* rknn_matmul_quant_type */
  int16_t AC_layout;     /* rknn_matmul_layout */
  int16_t AC_quant_type; /* rknn_matmul_quant_type */
  int32_t iommu_domain_id;
  int16_t group_size;
  int8_t reserved[34];
} rknn_matmul_info;

int rknn_matmul_create(rknn_matmul_ctx* ctx, rknn_matmul_info* info, rknn_matmul_io_attr* io_attr);
int rknn_matmul_create_dynamic_shape(rknn_matmul_ctx* ctx, rknn_matmul_info* info, int shape_num,
                                     rknn_matmul_shape dynamic_shapes[], rknn_matmul_io_attr io_attrs[]);
int rknn_matmul_set_io_mem(rknn_matmul_ctx ctx, rknn_tensor_mem* mem, rknn_matmul_tensor_attr* attr);
int rknn_matmul_set_core_mask(rknn_matmul_ctx ctx, rknn_core_mask core_mask);
int rknn_matmul_set_quant_params(rknn_matmul_ctx ctx, rknn_quant_params* params);
int rknn_matmul_get_quant_params(rknn_matmul_ctx ctx, rknn_quant_params* params, float* scale);
int rknn_matmul_set_dynamic_shape(rknn_matmul_ctx ctx, rknn_matmul_shape* shape);
int rknn_matmul_run(rknn_matmul_ctx ctx);
int rknn_matmul_destroy(rknn_matmul_ctx ctx);
int rknn_B_normal_layout_to_native_layout(void* B_input, void* B_output, int K, int N, rknn_matmul_info* info);

/* Names of enumerators, for messages. */

static inline const char* get_type_string(rknn_tensor_type type) {
  static const char* const names[] = {"FP32",  "FP16",   "INT8",  "UINT8", "INT16", "UINT16",
                                      "INT32", "UINT32", "INT64", "BOOL",  "INT4",  "BF16"};
  return (uint32_t)type < sizeof names / sizeof *names ? names[type] : "UNKNOW";
}

static inline const char* get_qnt_type_string(rknn_tensor_qnt_type type) {
  static const char* const names[] = {"NONE", "DFP", "AFFINE"};
  return (uint32_t)type < sizeof names / sizeof *names ? names[type] : "UNKNOW";
}

static inline const char* get_format_string(rknn_tensor_format fmt) {
  static const char* const names[] = {"NCHW", "NHWC", "NC1HWC2", "UNDEFINED"};
  return (uint32_t)fmt < sizeof names / sizeof *names ? names[fmt] : "UNKNOW";
}

static inline const char* get_matmul_type_string(rknn_matmul_type type) {
#define RKNN_NAME_OF(value) \
  case value: return #value
  switch (type) {
    RKNN_NAME_OF(RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT32);
    RKNN_NAME_OF(RKNN_INT8_MM_INT8_TO_INT32);
    RKNN_NAME_OF(RKNN_INT8_MM_INT8_TO_INT8);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT16);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_INT8_TO_FLOAT32);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_INT8_TO_FLOAT16);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_INT4_TO_FLOAT32);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_INT4_TO_FLOAT16);
    RKNN_NAME_OF(RKNN_INT8_MM_INT8_TO_FLOAT32);
    RKNN_NAME_OF(RKNN_INT4_MM_INT4_TO_INT16);
    RKNN_NAME_OF(RKNN_INT8_MM_INT4_TO_INT32);
    RKNN_NAME_OF(RKNN_FLOAT16_MM_INT4_TO_BFLOAT16);
    RKNN_NAME_OF(RKNN_INT8_MM_INT4_TO_FLOAT16);
    default: return "UNKNOW";
  }
#undef RKNN_NAME_OF
}

#ifdef __cplusplus
}
#endif
#undef RKNN_ENUM_BASE
#endif
