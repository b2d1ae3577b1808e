// The keys of a domain: DKIM and TLSA.
#include <algorithm>
#include <optional>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "crypto/pkey.hpp"
#include "dns/fixture.hpp"
#include "dnszone/comparing.hpp"
#include "dnszone/zone_text.hpp"
#include "mailauth/dkim.hpp"
#include "mailauth/tags.hpp"
#include "mime/message.hpp"
#include "tlspolicy/dane.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;
using dns::TlsaData;

std::string_view value_of(const TagList& tags, std::string_view name, std::string_view otherwise) {
  const Tag* tag = tags.find(name);
  return tag == nullptr ? otherwise : tag->value;
}

/// p=, the base64 that it is.
std::string key_of(const TagList& tags) {
  const Tag* tag = tags.find("p");
  return tag == nullptr ? std::string() : tag->compact();
}

/// Why no verifier takes the record for a key of this kind (RFC 6376 3.6.1, 6.1.2); empty: they do. The verifier itself is asked, about a
/// signature that nobody made: of a record that it takes it says that the signature is wrong.
std::string refusal_of(const std::string& text, std::string_view kind, const std::string& domain) {
  const std::string message = "From: probe@" + domain + "\r\nDKIM-Signature: v=1; a=" + (iequals(kind, "ed25519") ? "ed25519" : "rsa") +
                              "-sha256; d=" + domain + "; s=probe; h=from; bh=" + base64_encode(Bytes(32)) + "; b=AAAA\r\n\r\n";
  const auto view = MessageView::parse(message);
  if (!view) return {};
  dns::Fixture zone;
  zone.add({"probe._domainkey." + domain, RecordType::Txt, 0, dns::TxtData{split_txt(text)}});
  for (const DkimSignature& judged : dkim_verify(*view, zone, WallTime{})) {
    if (judged.result == DkimResult::PermError || judged.result == DkimResult::Policy) return judged.reason;
  }
  return {};
}

/// "This tag MUST be the first tag in the record" (RFC 6376 3.6.1), which a list with all the right tags does not show at once.
std::string_view order_hint(const TagList& tags) {
  const Tag* version = tags.find("v");
  return version == nullptr || version == &tags.tags().front() ? "" : " (v= must stand first)";
}

std::optional<PublicKey> rsa_key(const std::string& base64) {
  const auto der = base64_decode(base64);
  if (!der) return std::nullopt;
  auto key = PublicKey::from_spki(*der);
  if (!key) key = PublicKey::from_rsa_pkcs1(*der);
  return key ? std::optional<PublicKey>(*std::move(key)) : std::nullopt;
}

/// RFC 6376 3.6.1 as corrected by erratum 3017: RSA keys are published in either of two forms.
bool is_same_key(const std::string& ours, const std::string& theirs) {
  if (ours == theirs) return true;
  const auto a = rsa_key(ours), b = rsa_key(theirs);
  return a && b && a->kind() == KeyKind::Rsa && *a == *b;
}

Finding judge_dkim(const Comparing& c, const WantedRecord& wanted, const std::string& text) {
  const auto differs = [&wanted](std::string why) { return finding_of(wanted, Standing::Differs, true, std::move(why)); };
  const std::string own = std::get<dns::TxtData>(wanted.record.data).joined();
  const auto ours = TagList::parse(own), theirs = TagList::parse(text);
  if (!ours) return differs("the record of our own key cannot be read: " + ours.error().text());
  if (!theirs) return differs("verifiers cannot read it: " + theirs.error().text());
  const std::string key = key_of(*theirs);
  if (key.empty()) return differs("it says that the key was revoked (p= is empty), so every signature fails");
  if (!iequals(value_of(*theirs, "k", "rsa"), value_of(*ours, "k", "rsa")) || !is_same_key(key_of(*ours), key))
    return differs("it is another key, so signatures made here fail; publish it, or find out who signs with the other one");
  const std::string refusal = refusal_of(text, value_of(*ours, "k", "rsa"), c.facts.domain);
  if (!refusal.empty())
    return differs("verifiers refuse it: " + refusal + std::string(order_hint(*theirs)) +
                   "; publish the record as it is wanted (RFC 6376 3.6.1)");
  const Tag* flags = theirs->find("t");
  const bool testing = flags != nullptr && flags->has_word("y");
  return finding_of(wanted, Standing::Ok, false, testing ? "t=y: receivers treat signatures as tries (RFC 6376 3.6.1); take it off" : "");
}

