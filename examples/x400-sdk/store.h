/* Mailboxes in memory, and what is delivered into them. Everything here with the lock of library.h held. */
#ifndef MEMORY_STORE_H
#define MEMORY_STORE_H

#include "results.h"

typedef struct content {
  int users; /* Entries and running fetches. */
  size_t size;
  uint8_t data[];
} content;

typedef struct entry {
  struct entry* next; /* Rising sequence numbers. */
  uint64_t sequence;
  uint32_t entry_class, status, priority;
  int64_t time;
  char *originator, *content_type, *mts_identifier, *subject_identifier, *recipient;
  content* body;
  int delivered; /* Of a report. */
} entry;

typedef struct mailbox {
  struct mailbox* next;
  char* name;
  entry* entries;
  uint64_t last_sequence;
} mailbox;

mailbox* find_mailbox(const char* name);
entry* find_entry(mailbox* box, uint64_t sequence);
void drop_content(content* body);
void drop_entry(entry* gone);
/* With the lock held. */
mailbox* need_mailbox(text_t name);
uint64_t count_new(const mailbox* box);
content* content_of(postern_x400_octets octets);
int matches(const entry* one, const postern_x400_filter* filter);
const postern_x400_recipient* recipient_at(const postern_x400_submission* args, size_t i);
/* With the lock held. A probe has no body. */
void route(const postern_x400_submission* args, mailbox* from, content* body, const char* id);

#endif
