#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "library.h"

static mailbox* mailboxes;
static uint64_t last_message;

uint64_t next_message(void) { return ++last_message; }

mailbox* find_mailbox(const char* name) {
  mailbox* at = mailboxes;
  while (at != NULL && strcasecmp(at->name, name) != 0) at = at->next;
  return at;
}

entry* find_entry(mailbox* box, uint64_t sequence) {
  entry* at = box->entries;
  while (at != NULL && at->sequence != sequence) at = at->next;
  return at;
}

void drop_content(content* body) {
  if (body != NULL && --body->users == 0) free(body);
}

void drop_entry(entry* gone) {
  drop_content(gone->body);
  free(gone->originator);
  free(gone->content_type);
  free(gone->mts_identifier);
  free(gone->subject_identifier);
  free(gone->recipient);
  free(gone);
}

static char* twin(const char* words) { return words == NULL ? NULL : copy_of(borrowed(words)); }

static entry* deliver(mailbox* box, uint32_t entry_class, const char* originator, const char* mts_identifier) {
  entry** end = &box->entries;
  entry* made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  while (*end != NULL) end = &(*end)->next;
  made->sequence = ++box->last_sequence;
  made->entry_class = entry_class;
  made->time = (int64_t)time(NULL);
  made->originator = twin(originator);
  made->mts_identifier = twin(mts_identifier);
  *end = made;
  pthread_cond_broadcast(&changed);
  return made;
}

static void report(mailbox* box, const char* subject_identifier, const char* recipient, int delivered) {
  char id[64];
  entry* made;
  snprintf(id, sizeof id, "[C=XX;A=MEMORY;P=EXAMPLE;r%llu]", (unsigned long long)++last_message);
  made = deliver(box, POSTERN_X400_DELIVERED_REPORT, NULL, id);
  if (made == NULL) return;
  made->subject_identifier = twin(subject_identifier);
  made->recipient = twin(recipient);
  made->delivered = delivered;
}

/* With the lock held. */
mailbox* need_mailbox(text_t name) {
  char* words = copy_of(name);
  mailbox* box = words == NULL ? NULL : find_mailbox(words);
  if (box != NULL || words == NULL) {
    free(words);
    return box;
  }
  box = calloc(1, sizeof *box);
  if (box == NULL) {
    free(words);
    return NULL;
  }
  box->name = words;
  box->next = mailboxes;
  return mailboxes = box;
}

uint64_t count_new(const mailbox* box) {
  uint64_t count = 0;
  const entry* at;
  for (at = box->entries; at != NULL; at = at->next) count += at->status == POSTERN_X400_NEW;
  return count;
}

content* content_of(postern_x400_octets octets) {
  content* made = malloc(sizeof *made + octets.size);
  if (made == NULL) return NULL;
  made->users = 1;
  made->size = octets.size;
  if (octets.size > 0) memcpy(made->data, octets.data, octets.size);
  return made;
}

int matches(const entry* one, const postern_x400_filter* filter) {
  if (filter == NULL) return 1;
  return (filter->entry_classes == 0 || (filter->entry_classes >> one->entry_class & 1u)) &&
         (filter->statuses == 0 || (filter->statuses >> one->status & 1u)) &&
         (filter->priorities == 0 || (filter->priorities >> one->priority & 1u)) &&
         (filter->not_before == POSTERN_X400_NO_TIME || one->time >= filter->not_before) &&
         (filter->before == POSTERN_X400_NO_TIME || one->time < filter->before) && contains(one->originator, filter->originator_contains) &&
         contains(NULL, filter->subject_contains);
}

const postern_x400_recipient* recipient_at(const postern_x400_submission* args, size_t i) {
  return (const postern_x400_recipient*)(const void*)((const char*)args->recipients + i * args->recipients->struct_size);
}

/* With the lock held. A probe has no body. */
void route(const postern_x400_submission* args, mailbox* from, content* body, const char* id) {
  size_t i;
  for (i = 0; i < args->recipient_count; ++i) {
    const postern_x400_recipient* recipient = recipient_at(args, i);
    char* address = copy_of(recipient->address);
    mailbox* box = address == NULL ? NULL : find_mailbox(address);
    entry* made = box == NULL || body == NULL ? NULL : deliver(box, POSTERN_X400_DELIVERED_MESSAGE, from->name, id);
    if (made != NULL) {
      made->priority = args->priority;
      made->content_type = copy_of(args->content_type);
      made->body = body;
      ++body->users;
    }
    if (box == NULL ? recipient->report != POSTERN_X400_NO_REPORT : recipient->report == POSTERN_X400_REPORT || body == NULL)
      report(from, id, address, box != NULL);
    free(address);
  }
}
