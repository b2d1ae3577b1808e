#include "store/schema.hpp"

#include <array>
#include <span>
#include <string>

namespace postern {
namespace {

// One entry per version, never changed once released: a change of the schema is a new entry.
constexpr std::array kMailMigrations = {
    // 1: the ground floor
    R"(
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, correlation TEXT NOT NULL, message TEXT NOT NULL,
  actor TEXT NOT NULL, facts TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TABLE audit_head(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);

CREATE TABLE keyring(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE keyring_root(id INTEGER PRIMARY KEY CHECK(id = 1), body BLOB NOT NULL);
CREATE TABLE user(name TEXT PRIMARY KEY, credentials TEXT NOT NULL, senders TEXT NOT NULL, disabled INTEGER NOT NULL);
CREATE TABLE certificate(name TEXT PRIMARY KEY, pem TEXT NOT NULL);

-- A sealed content: in `data`, or in a segment file.
CREATE TABLE content(
  id INTEGER PRIMARY KEY, message TEXT NOT NULL, owners INTEGER NOT NULL, size INTEGER NOT NULL, wrapped_key BLOB NOT NULL,
  data BLOB, segment INTEGER, offset INTEGER, length INTEGER);
CREATE INDEX content_segment ON content(segment, offset) WHERE segment IS NOT NULL;

-- The queue. Items of a message have consecutive numbers from first_item on; an item is the content of the same number.
-- `open` counts unfinished recipients; a message without any is gone in the same transaction.
CREATE TABLE message(
  id TEXT PRIMARY KEY, first_item INTEGER NOT NULL, items INTEGER NOT NULL, open INTEGER NOT NULL, accepted INTEGER NOT NULL,
  size INTEGER NOT NULL, sender TEXT NOT NULL, envid TEXT NOT NULL, flags INTEGER NOT NULL, correlation TEXT NOT NULL, facts TEXT NOT NULL) WITHOUT ROWID;
-- `parked`: due for an attempt, and not in the memory of the running process.
CREATE TABLE recipient(
  item INTEGER NOT NULL, n INTEGER NOT NULL, state INTEGER NOT NULL, parked INTEGER NOT NULL, next_attempt INTEGER NOT NULL,
  attempts INTEGER NOT NULL, notify INTEGER NOT NULL, address TEXT NOT NULL, route TEXT NOT NULL, orcpt TEXT NOT NULL,
  reason TEXT NOT NULL, reply TEXT NOT NULL, seal TEXT NOT NULL, PRIMARY KEY(item, n)) WITHOUT ROWID;
CREATE INDEX recipient_parked ON recipient(route, next_attempt) WHERE parked = 1;
-- The last finished messages, for the live page.
CREATE TABLE history(seq INTEGER PRIMARY KEY, message TEXT NOT NULL, entry BLOB NOT NULL);

CREATE TABLE mailbox(
  number INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL, message TEXT NOT NULL, sender TEXT NOT NULL,
  received INTEGER NOT NULL, size INTEGER NOT NULL, facts TEXT NOT NULL, content INTEGER NOT NULL,
  UNIQUE(address, message));
CREATE INDEX mailbox_message ON mailbox(message);
)",
    // 2: the key version that a DKIM selector signs with
    R"(
CREATE TABLE dkim_signer(domain TEXT NOT NULL, selector TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY(domain, selector, key)) WITHOUT ROWID;
)",
    // 3: the life of keys: the name in DNS of a selector's version, the progress of re-wrapping, tenants that were shredded
    R"(
ALTER TABLE dkim_signer ADD COLUMN published TEXT NOT NULL DEFAULT '';
-- One run for each storage key, the last. `archive`: when it is done, older versions stop opening.
CREATE TABLE rewrap(key TEXT PRIMARY KEY, target INTEGER NOT NULL, cursor INTEGER NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL,
  failed INTEGER NOT NULL, archive INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER) WITHOUT ROWID;
CREATE TABLE rewrap_failure(key TEXT NOT NULL, content INTEGER NOT NULL, message TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY(key, content)) WITHOUT ROWID;
CREATE TABLE shredded(tenant TEXT PRIMARY KEY, key TEXT NOT NULL, begun INTEGER NOT NULL, removed INTEGER NOT NULL, finished INTEGER) WITHOUT ROWID;
)",
    // 4: MTA-STS policies of the domains that mail was sent to (RFC 8461 5.1: kept, so that nobody can hide them later)
    R"(
CREATE TABLE sts_policy(domain TEXT PRIMARY KEY, id TEXT NOT NULL, fetched INTEGER NOT NULL, expires INTEGER NOT NULL, policy TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sts_policy_expires ON sts_policy(expires);
)",
    // 5: what TLS reports are made of (RFC 8460), and which reports went out
    R"(
CREATE TABLE tls_session(
  day INTEGER NOT NULL, domain TEXT NOT NULL, policy_type TEXT NOT NULL, policy TEXT NOT NULL, mx_patterns TEXT NOT NULL, result_type TEXT NOT NULL,
  mx TEXT NOT NULL, ip TEXT NOT NULL, reason TEXT NOT NULL, sessions INTEGER NOT NULL,
  PRIMARY KEY(day, domain, policy_type, policy, mx_patterns, result_type, mx, ip, reason)) WITHOUT ROWID;
CREATE TABLE report_sent(kind TEXT NOT NULL, day INTEGER NOT NULL, domain TEXT NOT NULL, time INTEGER NOT NULL, outcome TEXT NOT NULL,
  PRIMARY KEY(kind, day, domain)) WITHOUT ROWID;
-- What others told us about our domains. `vouched`: DMARC passed for the mail that brought it.
CREATE TABLE report_received(
  n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, organization TEXT NOT NULL, id TEXT NOT NULL, domain TEXT NOT NULL, begin INTEGER NOT NULL,
  end INTEGER NOT NULL, received INTEGER NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT NULL, vouched INTEGER NOT NULL, body TEXT NOT NULL,
  UNIQUE(kind, organization, id, domain));
-- Why the connection was trusted that brought a recipient's copy away (or the last attempt); empty: none was needed.
ALTER TABLE recipient ADD COLUMN road TEXT NOT NULL DEFAULT '';
-- What is gathered for reports to come, in the gatherer's own form.
CREATE TABLE report_pending(kind TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
)",
    // 6: keys that change while the world watches: what DNS has of a DKIM selector beside what signs, and the keys that the listeners
    // showed
    R"(
CREATE TABLE dkim_record(domain TEXT NOT NULL, selector TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, published TEXT NOT NULL,
  stage INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(domain, selector, key, version)) WITHOUT ROWID;
CREATE TABLE tls_key(spki BLOB PRIMARY KEY, version INTEGER NOT NULL, vouched INTEGER NOT NULL, since INTEGER NOT NULL, in_use INTEGER NOT NULL)
  WITHOUT ROWID;
)",
    // 7: contents that are taken in pieces: `staged` in content says that one is only to be read in pieces, the table what of one under way
    // is safe. `tail`: what stands behind the last whole chunk of the file, sealed.
    R"(
