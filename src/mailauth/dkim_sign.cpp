#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mailauth/canonical.hpp"
#include "mailauth/dkim.hpp"
#include "mailauth/signer_names.hpp"

namespace postern {
namespace {

constexpr std::size_t kWidth = 76;

/// RFC 6376 5.4.1 and 8.15: the fields to sign; those with `oversign` once more than they occur, so that no second one can be put in.
struct DefaultField {
  std::string_view name;
  bool oversign;
};
constexpr std::array<DefaultField, 30> kDefaultFields = {{
    {"from", true},
    {"to", true},
    {"subject", true},
    {"date", true},
    {"cc", true},
    {"reply-to", true},
    {"message-id", true},
    {"mime-version", true},
    {"content-type", true},
    {"in-reply-to", true},
    {"references", true},
    {"sender", false},
    {"content-transfer-encoding", false},
    {"content-id", false},
    {"content-description", false},
    {"content-disposition", false},
    {"resent-date", false},
    {"resent-from", false},
    {"resent-to", false},
    {"resent-cc", false},
    {"resent-sender", false},
    {"resent-message-id", false},
    {"list-id", false},
    {"list-help", false},
    {"list-unsubscribe", false},
    {"list-unsubscribe-post", false},
    {"list-subscribe", false},
    {"list-post", false},
    {"list-owner", false},
    {"list-archive", false},
}};

std::vector<std::string> default_names(const MessageView& message) {
  std::array<std::size_t, kDefaultFields.size()> counts{};
  for (const HeaderField& field : message.fields()) {
    for (std::size_t i = 0; i < kDefaultFields.size(); ++i) {
      if (field.is(kDefaultFields[i].name)) ++counts[i];
    }
  }
  std::vector<std::string> names;
  names.reserve(32);
  for (std::size_t i = 0; i < kDefaultFields.size(); ++i) {
    names.insert(names.end(), counts[i] + (kDefaultFields[i].oversign ? 1 : 0), std::string(kDefaultFields[i].name));
  }
  return names;
}

Result<std::vector<std::string>> names_to_sign(const MessageView& message, const DkimSignOptions& options) {
  if (options.headers.empty()) return default_names(message);
  std::vector<std::string> names;
  for (const std::string& header : options.headers) {
    const std::string name = to_lower(trim(header));
    if (!is_field_name(name) || name.find(';') != std::string::npos)
      return fail(ErrorCode::BadInput, "h= has something that is no header field name", "headers");
    names.push_back(name);
  }
  // RFC 6376 5.4: "The From header field MUST be signed".
  if (std::find(names.begin(), names.end(), "from") == names.end())
    return fail(ErrorCode::BadInput, "the header list must hold from (RFC 6376 5.4)", "headers");
  // 5.4: "MUST NOT be included in the h= field except to indicate that other preexisting signatures are also signed". One more, and a
  // verifier would look for the signature in itself.
  if (static_cast<std::size_t>(std::ranges::count(names, "dkim-signature")) > message.count("DKIM-Signature"))
    return fail(ErrorCode::BadInput, "names dkim-signature more often than there are older signatures (RFC 6376 5.4)", "headers");
  return names;
}

/// RFC 6376 2.11 dkim-quoted-printable, for the local part of i=.
std::string dkim_quoted_printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c > 0x20 && c < 0x7F && c != ';' && c != '=') {
      out += c;
    } else {
      out += '=';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

/// Writes tags with folds at 76 columns where the grammar has FWS.
class FieldWriter {
 public:
  FieldWriter() { m_text.reserve(1200); }

  void add_tag(std::string_view name, std::string_view value) {
    break_before(2 + name.size() + value.size() + 1);
    ((m_text += name) += '=') += value;
    m_text += ';';
    m_column += name.size() + value.size() + 2;
  }
  /// h=: may fold after each colon.
  void add_names(const std::vector<std::string>& names) {
    break_before(2 + names.front().size() + 2);
    m_text += "h=";
    m_column += 2;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (m_column + names[i].size() + 1 > kWidth) fold();
      m_text += names[i];
      m_text += i + 1 == names.size() ? ';' : ':';
      m_column += names[i].size() + 1;
    }
  }
  /// The last tag, b=, on a line of its own; empty so far.
  void open_signature() {
    fold();
    m_text += "b=";
    m_column += 2;
  }
  /// Base64 may fold anywhere.
  void add_signature(std::string_view base64) {
    while (!base64.empty()) {
      if (m_column >= kWidth) fold();
      const std::string_view piece = base64.substr(0, kWidth - m_column);
      m_text += piece;
      m_column += piece.size();
      base64.remove_prefix(piece.size());
    }
    m_text += "\r\n";
  }
  [[nodiscard]] const std::string& text() const noexcept { return m_text; }

 private:
  void break_before(std::size_t size) {
    if (m_column + 1 + size > kWidth + 1) return fold();
    m_text += ' ';
    ++m_column;
  }
  void fold() {
    m_text += "\r\n ";
    m_column = 1;
  }

  std::string m_text = "DKIM-Signature:";
  std::size_t m_column = 15;
};

Status check_key(const DkimKeyRef& key, const DkimSignOptions& options) {
  POSTERN_CHECK(check_signer_names(key.domain, key.selector));
  if (options.time && unix_seconds(*options.time) < 0) return fail(ErrorCode::BadInput, "is before 1970", "time");
  if (options.identity.empty()) return {};
  const auto at = options.identity.rfind('@');
  // RFC 6376 3.5 i=: "The domain part of the address MUST be the same as, or a subdomain of, the value of the "d=" tag."
  if (at == std::string::npos || !dns::is_same_or_below(to_lower(options.identity.substr(at + 1)), to_lower(key.domain))) {
    return fail(ErrorCode::BadInput, "the identity is an address at " + key.domain + " or below", "identity");
  }
  return {};
}

Status check_message(const MessageView& message) {
  POSTERN_CHECK(message.refuse_unsafe_header());
  const std::size_t from = message.count("From");
  if (from == 0) return fail(ErrorCode::BadInput, "the message has no From field, so it cannot be signed", "From");
  if (from > 1) return fail(ErrorCode::BadInput, "the message has more than one From field (RFC 5322 3.6)", "From");
  return {};
}

/// What all keys share: hashes and names are made once.
struct Shared {
  const DkimSignOptions& options;
  std::vector<std::string> names;
  std::string body_hash;
  std::string header;  // canonical, of the signed fields
};

FieldWriter unsigned_field(const Shared& shared, const DkimKeyRef& key) {
  FieldWriter field;
  field.add_tag("v", "1");
  field.add_tag("a", name_of(key.algorithm));
  field.add_tag("c", shared.options.canonicalization.text());
  field.add_tag("d", to_lower(key.domain));
  field.add_tag("s", key.selector);
  if (const std::string& identity = shared.options.identity; !identity.empty()) {
    const auto at = identity.rfind('@');
    field.add_tag("i", dkim_quoted_printable(identity.substr(0, at)) + "@" + to_lower(identity.substr(at + 1)));
  }
  if (shared.options.time) {
    const std::int64_t time = unix_seconds(*shared.options.time);
    field.add_tag("t", std::to_string(time));
    if (shared.options.lifetime) field.add_tag("x", std::to_string(time + shared.options.lifetime->count()));
  }
  field.add_names(shared.names);
  field.add_tag("bh", shared.body_hash);
  field.open_signature();
  return field;
}

/// A field whose signature is being made.
struct Begun {
  FieldWriter field;
  Later<Bytes> signature;
  std::string selector;
};

Begun begin_one(const Shared& shared, const DkimKeyRef& key, const SignFn& sign) {
  FieldWriter field = unsigned_field(shared, key);
  // RFC 6376 3.7: the signed fields, then the signature field itself with an empty b= and without its line end.
  std::string data;
  data.reserve(shared.header.size() + field.text().size() + 2);
  data = shared.header;
  append_canonical_field(data, field.text(), shared.options.canonicalization.header);
  data.resize(data.size() - 2);
  // RFC 8463 3: PureEdDSA over the SHA-256 digest
  auto signature = key.algorithm == DkimAlgorithm::RsaSha256 ? sign(key, as_bytes(data)) : sign(key, sha256(as_bytes(data)));
  return {std::move(field), std::move(signature), key.selector};
}

Result<std::string> finish_one(Begun begun) {
  const auto signature = std::move(begun.signature).take();
  if (!signature) return fail(signature.error().context("DKIM selector " + begun.selector));
  begun.field.add_signature(base64_encode(*signature));
  return begun.field.text();
}

/// In the order of `keys`, but begun with those that take longest: a signer that works elsewhere makes the others meanwhile.
std::vector<std::optional<Begun>> begin_all(const Shared& shared, std::span<const DkimKeyRef> keys, const SignFn& sign) {
  std::vector<std::optional<Begun>> begun(keys.size());
  for (const DkimAlgorithm algorithm : {DkimAlgorithm::RsaSha256, DkimAlgorithm::Ed25519Sha256}) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].algorithm == algorithm) begun[i].emplace(begin_one(shared, keys[i], sign));
    }
  }
  return begun;
}

}  // namespace

