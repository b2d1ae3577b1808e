#include "vault/fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "base/text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

// Ten thousand years fit many times; what is longer is a mistake, and sums with it must not overflow.
constexpr std::int64_t kLongestDuration = 1'000'000'000'000;

tl::unexpected<Error> expected(std::string_view what) { return fail(ErrorCode::BadInput, "expected " + std::string(what)); }

std::string_view as_view(const json::string& text) noexcept { return {text.data(), text.size()}; }

Result<std::string> weak_text(const json::value& value) {
  if (const json::string* text = value.if_string()) return std::string(as_view(*text));
  if (value.is_bool() || value.is_number()) return json::serialize(value);
  return expected("a string");
}

Result<std::int64_t> integer_from(std::string_view text) {
  text = trim(text);
  if (text.empty()) return 0;  // as clients that send every flag, set or not
  if (text.front() == '+' && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return expected("an integer");
  return number;
}

Result<std::int64_t> integer_from(double number) {
  // 2^63 is a double, the largest int64 is not.
  if (!(number >= -0x1p63 && number < 0x1p63) || number != std::trunc(number)) return expected("an integer");
  return static_cast<std::int64_t>(number);
}

struct Unit {
  std::string_view name;
  long double in_seconds;
};
constexpr std::array<Unit, 9> kUnits{
    {{"ns", 1e-9L}, {"us", 1e-6L}, {"\xc2\xb5s", 1e-6L}, {"ms", 1e-3L}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}}};

// One "1.5h" off the front of `text`, in seconds.
std::optional<long double> take_part(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  if (digits == 0 || digits > 24) return {};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + digits) return {};
  text.remove_prefix(digits);
  const std::string_view name = text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
  const auto unit = std::ranges::find(kUnits, name, &Unit::name);
  if (unit == kUnits.end()) return {};
  text.remove_prefix(name.size());
  return static_cast<long double>(number) * unit->in_seconds;
}

Result<seconds> duration_from(std::string_view text) {
  text = trim(text);
  if (text.empty()) return seconds(0);
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  if (text.empty()) return expected("a duration");
  long double sum = 0;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    POSTERN_TRY(const std::int64_t number, integer_from(text));
    sum = static_cast<long double>(number);
    text = {};
  }
  while (!text.empty()) {
    const std::optional<long double> part = take_part(text);
    if (!part) return expected("a duration such as 3600, \"90m\" or \"1h30m\"");
    sum += *part;
  }
  if (sum > kLongestDuration) return expected("a shorter duration");
  const auto whole = static_cast<std::int64_t>(sum);
  return seconds(negative ? -whole : whole);
}

Result<seconds> signed_duration(const json::value& value) {
  if (const json::string* text = value.if_string()) return duration_from(as_view(*text));
  if (!value.is_number()) return expected("a duration");
  POSTERN_TRY(const std::int64_t number, value.is_double() ? integer_from(std::trunc(value.get_double())) : weak_integer(value));
  if (number > kLongestDuration || number < -kLongestDuration) return expected("a shorter duration");
  return seconds(number);
}

void add_elements(std::vector<std::string>& out, std::string_view text) {
  for (const std::string_view piece : split(text, ',')) {
    if (const std::string_view element = trim(piece); !element.empty()) out.emplace_back(element);
  }
}

Result<std::vector<std::string>> plain_strings(const json::value& value) {
  std::vector<std::string> out;
  const json::array* array = value.if_array();
  if (array == nullptr) {
    POSTERN_TRY(std::string only, weak_text(value));
    out.push_back(std::move(only));
    return out;
  }
  for (const json::value& element : *array) {
    POSTERN_TRY(std::string text, weak_text(element));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::vector<std::int64_t>> weak_integers(const json::value& value) {
  std::vector<std::int64_t> out;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) {
      POSTERN_TRY(const std::int64_t number, weak_integer(element));
      out.push_back(number);
    }
    return out;
  }
  POSTERN_TRY(const std::vector<std::string> texts, weak_comma_strings(value));
  for (const std::string& text : texts) {
    POSTERN_TRY(const std::int64_t number, integer_from(text));
    out.push_back(number);
  }
  return out;
}

using StringMap = std::vector<std::pair<std::string, std::string>>;

Status add_pair(StringMap& out, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return expected("an object of strings, or \"key=value\"");
  out.emplace_back(trim(text.substr(0, equals)), trim(text.substr(equals + 1)));
  return {};
}

