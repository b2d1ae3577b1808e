/*
 * A whole X.400 library for Postern in plain C: the "peer" is memory of this process. It is the model for libraries that speak to a real
 * one, so it keeps every rule of postern/x400_sdk.h, and `postern x400 sdk-test` passes it.
 *
 *   cc -std=c11 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden -pthread -I ../../include -o memory_library.so *.c
 *
 * A mailbox is made for whoever binds first with a name; the password is "postern". Messages between such users arrive at once, other
 * recipients give a non-delivery report. The peer "127.0.0.1:1" is not reached.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "library.h"

#define MAX_LIBRARIES 16
#define MAX_ASSOCIATIONS 256
#define MAX_CALLS 64
#define MAX_RECIPIENTS 1000
#define MAX_CONTENT ((size_t)256 << 20)
#define PASSWORD "postern"
#define UNREACHABLE "127.0.0.1:1"

/* ---- Handles --------------------------------------------------------------------------------------------------------------------- */

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static postern_x400_handle last_handle;
static postern_x400_handle libraries[MAX_LIBRARIES];
static association associations[MAX_ASSOCIATIONS];
static struct {
  uint64_t id;
  int cancelled;
} calls[MAX_CALLS];

static int find_library(postern_x400_handle handle) {
  int i;
  for (i = 0; handle != 0 && i < MAX_LIBRARIES; ++i) {
    if (libraries[i] == handle) return i;
  }
  return -1;
}

association* find_association(postern_x400_handle handle) {
  int i;
  for (i = 0; handle != 0 && i < MAX_ASSOCIATIONS; ++i) {
    if (associations[i].handle == handle) return &associations[i];
  }
  return NULL;
}

/* ---- Calls that can be cancelled, and waiting --------------------------------------------------------------------------------------- */

static int begin_call(uint64_t id) {
  int i;
  for (i = 0; id != 0 && i < MAX_CALLS; ++i) {
    if (calls[i].id != 0) continue;
    calls[i].id = id;
    calls[i].cancelled = 0;
    return i;
  }
  return -1;
}

static void end_call(int call) {
  if (call >= 0) calls[call].id = 0;
}

static struct timespec deadline_of(uint32_t timeout_ms) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_sec += timeout_ms / 1000;
  at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_nsec -= 1000000000;
    ++at.tv_sec;
  }
  return at;
}

static postern_x400_status cancel(postern_x400_handle library, uint64_t call_id) {
  int i, known;
  pthread_mutex_lock(&lock);
  known = find_library(library) >= 0;
  for (i = 0; known && call_id != 0 && i < MAX_CALLS; ++i) {
    if (calls[i].id == call_id) calls[i].cancelled = 1;
  }
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return known ? POSTERN_X400_OK : POSTERN_X400_UNKNOWN_HANDLE;
}

/* ---- Opening and binding ------------------------------------------------------------------------------------------------------------ */

static const char* status_text(postern_x400_status status) {
  static const char* const words[] = {"done",
                                      "the call is wrong",
                                      "unknown handle",
                                      "not supported",
                                      "no memory",
                                      "not available",
                                      "the time is up",
                                      "cancelled",
                                      "wrong name or password",
                                      "refused",
                                      "not found",
                                      "over a limit",
                                      "the association ended",
                                      "the peer broke the protocol",
                                      "a fault of the library"};
  return status >= 0 && (size_t)status < sizeof words / sizeof *words ? words[status] : "an unknown status";
}

