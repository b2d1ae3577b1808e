/*
 * postern/x400_sdk.h - how an X.400 library plugs into Postern: one shared object, one C function, one table.
 *
 * Postern loads the library that transport.sdk.library_path names, in a process of its own, calls postern_x400_sdk_entry() once and then
 * only the functions of the table it filled. docs/x400-sdk.md is the guide, examples/x400-sdk/ a whole library in plain C, and
 * `postern x400 sdk-test --library FILE` says whether a library keeps every rule below.
 *
 * The rules, in short. "Host" is Postern, "library" is you.
 *
 *  Versions    Every structure begins with struct_size: what its writer knows of it, in octets. A reader never looks beyond it, and takes
 *              what lies beyond as zero. Fields are only ever added at the end; the major version changes when that is not enough.
 *              Reserved fields are written as zero and not read.
 *  Arrays      Pointer and count. Elements lie struct_size of the first element apart, and all have the same.
 *  Text        Pointer and size in octets, UTF-8, no NUL needed or counted. Absent is { NULL, 0 }. Octets the same, without the UTF-8.
 *  Ownership   What the host passes in is the host's, and valid until the call returns: copy what you keep. What the library hands out
 *              through a `**result` is the library's; the host gives it back once, by release(), perhaps later than unbind() or close()
 *              and from another thread; until then it stays as it is, whatever else is called. On failure *result is NULL.
 *  Handles     Numbers, never 0, never used twice in a process. One that was closed or never given out is answered with
 *              POSTERN_X400_UNKNOWN_HANDLE, which is a normal answer and not a crash.
 *  Errors      Every function answers a status and, when that is not POSTERN_X400_OK, fills postern_x400_error: a sentence that tells an
 *              operator what to do, the field it is about, and, where the host asks, the octets the peer sent. No password, ever.
 *  Time        Limits are milliseconds in postern_x400_call. At the limit a function ends with POSTERN_X400_TIMED_OUT. Dates are seconds
 *              since 1970-01-01 UTC, or POSTERN_X400_NO_TIME.
 *  Threads     The host makes at most max_calls calls at once, from any of its threads; with 1, one after another. cancel() and release()
 *              may come at any time beside them. A library may have threads of its own.
 *  Borders     No C++ exception, longjmp or signal crosses. The library installs no signal handlers, does not call exit(), does not touch
 *              the descriptors of others, and writes nothing to standard output: it says things through postern_x400_open_args.log.
 *  Standard    Names and values are those of X.411, X.413 and X.420 unless said otherwise; O/R addresses stand as text (X.402 Annex F):
 *              "C=DE;A=ADMD;P=PRMD;O=Org;S=Surname;G=Given". Object identifiers are dotted decimal text.
 *
 * C99 and C++11. Nothing but the two headers below is needed.
 */
#ifndef POSTERN_X400_SDK_H
#define POSTERN_X400_SDK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POSTERN_X400_EXPORT __attribute__((visibility("default")))
#else
#define POSTERN_X400_EXPORT
#endif

/* Major version in the upper 16 bits. Same major: the two go together, whichever is older. */
#define POSTERN_X400_SDK_VERSION 0x00010000u
#define POSTERN_X400_SDK_MAJOR(version) ((uint32_t)(version) >> 16)

/* ---- Values --------------------------------------------------------------------------------------------------------------------- */

typedef uint64_t postern_x400_handle;
typedef int32_t postern_x400_status;

typedef struct postern_x400_text {
  const char* data; /* UTF-8 */
  size_t size;      /* octets */
} postern_x400_text;

typedef struct postern_x400_octets {
  const uint8_t* data;
  size_t size;
} postern_x400_octets;

#define POSTERN_X400_NO_TIME INT64_MIN