ALTER TABLE content ADD COLUMN staged INTEGER NOT NULL DEFAULT 0;
CREATE TABLE staged(message TEXT PRIMARY KEY, file TEXT NOT NULL, wrapped_key BLOB NOT NULL, octets INTEGER NOT NULL, tail BLOB NOT NULL,
  note TEXT NOT NULL, touched INTEGER NOT NULL) WITHOUT ROWID;
)",
    // 8: APDUs of the MTS that were accepted: a peer that missed our confirmation sends them again (X.411 12.2)
    R"(
CREATE TABLE mts_seen(key BLOB PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX mts_seen_time ON mts_seen(time);
)",
    // 9: message stores of X.400 users (X.413). `key_content` is a content that holds the key of the mailbox, so that it is re-wrapped with
    // all others; `attributes`, `details` and `registered` are sealed with it. An entry's id is user << 31 | number: one scan reads a page.
    R"(
CREATE TABLE ms_user(
  id INTEGER PRIMARY KEY AUTOINCREMENT, address_key TEXT NOT NULL UNIQUE, address TEXT NOT NULL, password TEXT NOT NULL,
  key_content INTEGER NOT NULL, next_number INTEGER NOT NULL, last_created INTEGER NOT NULL, registered BLOB NOT NULL);
CREATE TABLE ms_entry(
  id INTEGER PRIMARY KEY, user INTEGER NOT NULL, root INTEGER NOT NULL, parent INTEGER NOT NULL, created INTEGER NOT NULL, type INTEGER NOT NULL,
  status INTEGER NOT NULL, content INTEGER NOT NULL, content_at INTEGER NOT NULL, stored_length INTEGER NOT NULL, has_content INTEGER NOT NULL,
  content_length INTEGER NOT NULL, part TEXT NOT NULL, children BLOB NOT NULL, attributes BLOB NOT NULL);