static postern_x400_status open_library(const postern_x400_call* call, const postern_x400_open_args* args, postern_x400_handle* library,
                                        error_t_* error) {
  int i;
  (void)call;
  *library = 0;
  if (!is_utf8(args->profile)) return fail(error, POSTERN_X400_BAD_ARGUMENT, "profile", "the profile's name is not UTF-8");
  if (args->profile.size > 0 && (args->profile.size != 6 || memcmp(args->profile.data, "memory", 6) != 0))
    return fail(error, POSTERN_X400_NOT_FOUND, "profile", "there is no such profile; this library has one, \"memory\"");
  pthread_mutex_lock(&lock);
  for (i = 0; i < MAX_LIBRARIES && libraries[i] != 0; ++i) continue;
  if (i < MAX_LIBRARIES) *library = libraries[i] = ++last_handle;
  pthread_mutex_unlock(&lock);
  if (i == MAX_LIBRARIES) return fail(error, POSTERN_X400_OVER_LIMIT, "", "the library is open %d times already; close one", MAX_LIBRARIES);
  if (REACHES(args, postern_x400_open_args, log_data) && args->log != NULL)
    args->log(args->log_data, POSTERN_X400_LOG_INFO, borrowed("the store in memory is open"));
  return POSTERN_X400_OK;
}

static postern_x400_status close_library(postern_x400_handle library, error_t_* error) {
  int i, place;
  pthread_mutex_lock(&lock);
  place = find_library(library);
  if (place >= 0) libraries[place] = 0;
  for (i = 0; place >= 0 && i < MAX_ASSOCIATIONS; ++i) {
    if (associations[i].library == library) associations[i].handle = associations[i].library = 0;
  }
  pthread_cond_broadcast(&changed); /* whoever polls in one of them finds it gone */
  pthread_mutex_unlock(&lock);
  return place >= 0 ? POSTERN_X400_OK : unknown_handle(error);
}

static int is_open(postern_x400_handle library) {
  int open;
  pthread_mutex_lock(&lock);
  open = find_library(library) >= 0;
  pthread_mutex_unlock(&lock);
  return open;
}

static postern_x400_status identify(postern_x400_handle library, postern_x400_identity** result, error_t_* error) {
  *result = NULL;
  if (!is_open(library)) return unknown_handle(error);
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  (*result)->struct_size = sizeof **result;
  (*result)->vendor = borrowed("Postern");
  (*result)->product = borrowed("Store in memory");
  (*result)->version = borrowed("1.0");
  (*result)->notes = borrowed("an example: what it holds ends with its process");
  return POSTERN_X400_OK;
}

static postern_x400_status health(postern_x400_handle library, postern_x400_health** result, error_t_* error) {
  int i;
  *result = NULL;
  if (!is_open(library)) return unknown_handle(error);
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  (*result)->struct_size = sizeof **result;
  (*result)->state = POSTERN_X400_HEALTH_GOOD;
  (*result)->words = borrowed("ready");
  pthread_mutex_lock(&lock);
  for (i = 0; i < MAX_ASSOCIATIONS; ++i) (*result)->associations += associations[i].library == library;
  pthread_mutex_unlock(&lock);
  return POSTERN_X400_OK;
}

static postern_x400_status check_bind(const postern_x400_bind_args* args, error_t_* error) {
  if (args->role != POSTERN_X400_P3_USER && args->role != POSTERN_X400_P7_USER)
    return fail(error, POSTERN_X400_UNSUPPORTED, "role", "this library binds as a user of P3 or P7 only");
  if (args->name.size == 0 || !is_utf8(args->name) || memchr(args->name.data, '\0', args->name.size) != NULL)
    return fail(error, POSTERN_X400_BAD_ARGUMENT, "name", "is no O/R address; give one such as C=DE;A=;P=ORG;S=Name");
  if (!is_utf8(args->peer) || args->peer.size == 0) return fail(error, POSTERN_X400_BAD_ARGUMENT, "peer", "is no presentation address");
  if (args->peer.size == strlen(UNREACHABLE) && memcmp(args->peer.data, UNREACHABLE, strlen(UNREACHABLE)) == 0)
    return fail(error, POSTERN_X400_UNAVAILABLE, "peer", "nobody answers at " UNREACHABLE "; check the address");
  if (args->password.size != strlen(PASSWORD) || memcmp(args->password.data, PASSWORD, strlen(PASSWORD)) != 0) {
    (void)fail(error, POSTERN_X400_NOT_AUTHENTICATED, "password", "the store refuses this name and password; check both");
    if (error != NULL && error->diagnostic != NULL && error->diagnostic_capacity >= 3) {
      memcpy(error->diagnostic, "\x02\x01\x00", 3); /* MSBind error 0, authentication-error (X.413) */
      error->diagnostic_size = 3;
    }
    return POSTERN_X400_NOT_AUTHENTICATED;
  }
  return POSTERN_X400_OK;
}

