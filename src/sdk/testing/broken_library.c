/*
 * The example library with one defect, which the macro DEFECT names: what the conformance kit and the daemon must bear and name.
 * tests/programs/CMakeLists.txt builds one shared object for each, with the other files of the example.
 */
#ifndef DEFECT
#error "-DDEFECT=NAME, one of the enumeration below"
#endif
#define _POSIX_C_SOURCE 200809L
#include <postern/x400_sdk.h>

/* The example's own two exports get other names. */
#define postern_x400_sdk_version good_version
#define postern_x400_sdk_entry good_entry
#include "../../../examples/x400-sdk/memory_library.c"
#undef postern_x400_sdk_version
#undef postern_x400_sdk_entry

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum {
  NONE,
  WRONG_VERSION,
  ANY_VERSION,
  MISSING_SYMBOL,
  REFUSES_ENTRY,
  NULL_FUNCTION,
  NO_CALLS,
  STALE_TABLE_SIZE,
  WRITES_BEYOND_TABLE,
  CRASH_IN_LOAD,
  CRASH_IN_SUBMIT,
  ABORT_IN_BIND,
  EXIT_IN_LIST,
  HANG_IN_LIST,
  HANG_IN_OPEN,
  IGNORES_DEADLINE,
  IGNORES_CANCEL,
  STDOUT_IN_SUBMIT,
  LEAKS_DESCRIPTORS,
  LEAKS_MEMORY,
  SIGNAL_HANDLER,
  NOT_UTF8,
  STALE_ENTRY_SIZE,
  HUGE_COUNT,
  NEGATIVE_LENGTH,
  DANGLING_TEXT,
  NULL_RESULT,
  RESULT_ON_FAILURE,
  DOUBLE_FREE,
  REUSES_RESULT,
  LIES_IN_FETCH,
  CHANGES_CONTENT,
  NULL_PIECE,
  KEEPS_GOING,
  ANY_PASSWORD,
  TELLS_PASSWORD,
  SILENT_ERROR,
  LONG_ERROR,
  REUSES_HANDLES,
  CRASH_ON_CLOSED,
  PAGE_LEADS_BACK,
  IGNORES_LIMIT,
  ONE_CALL,
  WRITES_TO_CHANNEL
};

static postern_x400_sdk good;

static postern_x400_status b_open(const postern_x400_call* call, const postern_x400_open_args* args, postern_x400_handle* library,
                                  postern_x400_error* error) {
  if (DEFECT == HANG_IN_OPEN) pause();
  if (DEFECT == SIGNAL_HANDLER) signal(SIGTERM, SIG_IGN);
  if (DEFECT == WRITES_TO_CHANNEL && write(3, "\xFF\xFF\xFF\xFF\x01nonsense", 13) < 0) return POSTERN_X400_INTERNAL;
  return good.open(call, args, library, error);
}

static postern_x400_status b_close(postern_x400_handle library, postern_x400_error* error) {
  static postern_x400_handle last;
  if (DEFECT == CRASH_ON_CLOSED && last == library) abort();
  last = library;
  return good.close(library, error);
}

static postern_x400_status b_bind(postern_x400_handle library, const postern_x400_call* call, const postern_x400_bind_args* args,
                                  postern_x400_binding** result, postern_x400_error* error) {
  static postern_x400_binding left_over = {sizeof left_over, 0, 99, {NULL, 0}, 0};
  postern_x400_bind_args changed = *args;
  postern_x400_status status;
  char words[64];
  if (DEFECT == ABORT_IN_BIND) abort();
  if (DEFECT == ANY_PASSWORD) changed.password.data = (const uint8_t*)PASSWORD, changed.password.size = strlen(PASSWORD);
  changed.struct_size = sizeof changed;
  status = good.bind(library, call, &changed, result, error);
  if (DEFECT == LEAKS_DESCRIPTORS && status == POSTERN_X400_OK && open("/dev/null", O_RDONLY) < 0) return POSTERN_X400_INTERNAL;
  if (status == POSTERN_X400_OK || error == NULL) return status;
  if (DEFECT == TELLS_PASSWORD) {
    snprintf(words, sizeof words, "%.*s is wrong", (int)args->password.size, (const char*)args->password.data);
    return fail(error, status, "password", "%s", words);
  }
  if (DEFECT == SILENT_ERROR) error->text_size = 0;
  if (DEFECT == LONG_ERROR) error->text_size = error->text_capacity + 1;
  if (DEFECT == RESULT_ON_FAILURE) *result = &left_over;
  return status;
}

static postern_x400_status b_unbind(postern_x400_handle handle, const postern_x400_call* call, postern_x400_error* error) {
  const postern_x400_status status = good.unbind(handle, call, error);
  if (DEFECT == REUSES_HANDLES && status == POSTERN_X400_OK) last_handle = handle - 1;
  return status;
}

static postern_x400_status b_submit(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_submission* args,
                                    postern_x400_submission_result** result, postern_x400_error* error) {
  postern_x400_status status;
  if (DEFECT == CRASH_IN_SUBMIT) raise(SIGSEGV);
  if (DEFECT == STDOUT_IN_SUBMIT) printf("submitting\n"), fflush(stdout);
  status = good.submit(handle, call, args, result, error);
  if (status != POSTERN_X400_OK) return status;
  if (DEFECT == NULL_RESULT) *result = NULL;
  if (DEFECT == NEGATIVE_LENGTH) (*result)->mts_identifier.size = (size_t)-5;
  if (DEFECT == DANGLING_TEXT) (*result)->mts_identifier.data = (const char*)16;
  return status;
}