enum {
  POSTERN_X400_OK = 0,
  POSTERN_X400_BAD_ARGUMENT = 1,   /* The call is wrong; `field` says where. The same call fails again. */
  POSTERN_X400_UNKNOWN_HANDLE = 2, /* Closed, or never given out. */
  POSTERN_X400_UNSUPPORTED = 3,    /* This library, or this peer, does not do that. */
  POSTERN_X400_NO_MEMORY = 4,
  POSTERN_X400_UNAVAILABLE = 5,       /* The peer is not reached, or says "later". */
  POSTERN_X400_TIMED_OUT = 6,         /* call->timeout_ms passed. */
  POSTERN_X400_CANCELLED = 7,         /* cancel(), or a callback that wanted no more. */
  POSTERN_X400_NOT_AUTHENTICATED = 8, /* Bind: wrong name, password or certificate. */
  POSTERN_X400_REFUSED = 9,           /* The peer says no, and will again: improper recipient, security policy, no subscription. */
  POSTERN_X400_NOT_FOUND = 10,        /* No such entry. */
  POSTERN_X400_OVER_LIMIT = 11,       /* Content too long, too many recipients, ... */
  POSTERN_X400_ENDED = 12,            /* The association was released or aborted; bind again. */
  POSTERN_X400_PROTOCOL = 13,         /* The peer broke a protocol. */
  POSTERN_X400_INTERNAL = 14          /* A fault of the library itself. */
};

/* The host's: it provides all three buffers. The library writes at most the capacity and says what it wrote. */
typedef struct postern_x400_error {
  uint32_t struct_size;
  postern_x400_status status; /* The answer of the function once more. */
  char* text;                 /* One sentence, UTF-8, cut at a character's end when it is too long. */
  size_t text_capacity;
  size_t text_size;
  char* field; /* "recipients[2].address", in the names of this header; or empty. */
  size_t field_capacity;
  size_t field_size;
  uint8_t* diagnostic; /* What the peer sent as its reason, undecoded. Capacity 0: the host does not want it. */
  size_t diagnostic_capacity;
  size_t diagnostic_size;
} postern_x400_error;

/* One for every call that may wait. */
typedef struct postern_x400_call {
  uint32_t struct_size;
  uint32_t timeout_ms; /* 0: answer from what is at hand, wait for nothing. */
  uint64_t id;         /* For cancel(); 0: will not be cancelled. */
} postern_x400_call;

/* Anything that this header has no field for: an extension or attribute as the standards have it. */
typedef struct postern_x400_attribute {
  uint32_t struct_size;
  uint32_t critical;         /* Bits of X.411 criticality: 1 for submission, 2 for transfer, 4 for delivery. */
  postern_x400_text type;    /* Object identifier, or the decimal number of a standard extension. */
  postern_x400_octets value; /* BER. */
} postern_x400_attribute;

/* ---- Opening -------------------------------------------------------------------------------------------------------------------- */

enum { POSTERN_X400_LOG_DEBUG = 0, POSTERN_X400_LOG_INFO = 1, POSTERN_X400_LOG_WARN = 2, POSTERN_X400_LOG_ERROR = 3 };

typedef struct postern_x400_open_args {
  uint32_t struct_size;
  uint32_t reserved;
  postern_x400_text profile;  /* Name of what the library is to be: transport.sdk.preferred_profile / X400_SDK_PROFILE. May be absent. */
  postern_x400_text settings; /* A JSON object: {"tls": {...}, "profiles_dir": "..."}; the guide has its fields. Unknown ones: ignore. */
  /* Until close() returns; from any thread. `text` is read at once. May be NULL. No secrets. */
  void (*log)(void* log_data, uint32_t level, postern_x400_text text);
  void* log_data;
} postern_x400_open_args;

typedef struct postern_x400_identity {
  uint32_t struct_size;
  uint32_t reserved;
  postern_x400_text vendor;
  postern_x400_text product;
  postern_x400_text version;
  postern_x400_text notes; /* Licence, conformance, build; for /status. May be absent. */
} postern_x400_identity;

enum { POSTERN_X400_HEALTH_GOOD = 0, POSTERN_X400_HEALTH_DEGRADED = 1, POSTERN_X400_HEALTH_BAD = 2 };

