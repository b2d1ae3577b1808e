#include "mhs/acceptance.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "mhs/settings.hpp"
#include "mts/rules_envelope.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

constexpr std::size_t kAddressBytes = 1000;  // of the queue

std::string clipped(std::string text) {
  if (text.size() > kAddressBytes) text.resize(kAddressBytes);
  return text;
}
std::string name_text(const mts::ORName& name) {
  std::string text = oraddress::write(name);
  return clipped(text.empty() ? "(directory name)" : std::move(text));
}

/// What the queue shows of an APDU, whichever it is.
struct Described {
  StoredKind kind = StoredKind::Message;
  std::string originator;
  std::string identifier;
  AuditFacts facts;
  std::vector<std::string> recipients;
};

template <class Envelope>
Described described(const Envelope& envelope, const mts::MTSIdentifier& identifier, StoredKind kind) {
  Described out{kind, name_text(envelope.originator_name), text_of(identifier), {}, {}};
  out.facts.add("kind", kind == StoredKind::Message ? "x400 message" : "x400 probe")
      .add("mts_id", out.identifier)
      .add("content_type", mts::text_of(envelope.content_type));
  for (const auto& recipient : envelope.per_recipient_fields) out.recipients.push_back(name_text(recipient.recipient_name));
  return out;
}

Described described(const mts::MTSApdu& apdu) {
  if (const auto* message = std::get_if<mts::Message>(&apdu.value)) {
    Described out = described(message->envelope, message->envelope.message_identifier, StoredKind::Message);
    out.facts.add("priority", mts::text_of(message->envelope.priority));
    return out;
  }
  if (const auto* probe = std::get_if<mts::Probe>(&apdu.value)) return described(*probe, probe->probe_identifier, StoredKind::Probe);
  const auto& report = std::get<mts::Report>(apdu.value);
  Described out{
      StoredKind::Report, {}, text_of(report.envelope.report_identifier), {}, {name_text(report.envelope.report_destination_name)}};
  out.facts.add("kind", "x400 report").add("mts_id", out.identifier).add("subject", text_of(report.content.subject_identifier));
  return out;
}

std::vector<QueuedRecipient> recipients_of(const Described& what, std::span<const Fate> fates) {
  std::vector<QueuedRecipient> out;
  for (const Fate& fate : fates) {
    QueuedRecipient one;
    one.address = what.recipients.at(fate.recipient);
    one.route = fate.route;
    one.orcpt = text_of(fate);
    out.push_back(std::move(one));
  }
  return out;
}

AuditRecord record_of(const Described& what, const Origin& origin, const MessageId& id, std::size_t recipients, WallTime now) {
  AuditRecord out;
  out.time = now;
  out.kind = "x400.accepted";
  out.correlation = origin.correlation;
  out.message = id;
  out.actor = origin.actor;
  AuditFacts facts = what.facts;
  out.facts = facts.add("recipients", recipients).add("road", origin.road).text();
  return out;
}

/// A message that routes brought back here has a mark of its own: it was accepted before, and still its originator is to be told.
std::string seen_key(const mts::MTSApdu& apdu, std::span<const Fate> fates) {
  const bool in_circle = std::ranges::any_of(fates, [](const Fate& fate) {
    return fate.report && fate.report->non_delivery_diagnostic_code == mts::NonDeliveryDiagnosticCode::LoopDetected;
  });
  return (in_circle ? "loop\n" : "") + mts::duplicate_key(apdu);
}

CommitStep seen_once(const mts::MTSApdu& apdu, std::span<const Fate> fates, WallTime now) {
  return [mark = mark_seen(seen_key(apdu, fates), now)](Database& database, ItemId item) -> Status {
    POSTERN_CHECK(mark(database, item));
    if (database.changes() > 0) return {};
    return fail(ErrorCode::Conflict, "this APDU was accepted before", std::string(kDuplicateField));
  };
}

Submission begun(const Described& what, std::span<const Fate> fates, const MessageId& id, WallTime now) {
  Submission out;
  out.message = id;
  out.envelope.reverse_path = what.originator;
  out.envelope.envid = what.identifier;
  out.envelope.accepted = now;
  AuditFacts facts = what.facts;
  out.envelope.facts = facts.text();
  Variant variant;
  variant.seal = "none";
  variant.recipients = recipients_of(what, fates);
  out.variants.push_back(std::move(variant));
  return out;
}

