#include "mailauth/arc_parse.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

constexpr std::size_t kMostNames = 1000;

Error bad(std::string what) { return {ErrorCode::BadInput, std::move(what), "arc"}; }

/// i= of RFC 8617 4.2.1: 1 to 50, without a leading zero.
Result<std::size_t> parse_instance(std::string_view text) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || text.front() == '0' || error != std::errc{} || end != text.data() + text.size() || out > kMostArcSets)
    return fail(bad("i= is no instance from 1 to 50"));
  return out;
}

constexpr std::array<std::string_view, 3> kNames{"ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"};

/// Of ARC-Authentication-Results: "i=N;" stands first, and behind it another grammar.
Result<std::size_t> instance_of_results(std::string_view value) {
  const auto end = value.find(';');
  const std::string_view tag = trim(value.substr(0, end));
  const auto equals = tag.find('=');
  if (end == std::string_view::npos || equals == std::string_view::npos || trim(tag.substr(0, equals)) != "i")
    return fail(bad("an ARC-Authentication-Results field does not begin with i="));
  return parse_instance(trim(tag.substr(equals + 1)));
}

Result<std::size_t> instance_of(const HeaderField& field, bool results) {
  if (results) return instance_of_results(field.value);
  const auto tags = TagList::parse(field.value);
  if (!tags) return fail(bad("syntax error: " + tags.error().text()));
  const Tag* tag = tags->find("i");
  if (tag == nullptr) return fail(bad("i= is missing"));
  return parse_instance(tag->value);
}

Status read_key_name(const TagList& tags, ParsedSignature& out) {
  const Tag *d = tags.find("d"), *s = tags.find("s");
  if (d == nullptr || s == nullptr) return fail(bad("d= or s= is missing"));
  out.domain = to_lower(d->value);
  out.identity_domain = out.domain;
  out.selector = s->value;
  const auto ascii = to_a_labels(out.domain);
  const auto name = dns::normalize_name(out.selector + "._domainkey." + (ascii ? *ascii : out.domain));
  if (!name) return fail(bad("d= and s= make no domain name"));
  out.query_name = *name;
  return {};
}

Status read_signature(const TagList& tags, ParsedSignature& out) {
  POSTERN_CHECK(read_key_name(tags, out));
  const Tag *a = tags.find("a"), *b = tags.find("b");
  if (a == nullptr || b == nullptr) return fail(bad("a= or b= is missing"));
  const auto algorithm = parse_dkim_algorithm(a->value);
  if (!algorithm) return fail(bad("a= is not known"));
  out.algorithm = *algorithm;
  const auto signature = base64_decode(b->compact());
  if (!signature || signature->empty()) return fail(bad("b= is not base64"));
  if (const Tag* t = tags.find("t"); t != nullptr && (t->value.empty() || !std::ranges::all_of(t->value, is_digit)))
    return fail(bad("t= is not a number"));
  out.signature = *signature;
  out.b_begin = b->value_begin;
  out.b_end = b->value_end;
  return {};
}

Status read_names(const TagList& tags, ParsedSignature& out) {
  const Tag* h = tags.find("h");
  if (h == nullptr) return fail(bad("h= is missing"));
  for (const auto name : h->words()) {
    if (!is_field_name(name)) return fail(bad("h= has a name that no header field has"));
    if (out.names.size() >= kMostNames) return fail(bad("h= has too many names"));
    out.names.push_back(to_lower(name));
  }
  // RFC 8617 4.1.2: a seal is made after the signature; From as in RFC 6376 5.4.
  if (std::ranges::find(out.names, "arc-seal") != out.names.end()) return fail(bad("h= names ARC-Seal"));
  if (std::ranges::find(out.names, "from") == out.names.end()) return fail(bad("From is not signed"));
  return {};
}

}  // namespace