static postern_x400_status b_list(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_list_args* args,
                                  postern_x400_entry_list** result, postern_x400_error* error) {
  static postern_x400_entry_list shared;
  postern_x400_list_args changed = *args;
  postern_x400_status status;
  postern_x400_entry* first;
  if (DEFECT == EXIT_IN_LIST) exit(3);
  if (DEFECT == HANG_IN_LIST) pause();
  if (DEFECT == IGNORES_LIMIT && args->limit > 0) changed.limit = 1000;
  status = good.list(handle, call, &changed, result, error);
  if (status != POSTERN_X400_OK) return status;
  if (DEFECT == HUGE_COUNT) (*result)->entry_count = SIZE_MAX / 16;
  if (DEFECT == PAGE_LEADS_BACK && (*result)->entry_count > 0) (*result)->next = 1;
  if (DEFECT == REUSES_RESULT) {
    shared = **result;
    *result = &shared;
  }
  if ((*result)->entry_count == 0 || (*result)->entries == NULL) return status;
  first = (postern_x400_entry*)(*result)->entries;
  if (DEFECT == NOT_UTF8) first->originator = (text_t){"\xC3\x28", 2};
  if (DEFECT == STALE_ENTRY_SIZE) first->struct_size = 40;
  return status;
}

struct relay {
  const postern_x400_fetch_args* args;
  int count;
};
static int32_t pass_on(void* data, const uint8_t* octets, size_t size) {
  struct relay* relay = data;
  int32_t wanted = 0;
  static uint8_t first;
  if (DEFECT == NULL_PIECE) return relay->args->on_content(relay->args->content_data, NULL, size);
  if (DEFECT == CHANGES_CONTENT && relay->count++ == 0) {
    first = (uint8_t)(octets[0] ^ 0x20);
    wanted = relay->args->on_content(relay->args->content_data, &first, 1);
    ++octets, --size;
  }
  if (wanted == 0) wanted = relay->args->on_content(relay->args->content_data, octets, size);
  if (DEFECT == KEEPS_GOING && wanted != 0) (void)relay->args->on_content(relay->args->content_data, octets, size);
  return wanted;
}

static postern_x400_status b_fetch(postern_x400_handle handle, const postern_x400_call* call, const postern_x400_fetch_args* args,
                                   postern_x400_fetched** result, postern_x400_error* error) {
  struct relay relay = {args, 0};
  postern_x400_fetch_args changed = *args;
  postern_x400_status status;
  if (args->on_content != NULL) changed.on_content = pass_on;
  changed.content_data = &relay;
  status = good.fetch(handle, call, &changed, result, error);
  if (DEFECT == LIES_IN_FETCH && status == POSTERN_X400_OK) (*result)->content_size += 100;
  return status;
}

static postern_x400_status b_poll(postern_x400_handle handle, const postern_x400_call* call, postern_x400_event** result,
                                  postern_x400_error* error) {
  postern_x400_call changed = *call;
  if (DEFECT == IGNORES_DEADLINE) changed.timeout_ms += 2500;
  if (DEFECT == IGNORES_CANCEL) changed.id = 0;
  return good.poll(handle, &changed, result, error);
}

static void b_release(void* result) {
  if (DEFECT == LEAKS_MEMORY || DEFECT == REUSES_RESULT) return;
  if (DEFECT == DOUBLE_FREE && result != NULL) free((block*)result - 1);
  good.release(result);
}

#define EXPORTED __attribute__((visibility("default")))

EXPORTED uint32_t postern_x400_sdk_version(void) {
  return DEFECT == WRONG_VERSION ? POSTERN_X400_SDK_VERSION + 0x20000 : POSTERN_X400_SDK_VERSION;
}

__attribute__((constructor)) static void loaded(void) {
  if (DEFECT == CRASH_IN_LOAD) abort();
}

static postern_x400_status fill(uint32_t version, postern_x400_sdk* table) {
  const postern_x400_status status = good_entry(DEFECT == ANY_VERSION ? POSTERN_X400_SDK_VERSION : version, table);
  good.struct_size = sizeof good;
  (void)good_entry(POSTERN_X400_SDK_VERSION, &good);
  if (DEFECT == REFUSES_ENTRY) return POSTERN_X400_UNSUPPORTED;
  if (status != POSTERN_X400_OK || table->struct_size < sizeof good) {
    if (DEFECT == WRITES_BEYOND_TABLE) memset((char*)table + table->struct_size, 0, 8);
    return status;
  }
  table->open = b_open;
  table->close = b_close;
  table->bind = b_bind;
  table->unbind = b_unbind;
  table->submit = b_submit;
  table->list = b_list;
  table->fetch = b_fetch;
  table->poll = b_poll;
  table->release = b_release;
  if (DEFECT == NULL_FUNCTION) table->probe = NULL;
  if (DEFECT == NO_CALLS) table->max_calls = 0;
  if (DEFECT == ONE_CALL) table->max_calls = 1;
  if (DEFECT == STALE_TABLE_SIZE) table->struct_size = 64;
  return status;
}

#ifdef DEFECT_HAS_NO_ENTRY
EXPORTED
postern_x400_status postern_x400_sdk_enter(uint32_t version, postern_x400_sdk* table) { return fill(version, table); }
#else
EXPORTED postern_x400_status postern_x400_sdk_entry(uint32_t version, postern_x400_sdk* table) { return fill(version, table); }
#endif