typedef struct postern_x400_health {
  uint32_t struct_size;
  uint32_t state;
  postern_x400_text words; /* What is wrong and what to do; "ready" when nothing is. */
  uint32_t associations;   /* Open now. */
  uint32_t reserved;
} postern_x400_health;

/* ---- Binding -------------------------------------------------------------------------------------------------------------------- */

enum { POSTERN_X400_P3_USER = 1, POSTERN_X400_P7_USER = 2, POSTERN_X400_P1_MTA = 3 };

typedef struct postern_x400_bind_args {
  uint32_t struct_size;
  uint32_t role;
  postern_x400_text peer;       /* Presentation address: [TSEL[/SSEL[/PSEL]]@]HOST[:PORT]; a selector is text, or 0x and hexadecimal. */
  postern_x400_text name;       /* P3, P7: the user's O/R address. P1: our MTA name. */
  postern_x400_text domain;     /* P1: our global domain identifier, "C=DE;A=ADMD;P=PRMD". Else absent. */
  postern_x400_octets password; /* Simple credentials. Wipe copies. Absent: strong or no credentials, by the profile. */
} postern_x400_bind_args;

typedef struct postern_x400_binding {
  uint32_t struct_size;
  uint32_t reserved;
  postern_x400_handle association;
  postern_x400_text peer_name; /* What the peer calls itself; may be absent. */
  uint64_t waiting;            /* Messages and reports that wait, where the peer says so. */
} postern_x400_binding;

/* ---- Submitting ----------------------------------------------------------------------------------------------------------------- */

enum { POSTERN_X400_NORMAL = 0, POSTERN_X400_NON_URGENT = 1, POSTERN_X400_URGENT = 2 }; /* X.411 Priority */
enum { POSTERN_X400_NO_REPORT = 0, POSTERN_X400_NON_DELIVERY_REPORT = 1, POSTERN_X400_REPORT = 2 };

/* submit.default_strategy */
enum {
  POSTERN_X400_IMMEDIATE = 0,
  POSTERN_X400_WITH_TRACE = 1,
  POSTERN_X400_DEFERRED = 2,
  POSTERN_X400_WITH_STORED_COPY = 3,
  POSTERN_X400_QUARANTINE = 4,
  POSTERN_X400_PASS_THROUGH = 5
};

/* X.411 PerMessageIndicators and extensions of their kind. */
enum {
  POSTERN_X400_DISCLOSE_RECIPIENTS = 1,
  POSTERN_X400_CONVERSION_PROHIBITED = 2,
  POSTERN_X400_ALTERNATE_ALLOWED = 4,
  POSTERN_X400_RETURN_CONTENT = 8,
  POSTERN_X400_EXPANSION_PROHIBITED = 16,
  POSTERN_X400_REASSIGNMENT_PROHIBITED = 32
};

typedef struct postern_x400_recipient {
  uint32_t struct_size;
  uint32_t report; /* POSTERN_X400_NO_REPORT ... */
  postern_x400_text address;
  postern_x400_text alternate; /* The alternate recipient that the originator asks for; may be absent. */
} postern_x400_recipient;

/* Also of a probe: then `content` is absent and content_size says how long it would be. */
typedef struct postern_x400_submission {
  uint32_t struct_size;
  uint32_t strategy;
  uint32_t priority;
  uint32_t flags;
  postern_x400_text originator;
  postern_x400_text content_type;         /* Object identifier, or decimal of a built-in one ("2", "22"). */
  postern_x400_text content_identifier;   /* At most 16 characters; may be absent. */
  int64_t deferred_until;                 /* Or POSTERN_X400_NO_TIME. */
  int64_t latest_delivery;                /* Or POSTERN_X400_NO_TIME. */
  const postern_x400_text* encoded_types; /* Encoded information types, object identifiers. */
  size_t encoded_type_count;
  const postern_x400_recipient* recipients; /* At least one. */
  size_t recipient_count;
  const postern_x400_attribute* extensions;
  size_t extension_count;
  postern_x400_octets content; /* Verbatim: goes out octet for octet. */
  uint64_t content_size;
} postern_x400_submission;