struct DkimSigning::Field {
  Begun begun;
};

DkimSigning::DkimSigning(std::vector<Field> fields) : m_fields(std::move(fields)) {}
DkimSigning::DkimSigning(DkimSigning&&) noexcept = default;
DkimSigning& DkimSigning::operator=(DkimSigning&&) noexcept = default;
DkimSigning::~DkimSigning() = default;

Result<std::string> DkimSigning::finish() && {
  std::string out;
  for (Field& field : std::exchange(m_fields, {})) {
    POSTERN_TRY(const std::string text, finish_one(std::move(field.begun)));
    out += text;
  }
  return out;
}

Result<DkimSigning> dkim_begin(const MessageView& message, std::span<const DkimKeyRef> keys, const DkimSignOptions& options,
                               const SignFn& sign) {
  POSTERN_CHECK(check_message(message));
  for (const DkimKeyRef& key : keys) POSTERN_CHECK(check_key(key, options));
  if (options.lifetime && (!options.time || options.lifetime->count() <= 0)) {
    return fail(ErrorCode::BadInput, "an expiry needs a signing time before it", "lifetime");
  }
  Shared shared{options, {}, {}, {}};
  POSTERN_TRY(shared.names, names_to_sign(message, options));
  shared.body_hash = base64_encode(hash_body(message.body(), options.canonicalization.body).digest);
  shared.header.reserve(message.header_block().size());
  append_canonical_fields(shared.header, message, shared.names, options.canonicalization.header);
  std::vector<DkimSigning::Field> fields;
  for (auto& begun : begin_all(shared, keys, sign)) fields.push_back({*std::move(begun)});
  return DkimSigning(std::move(fields));
}

Result<std::string> dkim_sign(const MessageView& message, std::span<const DkimKeyRef> keys, const DkimSignOptions& options,
                              const SignFn& sign) {
  POSTERN_TRY(DkimSigning signing, dkim_begin(message, keys, options, sign));
  return std::move(signing).finish();
}

}  // namespace postern