CREATE INDEX ms_entry_created ON ms_entry(user, created);
CREATE TABLE ms_details(id INTEGER PRIMARY KEY, details BLOB NOT NULL);
-- What an auto-action decided to forward and the MTS has not taken over yet.
CREATE TABLE ms_forward(n INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, number INTEGER NOT NULL, argument BLOB NOT NULL);
)",
    // 10: users of X.400 who have no mailbox: what is delivered to them waits in the queue until they take it (P3)
    R"(
ALTER TABLE ms_user ADD COLUMN delivery INTEGER NOT NULL DEFAULT 0;
)",
    // 11: the operator's X.400 mailbox. `key_content` as of ms_user; `facts` and `step` are sealed with it, names are keyed hashes.
    // cabinet_name: what reports and notifications find a message by; cabinet_fetched: entries of message stores that were brought in.
    R"(
CREATE TABLE cabinet(id INTEGER PRIMARY KEY CHECK(id = 1), key_content INTEGER NOT NULL);
CREATE TABLE cabinet_folder(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE cabinet_item(
  id TEXT PRIMARY KEY, folder TEXT NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL, unopened INTEGER NOT NULL, created INTEGER NOT NULL,
  changed INTEGER NOT NULL, facts BLOB NOT NULL);
CREATE INDEX cabinet_item_folder ON cabinet_item(folder, id);
CREATE INDEX cabinet_item_state ON cabinet_item(state, id);
CREATE TABLE cabinet_content(item TEXT NOT NULL, n INTEGER NOT NULL, content INTEGER NOT NULL, PRIMARY KEY(item, n)) WITHOUT ROWID;
CREATE TABLE cabinet_name(name BLOB PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX cabinet_name_item ON cabinet_name(item);
CREATE TABLE cabinet_fetched(name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE cabinet_step(item TEXT NOT NULL, n INTEGER NOT NULL, step BLOB NOT NULL, PRIMARY KEY(item, n)) WITHOUT ROWID;
)",
    // 12: what rests in the queue is handed out in its order when somebody comes for it
    R"(
CREATE INDEX recipient_in_order ON recipient(route, item) WHERE parked = 1;
)",
    // 13: what the listeners staple (RFC 6066 8): the OCSP response about the certificate that they show
    R"(
CREATE TABLE staple(certificate BLOB PRIMARY KEY, response BLOB NOT NULL) WITHOUT ROWID;
)",
    // 14: what a list of the operator's X.400 mailbox is filtered by, beside the columns of cabinet_item: `brief` is sealed, and all that
    // is opened of a row which the filter leaves out. An item without a row here is of an earlier build.
    R"(
CREATE TABLE cabinet_search(item TEXT PRIMARY KEY, priority INTEGER NOT NULL, outcomes INTEGER NOT NULL, brief BLOB NOT NULL) WITHOUT ROWID;
)",
    // 15: reports that are on their way (RFC 8460 5.5): `first` is 0 before the first attempt, `progress` what the places they go to said,
    // `body` the report where it is not made anew
    R"(