/* With the lock held. */
static postern_x400_status bind_locked(postern_x400_handle library, const postern_x400_bind_args* args, postern_x400_binding* binding,
                                       error_t_* error) {
  int i;
  mailbox* box;
  if (find_library(library) < 0) return unknown_handle(error);
  for (i = 0; i < MAX_ASSOCIATIONS && associations[i].handle != 0; ++i) continue;
  if (i == MAX_ASSOCIATIONS) return fail(error, POSTERN_X400_OVER_LIMIT, "", "%d associations are open; unbind one", MAX_ASSOCIATIONS);
  box = need_mailbox(args->name);
  if (box == NULL) return no_memory(error);
  associations[i].handle = binding->association = ++last_handle;
  associations[i].library = library;
  associations[i].box = box;
  associations[i].seen = box->last_sequence;
  binding->waiting = count_new(box);
  return POSTERN_X400_OK;
}

static postern_x400_status bind_user(postern_x400_handle library, const postern_x400_call* call, const postern_x400_bind_args* args,
                                     postern_x400_binding** result, error_t_* error) {
  postern_x400_status status;
  (void)call; /* nothing here waits */
  *result = NULL;
  if (!is_open(library)) return unknown_handle(error);
  if ((status = check_bind(args, error)) != POSTERN_X400_OK) return status;
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  (*result)->struct_size = sizeof **result;
  (*result)->peer_name = borrowed("C=XX;A=MEMORY;P=EXAMPLE");
  pthread_mutex_lock(&lock);
  status = bind_locked(library, args, *result, error);
  pthread_mutex_unlock(&lock);
  if (status == POSTERN_X400_OK) return status;
  release(*result);
  *result = NULL;
  return status;
}

static postern_x400_status unbind(postern_x400_handle handle, const postern_x400_call* call, error_t_* error) {
  association* found;
  (void)call;
  pthread_mutex_lock(&lock);
  found = find_association(handle);
  if (found != NULL) found->handle = found->library = 0;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return found != NULL ? POSTERN_X400_OK : unknown_handle(error);
}

/* ---- Submitting ------------------------------------------------------------------------------------------------------------------------
 */

static postern_x400_status check_recipients(const postern_x400_submission* args, error_t_* error) {
  size_t i;
  char field[64];
  if (args->recipient_count == 0) return fail(error, POSTERN_X400_BAD_ARGUMENT, "recipients", "are missing; name one at least");
  if (args->recipient_count > MAX_RECIPIENTS)
    return fail(error, POSTERN_X400_OVER_LIMIT, "recipients", "are more than %d; send the message in parts", MAX_RECIPIENTS);
  for (i = 0; i < args->recipient_count; ++i) {
    const text_t address = recipient_at(args, i)->address;
    snprintf(field, sizeof field, "recipients[%zu].address", i);
    if (!is_utf8(address)) return fail(error, POSTERN_X400_BAD_ARGUMENT, field, "is not UTF-8");
    if (address.size == 0 || memchr(address.data, '=', address.size) == NULL)
      return fail(error, POSTERN_X400_BAD_ARGUMENT, field, "is no O/R address; give one such as C=DE;A=;P=ORG;S=Name");
  }
  return POSTERN_X400_OK;
}

