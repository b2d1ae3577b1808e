#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void* block_new(size_t size) {
  block* made = calloc(1, sizeof(block) + size);
  return made == NULL ? NULL : made + 1;
}

void* block_add(void* result, size_t size) {
  block* head = (block*)result - 1;
  void* added = block_new(size == 0 ? 1 : size);
  if (added == NULL) return NULL;
  ((block*)added - 1)->link.next = head->link.next;
  head->link.next = (block*)added - 1;
  return added;
}

void release(void* result) {
  block* at = result == NULL ? NULL : (block*)result - 1;
  while (at != NULL) {
    block* next = at->link.next;
    free(at);
    at = next;
  }
}

text_t borrowed(const char* words) {
  text_t out = {words, strlen(words)};
  return out;
}

/* A copy that lives as long as the result. */
text_t kept(void* result, const char* words) {
  text_t out = {NULL, 0};
  char* copy = words == NULL ? NULL : block_add(result, strlen(words) + 1);
  if (copy == NULL) return out;
  strcpy(copy, words);
  return borrowed(copy);
}

static size_t put(char* into, size_t capacity, const char* words) {
  size_t size = strlen(words);
  if (into == NULL) return 0;
  if (size > capacity) size = capacity;
  while (size > 0 && size < strlen(words) && ((unsigned char)words[size] & 0xC0) == 0x80) --size; /* not inside a character */
  memcpy(into, words, size);
  return size;
}

postern_x400_status fail(error_t_* error, postern_x400_status status, const char* field, const char* format, ...) {
  char words[512];
  va_list list;
  if (error == NULL) return status;
  va_start(list, format);
  vsnprintf(words, sizeof words, format, list);
  va_end(list);
  error->status = status;
  error->text_size = put(error->text, error->text_capacity, words);
  error->field_size = put(error->field, error->field_capacity, field);
  error->diagnostic_size = 0;
  return status;
}

int is_utf8(text_t text) {
  size_t i = 0;
  while (i < text.size) {
    const unsigned char c = (unsigned char)text.data[i];
    const size_t more = c < 0x80 ? 0 : (c & 0xE0) == 0xC0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : (c & 0xF8) == 0xF0 ? 3 : 9;
    size_t k;
    if (more == 9 || i + more >= text.size || c == 0xC0 || c == 0xC1) return 0;
    for (k = 1; k <= more; ++k) {
      if (((unsigned char)text.data[i + k] & 0xC0) != 0x80) return 0;
    }
    i += more + 1;
  }
  return 1;
}

char* copy_of(text_t text) {
  char* out = malloc(text.size + 1);
  if (out == NULL) return NULL;
  if (text.size > 0) memcpy(out, text.data, text.size);
  out[text.size] = '\0';
  return out;
}

int contains(const char* where, text_t what) {
  size_t at;
  const size_t size = where == NULL ? 0 : strlen(where);
  if (what.size == 0) return 1;
  for (at = 0; at + what.size <= size; ++at) {
    if (strncasecmp(where + at, what.data, what.size) == 0) return 1;
  }
  return 0;
}

postern_x400_status unknown_handle(error_t_* error) {
  return fail(error, POSTERN_X400_UNKNOWN_HANDLE, "", "the handle is not open; it was closed, or never given out");
}

postern_x400_status no_memory(error_t_* error) {
  return fail(error, POSTERN_X400_NO_MEMORY, "", "no memory; give the process more, or send less at once");
}
