/* What the functions of the table share: results that are given back in one walk, errors in the caller's buffers, and texts. */
#ifndef MEMORY_RESULTS_H
#define MEMORY_RESULTS_H

#include <postern/x400_sdk.h>

typedef postern_x400_text text_t;
typedef postern_x400_error error_t_;

/* Stands before each piece of a result; all its texts hang on the first. */
typedef union block {
  struct {
    union block* next;
  } link;
  long double align_;
  long long align2_;
} block;

/* Whether the caller's structure reaches to the end of `member`: older callers have shorter ones. */
#define REACHES(args, type, member) ((args)->struct_size >= offsetof(type, member) + sizeof(((type*)0)->member))

void* block_new(size_t size);
void* block_add(void* result, size_t size);
void release(void* result);
text_t borrowed(const char* words);
/* A copy that lives as long as the result. */
text_t kept(void* result, const char* words);
postern_x400_status fail(error_t_* error, postern_x400_status status, const char* field, const char* format, ...);
int is_utf8(text_t text);
char* copy_of(text_t text);
int contains(const char* where, text_t what);
postern_x400_status unknown_handle(error_t_* error);
postern_x400_status no_memory(error_t_* error);

#endif
