#include "seal/header_protection.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "seal/entity.hpp"

namespace postern {
namespace {

/// What the author of a message writes and a reader sees. Not Bcc (it would tell everybody), nothing of trace or authentication.
constexpr std::array<std::string_view, 12> kAuthorFields = {"From",    "Sender",     "Reply-To",    "To",         "Cc",       "Date",
                                                            "Subject", "Message-ID", "In-Reply-To", "References", "Comments", "Keywords"};

bool is_author_field(std::string_view name) {
  return std::any_of(kAuthorFields.begin(), kAuthorFields.end(), [&](std::string_view known) { return iequals(known, name); });
}

constexpr std::string_view kHidden = "[...]";
constexpr int kMaxSignedNesting = 4;

/// RFC 9788 3.2.1, hcp_baseline: Subject obscured, Comments and Keywords removed, everything else as it is. `raw` when it stays.
std::string baseline(const HeaderField& field) {
  if (field.is("Subject")) return "Subject: " + std::string(kHidden) + "\r\n";
  if (field.is("Comments") || field.is("Keywords")) return "";
  return whole_field(field);
}

/// For comparing values that may have been folded anew: runs of white space count as one space.
std::string flat(std::string_view value) {
  std::string out;
  for (const char c : unfold(value)) {
    if (!is_wsp(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

std::string type_parameter(const MessageView& view, std::string_view name) {
  const HeaderField* field = view.find("Content-Type");
  return field == nullptr ? "" : to_lower(parse_content_type(field->value).parameter(name));
}

/// The n-th value of each name, for comparing repeated fields one by one.
using Values = std::multimap<std::string, std::string>;
Values values_of(const MessageView& view) {
  Values out;
  for (const HeaderField& field : view.fields()) out.emplace(to_lower(field.name), flat(field.value));
  return out;
}

/// "HP-Outer: Subject: [...]" says what the sender left outside.
Values outer_values(const MessageView& payload) {
  Values out;
  for (const HeaderField& field : payload.fields()) {
    if (!field.is("HP-Outer")) continue;
    const std::string text = flat(field.value);
    const auto colon = text.find(':');
    if (colon == std::string::npos) continue;
    out.emplace(to_lower(trim(std::string_view(text).substr(0, colon))), flat(std::string_view(text).substr(colon + 1)));
  }
  return out;
}

std::vector<std::string> all_of(const Values& values, const std::string& name) {
  std::vector<std::string> out;
  const auto [begin, end] = values.equal_range(name);
  for (auto it = begin; it != end; ++it) out.push_back(it->second);
  return out;
}

/// Subjects that older clients (protected-headers="v1") put outside.
bool is_placeholder_subject(const std::vector<std::string>& outside) {
  return outside.size() == 1 && (outside[0] == "..." || outside[0] == kHidden || iequals(outside[0], "Encrypted Message"));
}

enum class FieldState { Same, Hidden, Altered };

struct Comparison {
  std::string hp;
  Values inside;
  Values outside;
  Values left_outside;  ///< HP-Outer

  FieldState state(const std::string& name) const {
    const auto now = all_of(outside, name);
    if (now == all_of(inside, name)) return FieldState::Same;
    if (hp == "v1") return name == "subject" && is_placeholder_subject(now) ? FieldState::Hidden : FieldState::Same;
    // RFC 9788 4.3: only what stands outside as the sender left it was obscured by the sender. From is never replaced (RFC 9788 4.4).
    const bool as_left = hp == "cipher" && now == all_of(left_outside, name) && name != "from";
    return as_left ? FieldState::Hidden : FieldState::Altered;
  }
};

std::string read_hp(const MessageView& payload) {
  const std::string hp = type_parameter(payload, "hp");
  if (hp == "clear" || hp == "cipher") return hp;
  return type_parameter(payload, "protected-headers") == "v1" ? "v1" : "";
}

Comparison compare(const MessageView& message, const MessageView& payload) {
  return {read_hp(payload), values_of(payload), values_of(message), outer_values(payload)};
}

/// Names of author fields in the payload, once each, in its order.
std::vector<std::string> names_inside(const MessageView& payload) {
  std::vector<std::string> out;
  for (const HeaderField& field : payload.fields()) {
    if (is_author_field(field.name) && std::find(out.begin(), out.end(), to_lower(field.name)) == out.end())
      out.push_back(to_lower(field.name));
  }
  return out;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& known) { return iequals(known, name); });
}

std::string fields_named(const MessageView& view, std::string_view name) {
  std::string out;
  for (const HeaderField& field : view.fields()) {
    if (field.is(name)) out += whole_field(field);
  }
  return out;
}

/// The message's own fields with those in `names` taken from the payload: at the place of the first, or at the end when none stood outside.
std::string replace_fields(const MessageView& message, const MessageView& payload, const std::vector<std::string>& names) {
  std::string out;
  std::vector<std::string> done;
  for (const HeaderField& field : message.fields()) {
    if (is_structural_field(field) || field.is("HP-Outer")) continue;
    if (!contains(names, field.name)) {
      out += whole_field(field);
    } else if (!contains(done, field.name)) {
      out += fields_named(payload, field.name);
      done.push_back(std::string(field.name));
    }
  }
  for (const std::string& name : names) {
    if (!contains(done, name)) out += fields_named(payload, name);
  }
  return out;
}

HeaderFacts facts_of(const MessageView& message, const MessageView& payload) {
  HeaderFacts facts;
  const Comparison comparison = compare(message, payload);
  facts.hp = comparison.hp;
  if (facts.hp.empty()) return facts;
  for (const std::string& name : names_inside(payload)) {
    const FieldState state = comparison.state(name);
    if (state == FieldState::Altered) facts.altered.push_back(name);
    if (state == FieldState::Hidden) facts.restored.push_back(name);
  }
  return facts;
}

std::string own_fields(const MessageView& message) {
  std::string out;
  for (const HeaderField& field : message.fields()) {
    if (!is_structural_field(field)) out += whole_field(field);
  }
  return out;
}

}  // namespace

Result<ProtectedHeader> protect_header(const MessageView& message, const HeaderProtection& options, bool encrypting) {
  const bool hide = encrypting && options.hide_subject;
  ProtectedHeader out;
  if (options.copy_fields || hide) out.hp = encrypting ? "cipher" : "clear";
  std::string left_outside;
  for (const HeaderField& field : message.fields()) {
    // HP-Outer means something only inside a protected part; outside it can only mislead.
    if (is_structural_field(field) || field.is("HP-Outer")) continue;
    const std::string outside = hide ? baseline(field) : whole_field(field);
    out.outer += outside;
    if (out.hp.empty() || !is_author_field(field.name)) continue;
    out.inner += whole_field(field);
    if (encrypting && !outside.empty()) left_outside += "HP-Outer: " + outside;
  }
  out.inner += left_outside;
  return out;
}

HeaderFacts compare_header(const MessageView& message, std::string_view payload, const Limits& limits) {
  const auto view = MessageView::parse(payload, limits);
  if (!view) return {};
  HeaderFacts facts = facts_of(message, *view);
  facts.restored.clear();
  return facts;
}

RestoredHeader restore_header(const MessageView& message, std::string_view payload, const Limits& limits) {
  const auto view = MessageView::parse(payload, limits);
  if (!view) return {own_fields(message), {}};
  HeaderFacts facts = facts_of(message, *view);
  std::string fields = replace_fields(message, *view, facts.restored);
  return {std::move(fields), std::move(facts)};
}

std::string_view payload_of(std::string_view entity, const Limits& limits) {
  for (int depth = 0; depth < kMaxSignedNesting; ++depth) {
    const auto view = MessageView::parse(entity, limits);
    if (!view) return entity;
    const HeaderField* field = view->find("Content-Type");
    const ContentType type = field == nullptr ? ContentType{} : parse_content_type(field->value);
    if (type.type != "multipart/signed") return entity;
    const auto parts = split_multipart(view->body(), type.parameter("boundary"), limits.mime_parts);
    if (!parts || parts->parts.empty()) return entity;
    entity = parts->parts.front();
  }
  return entity;
}

std::string strip_copies(std::string_view entity, const Limits& limits) {
  const auto view = MessageView::parse(entity, limits);
  if (!view) return std::string(entity);
  std::string fields;
  for (const HeaderField& field : view->fields()) {
    if (is_structural_field(field) && !field.is("MIME-Version")) fields += field.raw;
  }
  const std::string hp = type_parameter(*view, "hp");
  if (!hp.empty()) fields = with_type_parameter(fields, "hp", "");
  return fields + "\r\n" + std::string(view->body());
}

}  // namespace postern
