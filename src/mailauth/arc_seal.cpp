#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mailauth/arc_parse.hpp"
#include "mailauth/authres.hpp"
#include "mailauth/canonical.hpp"
#include "mailauth/signer_names.hpp"

namespace postern {
namespace {

constexpr std::size_t kWidth = 74;

using Tags = std::vector<std::pair<std::string, std::string>>;

/// How much of `rest` goes into this line: base64 may be cut anywhere, lists behind a colon, everything else nowhere.
std::size_t piece_of(std::string_view tag, std::string_view rest, std::size_t room) {
  if (rest.size() <= room) return rest.size();
  if (tag == "b" || tag == "bh") return room;
  if (tag != "h") return rest.size();
  const auto colon = rest.rfind(':', room == 0 ? 0 : room - 1);
  if (colon != std::string_view::npos) return colon + 1;
  const auto next = rest.find(':');
  return next == std::string_view::npos ? rest.size() : next + 1;
}

/// "Name: a=1; b=2", folded or in one line.
std::string write_tags(std::string_view name, Tags tags, bool standardize) {
  if (standardize) std::ranges::sort(tags);
  std::string out(name);
  out += ':';
  std::size_t column = out.size();
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string text = tags[i].first + "=" + tags[i].second + (i + 1 < tags.size() ? ";" : "");
    const bool fold = !standardize && i != 0 && column + 1 + text.size() > kWidth;
    out += fold ? "\r\n " : " ";
    column = fold ? 1 : column + 1;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t count = standardize ? rest.size() : piece_of(tags[i].first, rest, kWidth - std::min(column, kWidth - 1));
      out += rest.substr(0, count);
      column += count;
      rest.remove_prefix(count);
      if (!rest.empty()) out += "\r\n ";
      if (!rest.empty()) column = 1;
    }
  }
  return out + "\r\n";
}

/// Of a field that we wrote with an empty b=: the signature goes there.
Result<std::string> sign_field(std::string_view name, Tags tags, std::string signed_before, const DkimKeyRef& key, const SignFn& sign,
                               bool standardize) {
  tags.emplace_back("b", "");
  append_canonical_field(signed_before, write_tags(name, tags, standardize), Canonicalization::Relaxed);
  signed_before.resize(signed_before.size() - 2);
  auto begun = key.algorithm == DkimAlgorithm::RsaSha256 ? sign(key, as_bytes(signed_before))
                                                         : sign(key, sha256(as_bytes(signed_before)));  // RFC 8463 3
  const auto signature = std::move(begun).take();
  if (!signature) return fail(signature.error().context("ARC selector " + key.selector));
  tags.back().second = base64_encode(*signature);
  return write_tags(name, std::move(tags), standardize);
}

/// The results of the fields that carry our id, one behind another.
std::string own_results(const MessageView& message, std::string_view id) {
  std::string out;
  for (const HeaderField& field : message.fields()) {
    if (!field.is("Authentication-Results") || authserv_id_of(field.value) != to_lower(id)) continue;
    const std::string value = field.unfolded();
    const auto semicolon = value.find(';');
    if (semicolon == std::string::npos) continue;
    const std::string_view rest = trim(std::string_view(value).substr(semicolon + 1));
    if (!rest.empty() && !iequals(rest, "none")) out += (out.empty() ? "" : "; ") + std::string(rest);
  }
  return out.empty() ? "none" : out;
}

/// `before` each result; a semicolon in a quoted text parts nothing.
std::string folded_results(std::string_view results, std::string_view before) {
  std::string out;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= results.size(); ++i) {
    if (i < results.size() && results[i] == '\\' && quoted) {
      ++i;
      continue;
    }
    if (i < results.size() && results[i] == '"') quoted = !quoted;
    if (i < results.size() && (quoted || results[i] != ';')) continue;
    const std::string_view one = trim(results.substr(begin, i - begin));
    if (!one.empty()) (out += before) += one;
    begin = i + 1;
  }
  if (begin < results.size()) (out += before) += trim(results.substr(begin));  // a quote that never ends
  return out;
}

std::vector<std::string> names_of(const MessageView& message, const ArcSealOptions& options) {
  constexpr std::array<std::string_view, 12> usual{"from",           "to",         "cc",           "subject",      "date",
                                                   "reply-to",       "message-id", "mime-version", "content-type", "in-reply-to",
                                                   "dkim-signature", "references"};
  std::vector<std::string> out;
  for (const auto& name : options.headers) out.push_back(to_lower(name));
  if (!out.empty()) return out;
  for (const std::string_view name : usual) {
    if (message.find(name) != nullptr) out.emplace_back(name);
  }
  return out;
}

