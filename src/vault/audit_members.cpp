// The JSON of an audit line: members, numbers, times, text of any bytes.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "vault/audit_line.hpp"
#include "vault/audit_weight.hpp"
#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

char* two_digits(char* to, unsigned value) noexcept {
  *to++ = static_cast<char>('0' + value / 10);
  *to++ = static_cast<char>('0' + value % 10);
  return to;
}

}  // namespace

void AuditLine::comma() {
  if (m_out.back() != '{' && m_out.back() != '[') m_out += ',';
}

void AuditLine::key(std::string_view name) {
  comma();
  append_text(name);
  m_out += ':';
}

/// A key that is a literal of ours: nothing in it is special.
void AuditLine::own_key(std::string_view name) {
  std::array<char, 64> text{','};
  const bool first = m_out.back() == '{' || m_out.back() == '[';
  text[1] = '"';
  const std::size_t size = name.copy(text.data() + 2, text.size() - 4) + 2;
  text[size] = '"';
  text[size + 1] = ':';
  m_out.append(text.data() + (first ? 1 : 0), size + (first ? 1 : 2));
}

void AuditLine::open(std::string_view name, char bracket) {
  own_key(name);
  m_out += bracket;
}

void AuditLine::text(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  own_key(name);
  append_text(value);
}

void AuditLine::number(std::string_view name, std::int64_t value) {
  if (value == 0) return;
  own_key(name);
  append_integer(value);
}

void AuditLine::token(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  own_key(name);
  if (m_look.log_raw) return append_text(value);
  m_out += '"';
  m_mask.append_known(m_out, value);
  m_out += '"';
}

void AuditLine::accessor(std::string_view name, std::string_view value) { m_look.hmac_accessor ? token(name, value) : text(name, value); }

void AuditLine::texts(std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  AuditWeight weight(nullptr, true, kAuditEnvelope);
  if (!std::ranges::all_of(values, [&](const std::string& value) { return weight.take_key(value); })) {
    key(name);
    return masked_whole(json::value_from(values));
  }
  open(name, '[');
  for (const std::string& value : values) {
    comma();
    append_text(value);
  }
  close(']');
}

/// A member of the envelope that stays as it is; null, "", 0, {} and [] are left out.
void AuditLine::same(std::string_view name, const Object& from, std::string_view from_name) {
  const Value* value = from.if_contains(from_name);
  if (value == nullptr || value->is_null()) return;
  if (const auto* object = value->if_object(); object != nullptr && object->empty()) return;
  if (const auto* array = value->if_array(); array != nullptr && array->empty()) return;
  if (const auto* number = value->if_int64(); number != nullptr && *number == 0) return;
  if (const auto* text = value->if_string(); text != nullptr && text->empty()) return;
  key(name);
  if (AuditWeight weight(nullptr, true, kAuditEnvelope); !weight.take(*value, true, 1)) return masked_whole(*value);
  // Not data: one level of texts and numbers, made by the core. Deeper things, if there ever are any, are masked.
  if (const auto* object = value->if_object()) {
    m_out += '{';
    for (const auto& member : *object) {
      key({member.key().data(), member.key().size()});
      walk(member.value(), {.plain_keys = nullptr, .plain = true, .depth = 1});
    }
    return close();
  }
  walk(*value, {.plain_keys = nullptr, .plain = true, .depth = 1});
}

/// JSON wants UTF-8; paths and headers may be anything a peer sent.
void AuditLine::append_text(std::string_view text) {
  if (is_utf8(text)) return append_json_text(m_out, text);
  append_json_text(m_out, printable(text, text.size()));
}

template <class Integer>
void AuditLine::append_integer(Integer value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  m_out.append(text.data(), end);
}
template void AuditLine::append_integer(std::int64_t);
template void AuditLine::append_integer(std::uint64_t);

void AuditLine::append_number(double value) {
  if (!std::isfinite(value)) {
    m_out += "null";  // JSON has no other word for it
    return;
  }
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  m_out.append(text.data(), end);
}

/// RFC 3339 as Go prints it with nanoseconds: no zeros at the end of the fraction.
void AuditLine::append_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{'"'};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  char* to = two_digits(text.data() + 1, year / 100 % 100);
  *(to = two_digits(to, year % 100))++ = '-';
  *(to = two_digits(to, static_cast<unsigned>(date.month())))++ = '-';
  *(to = two_digits(to, static_cast<unsigned>(date.day())))++ = 'T';
  *(to = two_digits(to, static_cast<unsigned>(clock.hours().count())))++ = ':';
  *(to = two_digits(to, static_cast<unsigned>(clock.minutes().count())))++ = ':';
  to = two_digits(to, static_cast<unsigned>(clock.seconds().count()));
  if (const auto millis = static_cast<unsigned>(clock.subseconds().count()); millis != 0) {
    *to++ = '.';
    *to++ = static_cast<char>('0' + millis / 100);
    to = two_digits(to, millis % 100);
    while (to[-1] == '0') --to;
  }
  *to++ = 'Z';
  *to++ = '"';
  m_out.append(text.data(), to);
}

}  // namespace postern::vault
