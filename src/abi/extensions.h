#ifndef EZ_RKNN_ABI_EXTENSIONS_H
#define EZ_RKNN_ABI_EXTENSIONS_H
/* What the software NPU answers beyond the interface, without a symbol of its own. */

/* rknn_query(0, EZ_RKNN_QUERY_LAST_ERROR, buffer, size): the text of the calling thread's last failed call into the
 * library, zero-terminated and cut to `size` bytes; empty when none has failed. Another library answers with an error.
 */
#define EZ_RKNN_QUERY_LAST_ERROR 0x455a0001u

/* rknn_query(0, EZ_RKNN_SET_LOG_LEVEL, &level, sizeof level): from here on the library writes messages of this int32
 * level and worse; levels as RKNN_LOG_LEVEL has them, -1 for none.
 */
#define EZ_RKNN_SET_LOG_LEVEL 0x455a0002u

#endif
