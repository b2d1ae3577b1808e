// Stations "seal" and "stamp".
#include <algorithm>

#include "base/text.hpp"
#include "gateway/stages.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

using policy::Method;

struct Sealer {
  const PipelineParts& parts;
  const Author& author;
  const std::vector<const Case*>& cases;
  SealContext context;

  std::vector<Certificate> smime_recipients() const {
    std::vector<Certificate> out;
    for (const Case* c : cases) out.push_back(*c->smime);
    return out;
  }
  std::vector<PgpCertificate> pgp_recipients() const {
    std::vector<PgpCertificate> out;
    for (const Case* c : cases) out.push_back(*c->openpgp);
    return out;
  }
  SmimeEncryptOptions smime_options() const {
    SmimeEncryptOptions options;
    if (parts.config.smime.profile == "cbc") options.profile.cipher = ContentCipher::Aes256Cbc;
    return options;
  }

  Result<std::string> sign(std::string_view message, Method method) const {
    if (method == Method::Smime) {
      POSTERN_TRY(const auto identity, parts.identities.smime(*author.mailbox));
      return smime_sign(message, identity, {}, context);
    }
    POSTERN_TRY(const auto key, parts.identities.openpgp(*author.mailbox));
    return pgp_sign(message, *parts.keeper, key, {}, context);
  }
  Result<std::string> encrypt(std::string_view message, Method method) const {
    if (method == Method::Smime) return smime_encrypt(message, smime_recipients(), smime_options(), context);
    return pgp_encrypt(message, pgp_recipients(), {}, context);
  }
  Result<std::string> sign_encrypt(std::string_view message, Method method) const {
    if (method == Method::Smime) {
      POSTERN_TRY(const auto identity, parts.identities.smime(*author.mailbox));
      return smime_sign_encrypt(message, identity, smime_recipients(), smime_options(), context);
    }
    POSTERN_TRY(const auto key, parts.identities.openpgp(*author.mailbox));
    return pgp_sign_encrypt(message, *parts.keeper, key, pgp_recipients(), {}, context);
  }
};

/// What may stand in a comment-free part of Received: a name or a literal.
std::string safe_name(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 255))
    out += is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']' ? c : '?';
  return out.empty() ? "unknown" : out;
}

}  // namespace

Result<std::string> seal_copy(const PipelineParts& parts, std::string_view message, const Author& author,
                              const std::vector<const Case*>& cases) {
  const policy::Decision& decision = cases.front()->decision;
  const Sealer sealer{parts, author, cases, {parts.clock.now(), parts.random, parts.config.limits}};
  if (decision.sign == Method::None && decision.encrypt == Method::None) return std::string(message);
  if (decision.encrypt == Method::None) return sealer.sign(message, decision.sign);
  if (decision.sign == Method::None) return sealer.encrypt(message, decision.encrypt);
  if (decision.sign == decision.encrypt) return sealer.sign_encrypt(message, decision.sign);
  POSTERN_TRY(const std::string signed_message, sealer.sign(message, decision.sign));
  return sealer.encrypt(signed_message, decision.encrypt);
}

std::string seal_text(const policy::Decision& decision) {
  const auto sign = std::string(name_of(decision.sign));
  const auto encrypt = std::string(name_of(decision.encrypt));
  if (decision.encrypt == Method::None) return decision.sign == Method::None ? "none" : sign + " sign";
  if (decision.sign == Method::None) return encrypt + " encrypt";
  return decision.sign == decision.encrypt ? sign + " sign+encrypt" : sign + " sign, " + encrypt + " encrypt";
}

Result<std::string> received_field(const std::string& hostname, const Arrival& arrival) {
  const Road& road = arrival.road;
  std::string value = "from " + safe_name(road.helo) + " ([" + safe_name(road.address) + "]) by " + hostname + " (Postern) with " +
                      safe_name(road.protocol) + " id " + arrival.id.get();
  if (!road.tls_version.empty()) value += " (" + safe_name(road.tls_version) + " " + safe_name(road.tls_suite) + ")";
  // RFC 5321 4.4, 7.6: the "for" clause only when it gives nobody away.
  if (arrival.envelope.recipients.size() == 1) value += " for <" + address_of(arrival.envelope.recipients.front().path, hostname) + ">";
  value += "; " + rfc5322_date(arrival.received);
  return fold_field("Received", value);
}

Result<std::string> missing_fields(const std::string& hostname, const MessageView& view, const Arrival& arrival, Random& random) {
  std::string out;
  if (view.find("Date") == nullptr) POSTERN_CHECK(append_field(out, "Date", rfc5322_date(arrival.received)));
  if (view.find("Message-ID") == nullptr)
    POSTERN_CHECK(append_field(out, "Message-ID", "<" + make_ulid(arrival.received, random) + "@" + hostname + ">"));
  return out;
}

}  // namespace postern::gateway