std::size_t highest_instance(const MessageView& message) {
  std::size_t out = 0;
  for (const HeaderField& field : message.fields()) {
    for (const std::string_view name : kNames) {
      if (field.is(name)) out = std::max(out, instance_of(field, name == kNames.front()).value_or(0));
    }
  }
  return out;
}

Result<std::vector<ArcFields>> arc_sets(const MessageView& message) {
  constexpr std::array<const HeaderField * ArcFields::*, 3> places{&ArcFields::results, &ArcFields::signature, &ArcFields::seal};
  std::vector<ArcFields> out;
  std::array<std::size_t, 3> counts{};
  for (const HeaderField& field : message.fields()) {
    for (std::size_t kind = 0; kind < kNames.size(); ++kind) {
      if (!field.is(kNames[kind])) continue;
      if (++counts[kind] > kMostArcSets) return fail(bad("the chain has more than 50 sets"));
      POSTERN_TRY(const std::size_t instance, instance_of(field, kind == 0));
      if (out.size() < instance) out.resize(instance);
      if (out[instance - 1].*places[kind] != nullptr)
        return fail(bad("instance " + std::to_string(instance) + " has two " + std::string(kNames[kind]) + " fields"));
      out[instance - 1].*places[kind] = &field;
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].results == nullptr || out[i].signature == nullptr || out[i].seal == nullptr)
      return fail(bad("instance " + std::to_string(i + 1) + " is not whole"));
  }
  return out;
}

Result<AuthResults> arc_results(const MessageView& message, std::size_t instance) {
  POSTERN_TRY(const auto sets, arc_sets(message));
  if (instance == 0 || instance > sets.size()) return fail(ErrorCode::NotFound, "the chain has no such instance", "i");
  // RFC 8617 4.1.1: "i=1;" and then what an Authentication-Results field has.
  const std::string value = sets[instance - 1].results->unfolded();
  const auto end = value.find(';');
  if (end == std::string::npos) return fail(bad("ARC-Authentication-Results has nothing behind its instance"));
  return parse_authres(std::string_view(value).substr(end + 1));
}

Result<ArcSignature> parse_arc_seal(const HeaderField& field) {
  ArcSignature out;
  POSTERN_TRY(const TagList tags, TagList::parse(field.value));
  POSTERN_CHECK(read_signature(tags, out.parsed));
  if (tags.find("h") != nullptr) return fail(bad("a seal has h= (RFC 8617 4.1.3)"));
  const Tag* cv = tags.find("cv");
  if (cv == nullptr) return fail(bad("cv= is missing"));
  out.cv = to_lower(cv->value);
  out.instance = instance_of(field, false).value_or(0);
  return out;
}

Result<ArcSignature> parse_arc_message_signature(const HeaderField& field) {
  ArcSignature out;
  POSTERN_TRY(const TagList tags, TagList::parse(field.value));
  POSTERN_CHECK(read_signature(tags, out.parsed));
  POSTERN_CHECK(read_names(tags, out.parsed));
  const Tag* bh = tags.find("bh");
  const auto hash = bh == nullptr ? Result<Bytes>(Bytes()) : base64_decode(bh->compact());
  if (!hash || hash->size() != 32) return fail(bad("bh= is not a SHA-256 hash in base64"));
  out.parsed.body_hash = *hash;
  if (const Tag* c = tags.find("c"); c != nullptr) {
    POSTERN_TRY(out.parsed.canonicalization, CanonicalizationPair::parse(c->value));
  }
  if (tags.find("l") != nullptr) return fail(bad("l= leaves a part of the body unsigned"));
  return out;
}

std::string without_signature(const HeaderField& field, const ParsedSignature& parsed) {
  const auto value_at = static_cast<std::size_t>(field.value.data() - field.raw.data());
  return std::string(field.raw.substr(0, value_at + parsed.b_begin)) +
         std::string(field.raw.substr(value_at + parsed.b_end, field.value.size() - parsed.b_end)) + "\r\n";
}

}  // namespace postern