typedef struct postern_x400_submission_result {
  uint32_t struct_size;
  uint32_t reserved;
  postern_x400_text mts_identifier; /* "[C=DE;A=ADMD;P=PRMD;local]"; never absent. */
  postern_x400_text content_identifier;
  int64_t time;
} postern_x400_submission_result;

/* ---- The message store ---------------------------------------------------------------------------------------------------------- */

enum {
  POSTERN_X400_DELIVERED_MESSAGE = 1,
  POSTERN_X400_DELIVERED_REPORT = 2,
  POSTERN_X400_RETURNED_CONTENT = 3,
  POSTERN_X400_SUBMITTED = 4
};
enum { POSTERN_X400_NEW = 0, POSTERN_X400_LISTED = 1, POSTERN_X400_PROCESSED = 2 }; /* X.413 EntryStatus */

/* Which fields of an entry are wanted, and which were filled. The sequence number, class and status always are. */
enum {
  POSTERN_X400_HAS_PRIORITY = 1,
  POSTERN_X400_HAS_SIZE = 2,
  POSTERN_X400_HAS_TIME = 4,
  POSTERN_X400_HAS_ORIGINATOR = 8,
  POSTERN_X400_HAS_SUBJECT = 16,
  POSTERN_X400_HAS_CONTENT_TYPE = 32,
  POSTERN_X400_HAS_MTS_IDENTIFIER = 64,
  POSTERN_X400_HAS_IPM_IDENTIFIER = 128,
  POSTERN_X400_HAS_ALL = 255
};

/* Everything given must hold; 0, absent and POSTERN_X400_NO_TIME hold always. */
typedef struct postern_x400_filter {
  uint32_t struct_size;
  uint32_t entry_classes;                /* Bits, 1 << class. */
  uint32_t statuses;                     /* Bits, 1 << status. */
  uint32_t priorities;                   /* Bits, 1 << priority. */
  int64_t not_before;                    /* Delivered (submitted) then or later. */
  int64_t before;                        /* Delivered (submitted) before that. */
  postern_x400_text originator_contains; /* Case does not count. */
  postern_x400_text subject_contains;
} postern_x400_filter;

typedef struct postern_x400_list_args {
  uint32_t struct_size;
  uint32_t limit;                      /* Entries at most; 1 or more. */
  uint64_t from;                       /* Sequence numbers from, rising. */
  uint64_t to;                         /* To, with it; 0: no end. */
  const postern_x400_filter* filter;   /* NULL: all. */
  uint64_t wanted;                     /* POSTERN_X400_HAS_... */
  const postern_x400_text* attributes; /* Attribute types beyond those. */
  size_t attribute_count;
} postern_x400_list_args;

typedef struct postern_x400_entry {
  uint32_t struct_size;
  uint32_t entry_class;
  uint64_t sequence; /* Never 0. */
  uint32_t status;
  uint32_t priority;
  uint64_t filled; /* POSTERN_X400_HAS_... */
  uint64_t content_size;
  int64_t time; /* Of delivery; of submission in class POSTERN_X400_SUBMITTED. */
  postern_x400_text originator;
  postern_x400_text subject;
  postern_x400_text content_type;
  postern_x400_text mts_identifier;
  postern_x400_text ipm_identifier;
  const postern_x400_attribute* attributes;
  size_t attribute_count;
} postern_x400_entry;

typedef struct postern_x400_entry_list {
  uint32_t struct_size;
  uint32_t reserved;
  const postern_x400_entry* entries; /* By rising sequence number. */
  size_t entry_count;
  uint64_t next; /* Where the next page begins; 0: there is none. */
} postern_x400_entry_list;

typedef struct postern_x400_summary {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t total;
  uint64_t by_status[3];
  uint64_t lowest; /* Sequence numbers; 0 when there is no entry. */
  uint64_t highest;
} postern_x400_summary;