CREATE TABLE report_waiting(
  kind TEXT NOT NULL, day INTEGER NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
  tries INTEGER NOT NULL, progress TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(kind, day, domain, id)) WITHOUT ROWID;
CREATE INDEX report_waiting_next ON report_waiting(next);
)",
    // 16: of a session with a mail host also whose policy it was (RFC 8460 1.1; empty: the recipients' domain) and our end of it
    R"(
CREATE TABLE tls_session_with_ends(
  day INTEGER NOT NULL, domain TEXT NOT NULL, policy_type TEXT NOT NULL, policy_domain TEXT NOT NULL, policy TEXT NOT NULL,
  mx_patterns TEXT NOT NULL, result_type TEXT NOT NULL, mx TEXT NOT NULL, ip TEXT NOT NULL, local_ip TEXT NOT NULL, reason TEXT NOT NULL,
  sessions INTEGER NOT NULL,
  PRIMARY KEY(day, domain, policy_type, policy_domain, policy, mx_patterns, result_type, mx, ip, local_ip, reason)) WITHOUT ROWID;
INSERT INTO tls_session_with_ends SELECT day, domain, policy_type, '', policy, mx_patterns, result_type, mx, ip, '', reason, sessions FROM tls_session;
DROP TABLE tls_session;
ALTER TABLE tls_session_with_ends RENAME TO tls_session;
)",
};

constexpr std::array kEngineMigrations = {
    // 1: the audit chain, as the mail side has it, and what the barrier sealed. Paths are bytes, so that they sort as bytes.
    R"(
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, correlation TEXT NOT NULL, message TEXT NOT NULL,
  actor TEXT NOT NULL, facts TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TABLE audit_head(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
CREATE TABLE sealed(path BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)",
};

std::span<const char* const> migrations_of(Schema schema) {
  if (schema == Schema::Engine) return kEngineMigrations;
  return kMailMigrations;
}

// The mail side's was never set.
std::int64_t application_id_of(Schema schema) { return schema == Schema::Engine ? 0x504b4531 : 0; }

Status check_application(Database& database, Schema schema, std::size_t version) {
  POSTERN_TRY(const auto found, database.query_integer("PRAGMA application_id"));
  if (version == 0 || found.value_or(0) == application_id_of(schema)) return {};
  return fail(ErrorCode::Conflict, "this is the other database of Postern: mail and key engine have one file each", "database.url");
}

Status run_migration(Database& database, Schema schema, std::size_t version) {
  POSTERN_TRY(Transaction transaction, Transaction::begin(database));
  POSTERN_CHECK(database.execute(migrations_of(schema)[version]));
  const std::string marks =
      "PRAGMA application_id=" + std::to_string(application_id_of(schema)) + "; PRAGMA user_version=" + std::to_string(version + 1);
  POSTERN_CHECK(database.execute(marks.c_str()));
  return transaction.commit();
}

}  // namespace

int schema_version(Schema schema) noexcept { return static_cast<int>(migrations_of(schema).size()); }

Result<bool> is_engine_schema(Database& database) {
  POSTERN_TRY(const auto found, database.query_integer("PRAGMA application_id"));
  return found.value_or(0) == application_id_of(Schema::Engine);
}

Status migrate(Database& database, Schema schema) {
  const auto migrations = migrations_of(schema);
  POSTERN_TRY(const auto found, database.query_integer("PRAGMA user_version"));
  const auto version = static_cast<std::size_t>(found.value_or(0));
  POSTERN_CHECK(check_application(database, schema, version));
  if (version > migrations.size()) {
    return fail(ErrorCode::Conflict,
                "the database was written by a newer version (schema " + std::to_string(version) + "): run that version", "database.url");
  }
  for (std::size_t next = version; next < migrations.size(); ++next) POSTERN_CHECK(run_migration(database, schema, next));
  return {};
}

}  // namespace postern