/// RFC 6376 3.6.2.2: the verifier follows the CNAME.
void compare_alias(const Comparing& c, const WantedRecord& wanted) {
  const auto& target = std::get<dns::NameData>(wanted.record.data).name;
  const dns::Answer answer = c.ask(wanted.record.name, RecordType::Cname);
  const auto found = answer.all<dns::NameData>();
  Finding out = finding_of(wanted, Standing::Ok, false, "");
  for (const dns::Record& record : answer.records) out.found.push_back(data_text(record.data));
  if (answer.is_temporary_failure()) {
    out = finding_of(wanted, Standing::Unreachable, true, unreachable_text(answer, wanted.record.name));
  } else if (found.empty()) {
    out = finding_of(wanted, Standing::Missing, true, "verifiers do not find the key; whoever has this zone sets the CNAME, once");
    out.add.push_back(wanted.record);
  } else if (found.front().name != target) {
    out.standing = Standing::Differs;
    out.fatal = true;
    out.message = "it leads elsewhere, so the key here is not found; whoever has this zone changes it";
  }
  c.out.push_back(std::move(out));
}

bool is_key_of(const std::string& record, const DkimFact& key) {
  const auto ours = TagList::parse(key.value), theirs = TagList::parse(record);
  return ours && theirs && is_same_key(key_of(*ours), key_of(*theirs));
}

/// Only the record of this very key: whoever has put another one there knows why.
void report_withdrawn(const Comparing& c, const DkimFact& key) {
  const dns::Answer answer = c.ask(key.place(), RecordType::Txt);
  for (const dns::Record& record : answer.records) {
    const auto* txt = std::get_if<dns::TxtData>(&record.data);
    if (txt == nullptr || !is_key_of(txt->joined(), key)) continue;
    Finding out;
    out.kind = RecordKind::Dkim;
    out.name = key.place();
    out.standing = Standing::Extra;
    out.found = {data_text(record.data)};
    out.message = "this key signs no more, and no mail of it is under way: take the record out, or publish";
    if (!is_delegated(answer, key.place())) out.remove.push_back(record);
    c.out.push_back(std::move(out));
  }
}

/// Selectors that sign, of which nothing more is known here.
void report_unknown_keys(const Comparing& c) {
  for (const DkimFact& key : c.facts.dkim) {
    if (!key.value.empty() || !c.is_in_scope(key.place())) continue;
    Finding out;
    out.kind = RecordKind::Dkim;
    out.name = key.place();
    out.standing = Standing::Unreachable;
    out.fatal = true;
    out.message = "the key is not known, since posternd does not answer; start it and ask again, or give --dkim SELECTOR=RECORD";
    c.out.push_back(std::move(out));
  }
}

// TLSA.

bool same(const TlsaData& a, const TlsaData& b) {
  return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching && a.data == b.data;
}

bool has(const std::vector<TlsaData>& set, const TlsaData& one) {
  return std::ranges::any_of(set, [&](const TlsaData& other) { return same(other, one); });
}

struct TlsaView {
  const Comparing& c;
  dns::Answer answer;
  std::string name;
  std::vector<TlsaData> wanted;

  [[nodiscard]] bool is_insecure() const { return !c.is_authoritative() && !answer.secure; }
  [[nodiscard]] bool mx_is_insecure() const { return !c.is_authoritative() && !c.ask(c.facts.domain, RecordType::Mx).secure; }
  [[nodiscard]] bool one_matches() const {
    const auto found = answer.all<TlsaData>();
    return std::ranges::any_of(found, [this](const TlsaData& data) { return has(c.facts.tlsa_current, data); });
  }
};

Finding present_tlsa(const TlsaView& view, const WantedRecord& wanted) {
  if (view.is_insecure())
    return finding_of(wanted, Standing::Insecure, true,
                      "the zone is not signed with DNSSEC, so nobody uses the record (RFC 7672 2.2); sign the zone, or give --no-tlsa");
  return finding_of(wanted, Standing::Ok, false,
                    view.mx_is_insecure() ? "the MX record is not signed with DNSSEC, so senders need not use DANE (RFC 7672 2.2.1)" : "");
}

