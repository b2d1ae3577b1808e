#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
/* list, summarize and fetch. */
#include <string.h>

#include "library.h"

#define PIECE ((size_t)64 << 10)

static void show(void* result, const entry* one, uint64_t wanted, postern_x400_entry* out) {
  out->struct_size = sizeof *out;
  out->entry_class = one->entry_class;
  out->sequence = one->sequence;
  out->status = one->status;
  out->filled = wanted & (POSTERN_X400_HAS_PRIORITY | POSTERN_X400_HAS_SIZE | POSTERN_X400_HAS_TIME | POSTERN_X400_HAS_ORIGINATOR |
                          POSTERN_X400_HAS_CONTENT_TYPE | POSTERN_X400_HAS_MTS_IDENTIFIER);
  out->priority = wanted & POSTERN_X400_HAS_PRIORITY ? one->priority : 0;
  out->content_size = wanted & POSTERN_X400_HAS_SIZE && one->body != NULL ? one->body->size : 0;
  out->time = wanted & POSTERN_X400_HAS_TIME ? one->time : POSTERN_X400_NO_TIME;
  if (wanted & POSTERN_X400_HAS_ORIGINATOR) out->originator = kept(result, one->originator);
  if (wanted & POSTERN_X400_HAS_CONTENT_TYPE) out->content_type = kept(result, one->content_type);
  if (wanted & POSTERN_X400_HAS_MTS_IDENTIFIER) out->mts_identifier = kept(result, one->mts_identifier);
}

/* With the lock held. */
static postern_x400_status list_locked(association* found, const postern_x400_list_args* args, postern_x400_entry_list* out,
                                       error_t_* error) {
  entry* at;
  size_t count = 0, place = 0;
  postern_x400_entry* entries;
  for (at = found->box->entries; at != NULL && count < args->limit; at = at->next)
    count += at->sequence >= args->from && (args->to == 0 || at->sequence <= args->to) && matches(at, args->filter);
  entries = block_add(out, count * sizeof *entries);
  if (entries == NULL) return no_memory(error);
  for (at = found->box->entries; at != NULL; at = at->next) {
    if (at->sequence < args->from || (args->to != 0 && at->sequence > args->to) || !matches(at, args->filter)) continue;
    if (place == count) {
      out->next = at->sequence;
      break;
    }
    show(out, at, args->wanted, &entries[place++]);
    if (at->status == POSTERN_X400_NEW) at->status = POSTERN_X400_LISTED;
  }
  out->struct_size = sizeof *out;
  out->entries = count == 0 ? NULL : entries;
  out->entry_count = count;
  return POSTERN_X400_OK;
}

postern_x400_status list(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_list_args* args,
                         postern_x400_entry_list** result, error_t_* error) {
  association* found;
  postern_x400_status status;
  (void)call;
  *result = NULL;
  if (args->limit == 0) return fail(error, POSTERN_X400_BAD_ARGUMENT, "limit", "is 0; ask for one entry at least");
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  pthread_mutex_lock(&lock);
  found = find_association(handle);
  status = found == NULL ? unknown_handle(error) : list_locked(found, args, *result, error);
  pthread_mutex_unlock(&lock);
  if (status == POSTERN_X400_OK) return status;
  release(*result);
  *result = NULL;
  return status;
}

postern_x400_status summarize(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_filter* filter,
                              postern_x400_summary** result, error_t_* error) {
  association* found;
  const entry* at;
  (void)call;
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  (*result)->struct_size = sizeof **result;
  pthread_mutex_lock(&lock);
  found = find_association(handle);
  for (at = found == NULL ? NULL : found->box->entries; at != NULL; at = at->next) {
    if (!matches(at, filter)) continue;
    ++(*result)->total;
    ++(*result)->by_status[at->status];
    if ((*result)->lowest == 0) (*result)->lowest = at->sequence;
    (*result)->highest = at->sequence;
  }
  pthread_mutex_unlock(&lock);
  if (found != NULL) return POSTERN_X400_OK;
  release(*result);
  *result = NULL;
  return unknown_handle(error);
}

const postern_x400_report* show_report(void* result, const entry* one) {
  postern_x400_report* out = block_add(result, sizeof *out);
  postern_x400_report_recipient* recipient = block_add(result, sizeof *recipient);
  if (out == NULL || recipient == NULL) return NULL;
  out->struct_size = sizeof *out;
  out->subject_identifier = kept(result, one->subject_identifier);
  out->recipients = recipient;
  out->recipient_count = 1;
  recipient->struct_size = sizeof *recipient;
  recipient->delivered = (uint32_t)one->delivered;
  recipient->reason = one->delivered ? -1 : 1;     /* unable-to-transfer */
  recipient->diagnostic = one->delivered ? -1 : 0; /* unrecognised-OR-name */
  recipient->time = one->delivered ? one->time : POSTERN_X400_NO_TIME;
  recipient->address = kept(result, one->recipient);
  return out;
}

static int give(const content* body, const postern_x400_fetch_args* args) {
  size_t at;
  for (at = 0; body != NULL && at < body->size; at += PIECE) {
    const size_t size = body->size - at < PIECE ? body->size - at : PIECE;
    if (args->on_content(args->content_data, body->data + at, size) != 0) return 0;
  }
  return 1;
}

/* With the lock held: what fetch() answers, and the content, which the caller drops. */
static postern_x400_status fetch_locked(postern_x400_handle handle, const postern_x400_fetch_args* args, postern_x400_fetched* out,
                                        content** body, error_t_* error) {
  association* found = find_association(handle);
  entry* one = found == NULL ? NULL : find_entry(found->box, args->sequence);
  postern_x400_entry* shown = block_add(out, sizeof *shown);
  if (found == NULL) return unknown_handle(error);
  if (one == NULL) return fail(error, POSTERN_X400_NOT_FOUND, "sequence", "there is no entry %llu", (unsigned long long)args->sequence);
  if (shown == NULL) return no_memory(error);
  out->struct_size = sizeof *out;
  show(out, one, args->wanted, shown);
  out->entry = shown;
  if (one->entry_class == POSTERN_X400_DELIVERED_REPORT) out->report = show_report(out, one);
  *body = one->body;
  if (*body != NULL) ++(*body)->users;
  return POSTERN_X400_OK;
}

static void mark_processed(postern_x400_handle handle, uint64_t sequence) {
  association* found = find_association(handle);
  entry* one = found == NULL ? NULL : find_entry(found->box, sequence);
  if (one != NULL) one->status = POSTERN_X400_PROCESSED;
}

postern_x400_status fetch(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_fetch_args* args,
                          postern_x400_fetched** result, error_t_* error) {
  content* body = NULL;
  postern_x400_status status;
  (void)call;
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  pthread_mutex_lock(&lock);
  status = fetch_locked(handle, args, *result, &body, error);
  pthread_mutex_unlock(&lock);
  /* Without the lock: the host may take its time, and may call us from another thread meanwhile. */
  if (status == POSTERN_X400_OK && args->on_content != NULL && !give(body, args))
    status = fail(error, POSTERN_X400_CANCELLED, "", "the host wanted no more of the content");
  pthread_mutex_lock(&lock);
  if (status == POSTERN_X400_OK) {
    (*result)->content_size = args->on_content == NULL || body == NULL ? 0 : body->size;
    mark_processed(handle, args->sequence);
  }
  drop_content(body);
  pthread_mutex_unlock(&lock);
  if (status == POSTERN_X400_OK) return status;
  release(*result);
  *result = NULL;
  return status;
}