Status check(const MessageView& message, const DkimKeyRef& key, const ArcSealOptions& options) {
  POSTERN_CHECK(message.refuse_unsafe_header());
  POSTERN_CHECK(check_signer_names(key.domain, key.selector));
  if (authserv_id_of(options.authserv_id) != to_lower(options.authserv_id) || options.authserv_id.empty())
    return fail(ErrorCode::BadInput, "not a name for Authentication-Results", "authserv-id");
  if (options.results.find_first_of("\r\n") != std::string::npos) return fail(ErrorCode::BadInput, "has line ends", "results");
  if (unix_seconds(options.time) < 0) return fail(ErrorCode::BadInput, "is before 1970", "time");
  return {};
}

/// 5.1.1: neither what ARC adds nor what hosts downstream take off may be signed.
Status check_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "authentication-results" || name.starts_with("arc-"))
      return fail(ErrorCode::BadInput, "must not hold " + printable(name, 64) + " (RFC 8617 5.1.1)", "headers");
  }
  if (std::ranges::find(names, "from") == names.end()) return fail(ErrorCode::BadInput, "must hold from", "headers");
  return {};
}

struct Position {
  std::vector<ArcFields> sets;  // empty when the chain is broken: nobody can say what belongs to it
  bool broken = false;
  std::size_t instance = 1;
};

bool is_marked_as_failed(const MessageView& message, std::size_t instance) {
  return std::ranges::any_of(message.fields(), [&](const HeaderField& field) {
    if (!field.is("ARC-Seal")) return false;
    const auto seal = parse_arc_seal(field);
    return seal && seal->cv == "fail" && seal->instance == instance;
  });
}

/// 5.1: a chain that is marked as failed ends there.
Result<Position> next_position(const MessageView& message) {
  Position out;
  if (auto sets = arc_sets(message)) {
    out.sets = *std::move(sets);
  } else {
    out.broken = true;
  }
  const std::size_t last = highest_instance(message);
  out.instance = last + 1;
  if (out.instance > kMostArcSets) return fail(ErrorCode::Conflict, "the chain has 50 sets (RFC 8617 4.2.1)", "arc");
  if (is_marked_as_failed(message, last)) return fail(ErrorCode::Conflict, "the chain is marked as failed already (RFC 8617 5.1)", "arc");
  return out;
}

/// What cv= says.
ArcResult state_of(const Position& at, ArcResult found) {
  if (at.broken) return ArcResult::Fail;
  if (at.sets.empty()) return ArcResult::None;
  return found == ArcResult::Pass ? ArcResult::Pass : ArcResult::Fail;
}

/// 5.1.1, 5.1.2: all sets, or of a failed chain this one alone.
std::string sealed_fields(const Position& at, ArcResult state, const ArcSet& own) {
  std::string out;
  for (const ArcFields& set : at.sets) {
    if (state == ArcResult::Fail) break;
    for (const HeaderField* field : {set.results, set.signature, set.seal})
      append_canonical_field(out, field->raw, Canonicalization::Relaxed);
  }
  append_canonical_field(out, own.authentication_results, Canonicalization::Relaxed);
  append_canonical_field(out, own.message_signature, Canonicalization::Relaxed);
  return out;
}

}  // namespace

Result<ArcSet> arc_seal(const MessageView& message, ArcResult cv, const DkimKeyRef& key, const ArcSealOptions& options,
                        const SignFn& sign) {
  POSTERN_CHECK(check(message, key, options));
  POSTERN_TRY(const Position at, next_position(message));
  const std::string instance = std::to_string(at.instance), time = std::to_string(unix_seconds(options.time));
  const auto names = names_of(message, options);
  POSTERN_CHECK(check_names(names));
  if (message.count("From") == 0) return fail(ErrorCode::BadInput, "the message has no From field, so it cannot be signed", "From");
  ArcSet out;
  const std::string results = options.results.empty() ? own_results(message, options.authserv_id) : options.results;
  out.authentication_results = "ARC-Authentication-Results: i=" + instance + "; " + options.authserv_id;
  out.authentication_results += folded_results(results, options.standardize ? "; " : ";\r\n ") + "\r\n";
  std::string list, data;
  for (const auto& name : names) list += (list.empty() ? "" : ":") + name;
  append_canonical_fields(data, message, names, Canonicalization::Relaxed);
  const std::string algorithm(name_of(key.algorithm)), domain = to_lower(key.domain);
  const std::string body = base64_encode(hash_body(message.body(), Canonicalization::Relaxed).digest);
  POSTERN_TRY(out.message_signature, sign_field("ARC-Message-Signature",
                                                {{"i", instance},
                                                 {"a", algorithm},
                                                 {"c", "relaxed/relaxed"},
                                                 {"d", domain},
                                                 {"s", key.selector},
                                                 {"t", time},
                                                 {"h", list},
                                                 {"bh", body}},
                                                std::move(data), key, sign, options.standardize));
  const ArcResult state = state_of(at, cv);
  POSTERN_TRY(
      out.seal,
      sign_field("ARC-Seal",
                 {{"i", instance}, {"a", algorithm}, {"cv", std::string(name_of(state))}, {"d", domain}, {"s", key.selector}, {"t", time}},
                 sealed_fields(at, state, out), key, sign, options.standardize));
  return out;
}

}  // namespace postern