Result<StringMap> map_from(const json::object& object) {
  StringMap out;
  for (const auto& member : object) {
    POSTERN_TRY(std::string text, weak_text(member.value()));
    out.emplace_back(std::string(member.key()), std::move(text));
  }
  return out;
}

// Objects; and what command lines make of a map: "a=b", ["a=b", "c=d"], or JSON in a string.
Result<StringMap> weak_map(const json::value& value) {
  if (const json::object* object = value.if_object()) return map_from(*object);
  StringMap out;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) {
      POSTERN_TRY(const std::string text, weak_text(element));
      POSTERN_CHECK(add_pair(out, text));
    }
    return out;
  }
  const json::string* text = value.if_string();
  if (text == nullptr) return expected("an object of strings");
  const std::string_view trimmed = trim(as_view(*text));
  if (trimmed.empty()) return out;
  if (trimmed.front() == '{') {
    boost::system::error_code error;
    const json::value parsed = json::parse(json::string_view(trimmed.data(), trimmed.size()), error);
    if (error || !parsed.is_object()) return expected("an object of strings");
    return map_from(parsed.get_object());
  }
  for (const std::string_view piece : split(trimmed, ',')) POSTERN_CHECK(add_pair(out, piece));
  return out;
}

template <class T>
Status dropped(const Result<T>& result) {
  if (!result) return fail(result.error());
  return {};
}

Status check_duration(const json::value& value, bool may_be_negative) {
  POSTERN_TRY(const seconds duration, signed_duration(value));
  if (duration < seconds(0) && !may_be_negative) return fail(ErrorCode::BadInput, "cannot provide negative value");
  return {};
}

Status check_text(FieldType type, const json::value& value) {
  if (type == FieldType::String && value.is_string()) return {};  // the usual case, and perhaps megabytes
  POSTERN_TRY(const std::string text, weak_text(value));
  if (type == FieldType::Name && !is_engine_name(text)) return expected("a name of letters, digits, '_', '-' and '.'");
  return {};
}

Status check(FieldType type, const json::value& value) {
  switch (type) {
    case FieldType::String:
    case FieldType::Name: return check_text(type, value);
    case FieldType::Integer: return dropped(weak_integer(value));
    case FieldType::Bool: return dropped(weak_bool(value));
    case FieldType::Duration: return check_duration(value, false);
    case FieldType::SignedDuration: return check_duration(value, true);
    case FieldType::CommaStrings: return dropped(weak_comma_strings(value));
    case FieldType::Strings: return dropped(plain_strings(value));
    case FieldType::Integers: return dropped(weak_integers(value));
    case FieldType::StringMap: return dropped(weak_map(value));
    case FieldType::Object: return value.is_object() ? Status() : expected("an object");
    case FieldType::Array: return value.is_array() ? Status() : expected("an array");
    case FieldType::Any: return {};
  }
  return {};
}

Error in_field(std::string_view name, const Error& error) {
  return {ErrorCode::BadInput, "error converting input for field \"" + std::string(name) + "\": " + error.what, std::string(name)};
}

json::value fallback_of(const FieldSpec& spec) {
  if (spec.fallback.empty()) return nullptr;
  return json::parse(json::string_view(spec.fallback.data(), spec.fallback.size()));
}

bool is_word(char c) noexcept { return is_alnum(c) || c == '_'; }

[[noreturn]] void misuse(std::string_view name, const char* why) { throw std::logic_error("field \"" + std::string(name) + "\" " + why); }

void must_be(const FieldSpec& spec, std::initializer_list<FieldType> types) {
  if (std::ranges::find(types, spec.type) == types.end()) misuse(spec.name, "is asked for as another type");
}

}  // namespace