typedef struct postern_x400_report_recipient {
  uint32_t struct_size;
  uint32_t delivered; /* 1, or 0 with reason and diagnostic. */
  int32_t reason;     /* X.411 NonDeliveryReasonCode; -1: none. */
  int32_t diagnostic; /* X.411 NonDeliveryDiagnosticCode; -1: none. */
  int64_t time;       /* Of delivery. */
  postern_x400_text address;
  postern_x400_text information; /* Supplementary information. */
} postern_x400_report_recipient;

typedef struct postern_x400_report {
  uint32_t struct_size;
  uint32_t reserved;
  postern_x400_text subject_identifier; /* MTS identifier of what it is about. */
  postern_x400_text content_identifier;
  const postern_x400_report_recipient* recipients;
  size_t recipient_count;
} postern_x400_report;

typedef struct postern_x400_fetch_args {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t sequence;
  uint64_t wanted;
  const postern_x400_text* attributes;
  size_t attribute_count;
  /* Gets the content in order, in pieces of any size above 0, on the calling thread. Not 0: no more is wanted, fetch() ends with
   * POSTERN_X400_CANCELLED and the entry keeps its status, unless the store gave the content whole and counts it as processed (X.413
   * 6.2.2.5). NULL: no content. */
  int32_t (*on_content)(void* content_data, const uint8_t* data, size_t size);
  void* content_data;
} postern_x400_fetch_args;

typedef struct postern_x400_fetched {
  uint32_t struct_size;
  uint32_t reserved;
  const postern_x400_entry* entry;
  const postern_x400_report* report; /* Of a report; else NULL. */
  uint64_t content_size;             /* What on_content got, all together. */
} postern_x400_fetched;

enum { POSTERN_X400_AUTO_FORWARD = 1, POSTERN_X400_AUTO_ALERT = 2, POSTERN_X400_AUTO_DELETE = 3 };

typedef struct postern_x400_auto_action {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t id;     /* Registering the same kind and id again replaces it. */
  uint32_t remove; /* 1: take it out. */
  const postern_x400_filter* filter;
  postern_x400_text address;     /* Of POSTERN_X400_AUTO_FORWARD. */
  postern_x400_octets parameter; /* BER, for what the library knows beyond that. May be absent. */
} postern_x400_auto_action;

typedef struct postern_x400_register_args {
  uint32_t struct_size;
  uint32_t flags; /* Bit 0: default_list counts; bit 1: default_fetch counts. */
  const postern_x400_auto_action* actions;
  size_t action_count;
  uint64_t default_list; /* POSTERN_X400_HAS_... where list() wants 0. */
  uint64_t default_fetch;
  postern_x400_octets old_password; /* Both: change credentials. */
  postern_x400_octets new_password;
} postern_x400_register_args;

enum {
  POSTERN_X400_NOTHING = 0,  /* The limit of time passed. */
  POSTERN_X400_MESSAGE = 1,  /* There is a new entry. */
  POSTERN_X400_REPORTED = 2, /* There is a report, in full. */
  POSTERN_X400_ALERT = 3,    /* An auto-alert fired. */
  POSTERN_X400_PEER_LEFT = 4 /* The association ended; bind again. */
};

typedef struct postern_x400_event {
  uint32_t struct_size;
  uint32_t kind;
  uint64_t sequence;                 /* Of the entry; 0: none, as with P3 and P1. */
  const postern_x400_report* report; /* Of POSTERN_X400_REPORTED; else NULL. */
  postern_x400_text words;           /* May be absent. */
} postern_x400_event;

/* ---- The table ------------------------------------------------------------------------------------------------------------------ */

enum {
  POSTERN_X400_CAN_P3 = 1,
  POSTERN_X400_CAN_P7 = 2,
  POSTERN_X400_CAN_P1 = 4,
  POSTERN_X400_CAN_PROBE = 8,
  POSTERN_X400_CAN_CANCEL = 16, /* cancel() ends a call within a second. Without it Postern ends the process at the limit. */
  POSTERN_X400_CAN_AUTO_ACTIONS = 32,
  POSTERN_X400_CAN_DEFER = 64
};