static postern_x400_status check_submission(const postern_x400_submission* args, error_t_* error) {
  if (!is_utf8(args->originator)) return fail(error, POSTERN_X400_BAD_ARGUMENT, "originator", "is not UTF-8");
  if (!is_utf8(args->content_type)) return fail(error, POSTERN_X400_BAD_ARGUMENT, "content_type", "is not UTF-8");
  if (args->content_identifier.size > 16)
    return fail(error, POSTERN_X400_BAD_ARGUMENT, "content_identifier", "has more than 16 characters (X.411 ub-content-id-length)");
  if (args->strategy == POSTERN_X400_QUARANTINE || args->strategy > POSTERN_X400_PASS_THROUGH)
    return fail(error, POSTERN_X400_UNSUPPORTED, "strategy", "is none that this library has; choose another");
  if (args->deferred_until != POSTERN_X400_NO_TIME)
    return fail(error, POSTERN_X400_UNSUPPORTED, "deferred_until", "memory does not wait; submit the message when it is due");
  if (args->content_size > MAX_CONTENT || args->content.size > MAX_CONTENT)
    return fail(error, POSTERN_X400_OVER_LIMIT, "content", "is longer than %zu octets", MAX_CONTENT);
  return check_recipients(args, error);
}

static postern_x400_status submit_any(postern_x400_handle handle, const postern_x400_submission* args, int is_probe,
                                      postern_x400_submission_result** result, error_t_* error) {
  postern_x400_status status = check_submission(args, error);
  content* body = NULL;
  association* found;
  char id[64];
  *result = NULL;
  if (status != POSTERN_X400_OK) return status;
  if (!is_probe && (body = content_of(args->content)) == NULL) return no_memory(error);
  *result = block_new(sizeof **result);
  pthread_mutex_lock(&lock);
  found = find_association(handle);
  if (found != NULL && *result != NULL) {
    snprintf(id, sizeof id, "[C=XX;A=MEMORY;P=EXAMPLE;m%llu]", (unsigned long long)next_message());
    route(args, found->box, body, id);
    (*result)->struct_size = sizeof **result;
    (*result)->mts_identifier = kept(*result, id);
    (*result)->time = (int64_t)time(NULL);
  }
  drop_content(body);
  pthread_mutex_unlock(&lock);
  if (found != NULL && *result != NULL && (*result)->mts_identifier.data != NULL) return POSTERN_X400_OK;
  status = *result == NULL ? no_memory(error) : found == NULL ? unknown_handle(error) : no_memory(error);
  release(*result);
  *result = NULL;
  return status;
}

static postern_x400_status submit(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_submission* args,
                                  postern_x400_submission_result** result, error_t_* error) {
  (void)call;
  return submit_any(handle, args, 0, result, error);
}

static postern_x400_status probe(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_submission* args,
                                 postern_x400_submission_result** result, error_t_* error) {
  (void)call;
  return submit_any(handle, args, 1, result, error);
}

/* ---- Deleting, registering, waiting ---------------------------------------------------------------------------------------------------
 */

static postern_x400_status delete_entries(postern_x400_handle handle, const postern_x400_call* call, const uint64_t* sequences,
                                          size_t count, error_t_* error) {
  association* found;
  postern_x400_status status = POSTERN_X400_OK;
  size_t i;
  char field[64];
  (void)call;
  pthread_mutex_lock(&lock);
  found = find_association(handle);
  if (found == NULL) status = unknown_handle(error);
  for (i = 0; status == POSTERN_X400_OK && i < count; ++i) {
    snprintf(field, sizeof field, "sequences[%zu]", i);
    if (find_entry(found->box, sequences[i]) == NULL)
      status = fail(error, POSTERN_X400_NOT_FOUND, field, "there is no entry %llu", (unsigned long long)sequences[i]);
  }
  for (i = 0; status == POSTERN_X400_OK && i < count; ++i) {
    entry** at = &found->box->entries;
    while (*at != NULL && (*at)->sequence != sequences[i]) at = &(*at)->next;
    if (*at != NULL) { /* named twice: gone already */
      entry* gone = *at;
      *at = gone->next;
      drop_entry(gone);
    }
  }
  pthread_mutex_unlock(&lock);
  return status;
}

