/* What the parts of the library share. */
#ifndef MEMORY_LIBRARY_H
#define MEMORY_LIBRARY_H

#include <pthread.h>

#include "store.h"

typedef struct association {
  postern_x400_handle handle, library;
  mailbox* box;
  uint64_t seen; /* poll() has told of entries up to this one. */
} association;

extern pthread_mutex_t lock;   /* Of everything that is not a caller's. */
extern pthread_cond_t changed; /* Something arrived, or ended. */

/* NULL: not open. With the lock held, as long as it is used. */
association* find_association(postern_x400_handle handle);
/* A new one, never 0. With the lock held. */
uint64_t next_message(void);

/* Functions of the table. */
postern_x400_status list(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_list_args* args,
                         postern_x400_entry_list** result, error_t_* error);
postern_x400_status summarize(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_filter* filter,
                              postern_x400_summary** result, error_t_* error);
const postern_x400_report* show_report(void* result, const entry* one);
postern_x400_status fetch(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_fetch_args* args,
                          postern_x400_fetched** result, error_t_* error);

#endif