Finding missing_tlsa(const TlsaView& view, const WantedRecord& wanted) {
  const bool others = !view.answer.records.empty();
  Finding out = finding_of(wanted, others ? Standing::Differs : Standing::Missing, true, "");
  const bool is_next = !has(view.c.facts.tlsa_current, std::get<TlsaData>(wanted.record.data));
  out.message = is_next  ? "the next key must stand in DNS before the host shows it; publish it, and wait for two TTLs"
                : others ? "the records are of other keys, so senders that use DANE refuse to deliver; publish it"
                         : "senders cannot tell this host from another (RFC 7672); publish it";
  if (!others && view.is_insecure()) out.message += "; the zone is not signed with DNSSEC, which comes first (or give --no-tlsa)";
  if (is_delegated(view.answer, view.name))
    out.message += "; " + delegation_text(view.answer);
  else
    out.add.push_back(wanted.record);
  return out;
}

void report_extra_tlsa(const TlsaView& view, const dns::Record& record) {
  const auto& data = std::get<TlsaData>(record.data);
  Finding out;
  out.kind = RecordKind::Tlsa;
  out.name = view.name;
  out.type = RecordType::Tlsa;
  out.standing = Standing::Extra;
  out.found = {data_text(record.data)};
  const std::string_view unusable = dane_unusable_reason(data);
  if (view.wanted.empty()) {
    out.message = "whether the MX host has this key is not known here; give --certificate or --tlsa";
  } else if (!unusable.empty()) {
    out.message = "senders cannot use it: " + std::string(unusable);
  } else if (data.usage != 3) {
    out.message = "it names an authority, which our key alone cannot be compared with: postern dane check";
  } else {
    // RFC 7671 8.1: of a former key, or of a stranger's.
    out.fatal = !view.one_matches();
    out.message = "it matches none of our keys: a sender that gets only this one refuses to deliver; remove it, or publish";
    const bool may_go = !view.c.options.by_itself || has(view.c.facts.tlsa_former, data);
    if (may_go && !is_delegated(view.answer, view.name)) out.remove.push_back(record);
  }
  view.c.out.push_back(std::move(out));
}

/// What follows while there is no record: of a key that does not sign yet no signature fails.
std::string none_means(const Comparing& c, const WantedRecord& wanted) {
  const bool next = std::ranges::any_of(
      c.facts.dkim, [&](const DkimFact& key) { return key.use == DkimUse::Next && iequals(key.place(), wanted.record.name); });
  return next ? "the next key does not sign before it is there; publish it" : "signatures under this selector fail; publish it";
}

}  // namespace

void compare_dkim(const Comparing& c) {
  // RFC 6376 3.6.2.2: whatever else stands under the name, verifiers may take it for the key.
  TxtRule rule{[](const std::string&) { return true; },
               [&c](const WantedRecord& wanted, const std::string& text) { return judge_dkim(c, wanted, text); },
               "DKIM key record",
               {}};
  for (const WantedRecord* wanted : c.of(RecordKind::DkimAlias)) compare_alias(c, *wanted);
  for (const WantedRecord* wanted : c.of(RecordKind::Dkim)) {
    rule.none_means = none_means(c, *wanted);
    compare_txt(c, *wanted, rule);
  }
  for (const DkimFact& key : c.facts.dkim) {
    if (key.use == DkimUse::Withdrawn && c.is_in_scope(key.place())) report_withdrawn(c, key);
  }
  report_unknown_keys(c);
}

void compare_tlsa(const Comparing& c) {
  const std::string name = tlsa_name(c.facts.hostname);
  if (!c.is_in_scope(name)) return;
  TlsaView view{c, c.ask(name, RecordType::Tlsa), name, {}};
  const auto wanted = c.of(RecordKind::Tlsa);
  for (const WantedRecord* one : wanted) view.wanted.push_back(std::get<TlsaData>(one->record.data));
  const auto found = view.answer.all<TlsaData>();
  for (const WantedRecord* one : wanted) {
    Finding out = view.answer.is_temporary_failure()
                      ? finding_of(*one, Standing::Unreachable, true,
                                   unreachable_text(view.answer, name) + ": senders that use DANE defer mail meanwhile (RFC 7672 2.1.1)")
                  : has(found, std::get<TlsaData>(one->record.data)) ? present_tlsa(view, *one)
                                                                     : missing_tlsa(view, *one);
    for (const dns::Record& record : view.answer.records) out.found.push_back(data_text(record.data));
    c.out.push_back(std::move(out));
  }
  for (const dns::Record& record : view.answer.records) {
    if (!has(view.wanted, std::get<TlsaData>(record.data))) report_extra_tlsa(view, record);
  }
}

}  // namespace postern::dnszone