static postern_x400_status register_ms(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_register_args* args,
                                       error_t_* error) {
  int known;
  (void)call;
  pthread_mutex_lock(&lock);
  known = find_association(handle) != NULL;
  pthread_mutex_unlock(&lock);
  if (!known) return unknown_handle(error);
  if (args->action_count > 0) return fail(error, POSTERN_X400_UNSUPPORTED, "actions", "this store has no auto-actions");
  if (args->new_password.size > 0) return fail(error, POSTERN_X400_UNSUPPORTED, "new_password", "the password of this store is fixed");
  return fail(error, POSTERN_X400_UNSUPPORTED, "flags", "this store keeps no defaults");
}

static void tell(postern_x400_event* out, const entry* one) {
  const int is_report = one->entry_class == POSTERN_X400_DELIVERED_REPORT;
  out->kind = is_report ? POSTERN_X400_REPORTED : POSTERN_X400_MESSAGE;
  out->sequence = one->sequence;
  out->report = is_report ? show_report(out, one) : NULL;
}

/* With the lock held. 1: an event was told. */
static int next_event(association* found, postern_x400_event* out) {
  const entry* at = found->box->entries;
  while (at != NULL && at->sequence <= found->seen) at = at->next;
  if (at == NULL) return 0;
  found->seen = at->sequence;
  tell(out, at);
  return 1;
}

static postern_x400_status poll_events(postern_x400_handle handle, const postern_x400_call* call, postern_x400_event** result,
                                       error_t_* error) {
  const struct timespec deadline = deadline_of(call->timeout_ms);
  postern_x400_status status = POSTERN_X400_OK;
  association* found;
  int place, late = 0;
  *result = block_new(sizeof **result);
  if (*result == NULL) return no_memory(error);
  (*result)->struct_size = sizeof **result;
  pthread_mutex_lock(&lock);
  place = begin_call(call->id);
  for (;;) {
    found = find_association(handle);
    if (found == NULL)
      status = unknown_handle(error);
    else if (place >= 0 && calls[place].cancelled)
      status = fail(error, POSTERN_X400_CANCELLED, "", "cancelled");
    if (status != POSTERN_X400_OK || next_event(found, *result) || late) break;
    late = call->timeout_ms == 0 || pthread_cond_timedwait(&changed, &lock, &deadline) != 0;
  }
  end_call(place);
  pthread_mutex_unlock(&lock);
  if (status == POSTERN_X400_OK) return status;
  release(*result);
  *result = NULL;
  return status;
}

/* ---- What is exported ------------------------------------------------------------------------------------------------------------------
 */

POSTERN_X400_EXPORT uint32_t postern_x400_sdk_version(void) { return POSTERN_X400_SDK_VERSION; }

POSTERN_X400_EXPORT postern_x400_status postern_x400_sdk_entry(uint32_t version, postern_x400_sdk* table) {
  static const postern_x400_sdk mine = {sizeof mine,
                                        POSTERN_X400_SDK_VERSION,
                                        POSTERN_X400_CAN_P3 | POSTERN_X400_CAN_P7 | POSTERN_X400_CAN_PROBE | POSTERN_X400_CAN_CANCEL,
                                        MAX_CALLS / 4,
                                        0,
                                        status_text,
                                        release,
                                        open_library,
                                        close_library,
                                        identify,
                                        health,
                                        cancel,
                                        bind_user,
                                        unbind,
                                        submit,
                                        probe,
                                        list,
                                        summarize,
                                        fetch,
                                        delete_entries,
                                        register_ms,
                                        poll_events};
  const size_t size = table->struct_size < sizeof mine ? table->struct_size : sizeof mine;
  if (POSTERN_X400_SDK_MAJOR(version) != POSTERN_X400_SDK_MAJOR(POSTERN_X400_SDK_VERSION)) return POSTERN_X400_UNSUPPORTED;
  memcpy(table, &mine, size);
  table->struct_size = (uint32_t)size;
  return POSTERN_X400_OK;
}