/* What a library cannot do it still has a function for, which answers POSTERN_X400_UNSUPPORTED: no pointer is NULL. */
typedef struct postern_x400_sdk {
  uint32_t struct_size;  /* In: what the host knows. Out: what the library filled, not more than that. */
  uint32_t version;      /* Out: POSTERN_X400_SDK_VERSION the library was compiled with. */
  uint64_t capabilities; /* Out: POSTERN_X400_CAN_... */
  uint32_t max_calls;    /* Out: calls at once, 1 to 1024. */
  uint32_t reserved;

  /* Static text, ended by NUL, for any number: "wrong name or password". Never NULL. */
  const char* (*status_text)(postern_x400_status status);
  /* Whatever **result was given out. NULL: nothing happens. */
  void (*release)(void* result);

  postern_x400_status (*open)(const postern_x400_call* call, const postern_x400_open_args* args, postern_x400_handle* library,
                              postern_x400_error* error);
  /* Ends its associations (abort) and the calls in them. */
  postern_x400_status (*close)(postern_x400_handle library, postern_x400_error* error);
  postern_x400_status (*identify)(postern_x400_handle library, postern_x400_identity** result, postern_x400_error* error);
  postern_x400_status (*health)(postern_x400_handle library, postern_x400_health** result, postern_x400_error* error);
  /* The running call with this id ends with POSTERN_X400_CANCELLED; none with it: nothing happens, and POSTERN_X400_OK. */
  postern_x400_status (*cancel)(postern_x400_handle library, uint64_t call_id);

  postern_x400_status (*bind)(postern_x400_handle library, const postern_x400_call* call, const postern_x400_bind_args* args,
                              postern_x400_binding** result, postern_x400_error* error);
  postern_x400_status (*unbind)(postern_x400_handle association, const postern_x400_call* call, postern_x400_error* error);

  /* After POSTERN_X400_OK the message is the peer's responsibility, and durable there. */
  postern_x400_status (*submit)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_submission* args,
                                postern_x400_submission_result** result, postern_x400_error* error);
  postern_x400_status (*probe)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_submission* args,
                               postern_x400_submission_result** result, postern_x400_error* error);
  postern_x400_status (*list)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_list_args* args,
                              postern_x400_entry_list** result, postern_x400_error* error);
  postern_x400_status (*summarize)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_filter* filter,
                                   postern_x400_summary** result, postern_x400_error* error);
  postern_x400_status (*fetch)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_fetch_args* args,
                               postern_x400_fetched** result, postern_x400_error* error);
  /* All or none: POSTERN_X400_NOT_FOUND names the first that is not there in `field`, "sequences[3]". */
  postern_x400_status (*delete_entries)(postern_x400_handle association, const postern_x400_call* call, const uint64_t* sequences,
                                        size_t count, postern_x400_error* error);
  postern_x400_status (*register_ms)(postern_x400_handle association, const postern_x400_call* call, const postern_x400_register_args* args,
                                     postern_x400_error* error);
  /* Waits for the next event up to the limit; then POSTERN_X400_OK with POSTERN_X400_NOTHING, not POSTERN_X400_TIMED_OUT. */
  postern_x400_status (*poll)(postern_x400_handle association, const postern_x400_call* call, postern_x400_event** result,
                              postern_x400_error* error);
} postern_x400_sdk;

/* ---- What a library exports ----------------------------------------------------------------------------------------------------- */

/* POSTERN_X400_SDK_VERSION it was compiled with. Called first, so that two that do not go together say so and nothing else happens. */
POSTERN_X400_EXPORT uint32_t postern_x400_sdk_version(void);

/* Fills `table`. `version` is the host's. POSTERN_X400_UNSUPPORTED when the library cannot work with it. Called once. */
POSTERN_X400_EXPORT postern_x400_status postern_x400_sdk_entry(uint32_t version, postern_x400_sdk* table);

#ifdef __cplusplus
}
#endif
#endif /* POSTERN_X400_SDK_H */