bool is_engine_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 128 || !is_word(name.front()) || !is_word(name.back())) return false;
  return std::ranges::all_of(name, [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

Result<std::int64_t> weak_integer(const json::value& value) {
  if (const std::int64_t* number = value.if_int64()) return *number;
  if (value.is_uint64()) return expected("a smaller integer");
  if (const double* number = value.if_double()) return integer_from(*number);
  if (const json::string* text = value.if_string()) return integer_from(as_view(*text));
  return expected("an integer");
}

Result<bool> weak_bool(const json::value& value) {
  if (const bool* flag = value.if_bool()) return *flag;
  if (value.is_number()) return value.to_number<double>() != 0;
  const json::string* text = value.if_string();
  if (text == nullptr) return expected("a bool");
  const std::string word = to_lower(trim(as_view(*text)));
  if (word == "true" || word == "t" || word == "1") return true;
  if (word.empty() || word == "false" || word == "f" || word == "0") return false;
  return expected("a bool");
}

Result<seconds> weak_duration(const json::value& value) {
  POSTERN_CHECK(check_duration(value, false));
  return signed_duration(value);
}

Result<std::vector<std::string>> weak_comma_strings(const json::value& value) {
  POSTERN_TRY(const std::vector<std::string> texts, plain_strings(value));
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    if (value.is_array()) {
      if (const std::string_view element = trim(text); !element.empty()) out.emplace_back(element);
    } else {
      add_elements(out, text);
    }
  }
  return out;
}

Result<Fields> Fields::read(std::span<const FieldSpec> specs, const json::object& data,
                            std::span<const std::pair<std::string_view, std::string>> captures) {
  const Fields fields(specs, data, captures);
  for (const FieldSpec& spec : specs) {
    if (const std::string* captured = fields.captured(spec.name)) {
      if (spec.type == FieldType::String) continue;
      if (Status fits = check(spec.type, json::value(*captured)); !fits) return fail(in_field(spec.name, fits.error()));
    } else if (const json::value& value = fields.raw(spec.name); !value.is_null()) {
      if (Status fits = check(spec.type, value); !fits) return fail(in_field(spec.name, fits.error()));
    }
  }
  return fields;
}

const FieldSpec& Fields::spec(std::string_view name) const {
  const auto found = std::ranges::find(m_specs, name, &FieldSpec::name);
  if (found == m_specs.end()) misuse(name, "is not declared");
  return *found;
}

const std::string* Fields::captured(std::string_view name) const noexcept {
  const auto found = std::ranges::find(m_captures, name, &std::pair<std::string_view, std::string>::first);
  return found == m_captures.end() ? nullptr : &found->second;
}

const json::value& Fields::raw(std::string_view name) const {
  static const json::value none;
  const json::value* value = m_data->if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr ? none : *value;
}

json::value Fields::effective(const FieldSpec& spec) const {
  if (const std::string* text = captured(spec.name)) return json::value(*text);
  const json::value& value = raw(spec.name);
  return value.is_null() ? fallback_of(spec) : value;
}

bool Fields::has(std::string_view name) const { return captured(name) != nullptr || !raw(spec(name).name).is_null(); }

std::string Fields::text(std::string_view name) const {
  const FieldSpec& declared = spec(name);
  must_be(declared, {FieldType::String, FieldType::Name});
  if (const std::string* captured_text = captured(name)) return *captured_text;
  if (const json::string* given = raw(name).if_string()) return std::string(as_view(*given));
  const json::value value = effective(declared);
  return value.is_null() ? std::string() : weak_text(value).value();
}

std::string_view Fields::text_view(std::string_view name) const {
  must_be(spec(name), {FieldType::String, FieldType::Name, FieldType::Any});
  if (const std::string* captured_text = captured(name)) return *captured_text;
  const json::string* given = raw(name).if_string();
  return given == nullptr ? std::string_view() : as_view(*given);
}

std::int64_t Fields::integer(std::string_view name) const {
  must_be(spec(name), {FieldType::Integer});
  const json::value value = effective(spec(name));
  return value.is_null() ? 0 : weak_integer(value).value();
}

bool Fields::flag(std::string_view name) const {
  must_be(spec(name), {FieldType::Bool});
  const json::value value = effective(spec(name));
  return !value.is_null() && weak_bool(value).value();
}

seconds Fields::duration(std::string_view name) const {
  must_be(spec(name), {FieldType::Duration, FieldType::SignedDuration});
  const json::value value = effective(spec(name));
  return value.is_null() ? seconds(0) : signed_duration(value).value();
}

std::vector<std::string> Fields::strings(std::string_view name) const {
  const FieldSpec& declared = spec(name);
  must_be(declared, {FieldType::CommaStrings, FieldType::Strings});
  const json::value value = effective(declared);
  if (value.is_null()) return {};
  return (declared.type == FieldType::CommaStrings ? weak_comma_strings(value) : plain_strings(value)).value();
}

std::vector<std::int64_t> Fields::integers(std::string_view name) const {
  must_be(spec(name), {FieldType::Integers});
  const json::value value = effective(spec(name));
  return value.is_null() ? std::vector<std::int64_t>() : weak_integers(value).value();
}

StringMap Fields::string_map(std::string_view name) const {
  must_be(spec(name), {FieldType::StringMap});
  const json::value value = effective(spec(name));
  return value.is_null() ? StringMap() : weak_map(value).value();
}

}  // namespace postern::vault