Result<std::string> stored_apdu(const mts::MTSApdu& apdu, StoredKind kind) {
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(apdu));
  POSTERN_TRY(const Bytes front, stored_front(kind, octets));
  return std::string(as_text(front));
}

Status fill(Variant& variant, Incoming& incoming, StoredKind kind) {
  if (incoming.staged) {
    variant.staged = std::move(incoming.staged);
    return {};
  }
  if (kind != StoredKind::Message) {
    POSTERN_TRY(variant.content, stored_apdu(incoming.apdu, kind));
    return {};
  }
  POSTERN_TRY(const Bytes envelope, asn1::encode_as_taken(std::get<mts::Message>(incoming.apdu.value).envelope));
  POSTERN_TRY(const Bytes front, stored_front(kind, envelope));
  variant.content = as_text(front);
  variant.content += incoming.content;
  return {};
}

}  // namespace

std::string text_of(const mts::MTSIdentifier& identifier) {
  const auto& domain = identifier.global_domain_identifier;
  std::string out = "[C=" + std::string(domain.country_name.text()) + ";A=" + std::string(domain.administration_domain_name.text());
  if (domain.private_domain_identifier) out += ";P=" + std::string(domain.private_domain_identifier->text());
  return out + "] " + identifier.local_identifier.octets;
}

Result<mts::MTSIdentifier> parse_mts_identifier(std::string_view text) {
  const auto wrong = [] {
    return fail(ErrorCode::BadInput, "is no identifier of the MTS: write it as submit said it, \"[C=DE;A= ;P=ACME] mta-1126054200-1f\"",
                "identifier");
  };
  const std::size_t end = text.find("] ");
  if (!text.starts_with('[') || end == std::string_view::npos || text.size() == end + 2) return wrong();
  const auto domain = parse_domain(text.substr(1, end - 1));
  if (!domain) return wrong();
  return mts::MTSIdentifier{*domain, asn1::Ia5String(std::string(text.substr(end + 2)))};
}

Result<Submission> submission_of(Incoming incoming, std::span<const Fate> fates, const Origin& origin, WallTime now) {
  CommitStep once = seen_once(incoming.apdu, fates, now);
  POSTERN_TRY(Submission out, expanded_submission_of(std::move(incoming), fates, origin, now));
  out.steps.push_back(std::move(once));
  return out;
}

Result<Submission> expanded_submission_of(Incoming incoming, std::span<const Fate> fates, const Origin& origin, WallTime now) {
  const Described what = described(incoming.apdu);
  Submission out = begun(what, fates, incoming.id, now);
  out.envelope.correlation = origin.correlation;
  out.audit.push_back(record_of(what, origin, incoming.id, fates.size(), now));
  POSTERN_CHECK(fill(out.variants.front(), incoming, what.kind));
  return out;
}

Result<Submission> submission_of(const mts::Report& report, const Fate& fate, const MessageId& id, const CorrelationId& correlation,
                                 WallTime now) {
  mts::MTSApdu apdu;
  apdu.value = report;
  const Described what = described(apdu);
  Submission out = begun(what, std::span(&fate, 1), id, now);
  out.envelope.correlation = correlation;
  out.audit.push_back(record_of(what, {"x400:mta", correlation, ""}, id, 1, now));
  POSTERN_TRY(out.variants.front().content, stored_apdu(apdu, StoredKind::Report));
  return out;
}

CommitStep mark_seen(const std::string& key, WallTime now) {
  return [digest = sha256(as_bytes(key)), now](Database& database, ItemId) {
    return database.run("INSERT OR IGNORE INTO mts_seen(key, time) VALUES (?,?)", ByteView(digest), unix_millis(now));
  };
}

Result<bool> was_seen(Store& store, const std::string& key) {
  const Sha256 digest = sha256(as_bytes(key));
  const auto reader = store.reader();
  POSTERN_TRY(Statement found, reader->prepare("SELECT 1 FROM mts_seen WHERE key = ?"));
  return found.bind_all(ByteView(digest)).step();
}

Status forget_seen(Database& database, WallTime oldest) { return database.run("DELETE FROM mts_seen WHERE time < ?", unix_millis(oldest)); }

}  // namespace postern::mhs
