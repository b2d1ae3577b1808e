#include "vaultkeeper/answer.hpp"

#include "base/text.hpp"
#include "vault/memory.hpp"
#include "vaultkeeper/transport.hpp"

namespace postern::vaultkeeper {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostDepth = 16;
constexpr std::size_t kMostWords = 300;

std::string_view view_of(const json::string& text) noexcept { return {text.data(), text.size()}; }

// Unavailable, not BadInput: it is no fault of the message for which we asked.
tl::unexpected<Error> odd(std::string_view name, std::string_view what) {
  return fail(ErrorCode::Unavailable,
              "the Vault's answer has no " + std::string(what) + " of that name: see that the address is that of a Vault",
              std::string(name));
}

const json::value* member_of(const json::object* object, std::string_view name) noexcept {
  return object == nullptr ? nullptr : object->if_contains(name);
}

}  // namespace

Result<Answer> Answer::read(unsigned status, ByteView body) {
  if (body.size() > kAnswerLimit) return fail(ErrorCode::TooLarge, "the Vault answers with more than 1 MiB");
  const bool good = status >= 200 && status < 300;
  if (trim(as_text(body)).empty()) return Answer(status, json::value());
  boost::system::error_code error;
  json::value root = json::parse(as_text(body), error, vault::wiped_memory(), {.max_depth = kMostDepth});
  if (error || !root.is_object()) {
    if (good) return fail(ErrorCode::BadInput, "the answer is no JSON of the Vault API: see that the address is that of a Vault");
    return Answer(status, json::value());
  }
  return Answer(status, std::move(root));
}

std::string Answer::errors() const {
  const auto* list = member_of(top(), "errors");
  const auto* texts = list == nullptr ? nullptr : list->if_array();
  std::string out;
  if (texts == nullptr) return out;
  for (const json::value& item : *texts) {
    const auto* text = item.if_string();
    if (text == nullptr || out.size() >= kMostWords) continue;
    // Multi-errors are lists over several lines; one line is enough for a log.
    std::string flat;
    for (const char c : view_of(*text)) {
      if (c != '\n' && c != '\t')
        flat += c;
      else if (!flat.empty() && flat.back() != ' ')
        flat += ' ';
      if (flat.size() >= kMostWords) break;
    }
    out += (out.empty() ? "" : "; ") + printable(trim(flat), kMostWords);
  }
  return out.substr(0, kMostWords);
}

const json::object* Answer::part(std::string_view name) const noexcept {
  const auto* value = member_of(top(), name);
  return value == nullptr ? nullptr : value->if_object();
}

Result<std::string_view> text_of(const json::object* object, std::string_view name) {
  const auto* value = member_of(object, name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return odd(name, "text");
  return view_of(*text);
}

Result<std::int64_t> number_of(const json::object* object, std::string_view name) {
  const auto* value = member_of(object, name);
  if (value == nullptr) return odd(name, "number");
  if (const auto* whole = value->if_int64()) return *whole;
  // The API's numbers are whole; 2^53 and beyond is nothing that it means.
  if (const auto* real = value->if_double(); real != nullptr && *real >= 0 && *real < 9e15) return static_cast<std::int64_t>(*real);
  return odd(name, "number");
}

bool flag_of(const json::object* object, std::string_view name) noexcept {
  const auto* value = member_of(object, name);
  const auto* flag = value == nullptr ? nullptr : value->if_bool();
  return flag != nullptr && *flag;
}

Result<SecretBytes> secret_of(const json::object* object, std::string_view name) {
  POSTERN_TRY(const std::string_view text, text_of(object, name));
  SecretBytes room(base64_room(text.size()));
  const auto size = base64_read(text, room.span());
  if (!size) return odd(name, "base64");
  return *size == room.size() ? std::move(room) : SecretBytes(room.view().first(*size));
}

BodyWriter::BodyWriter() : m_object(vault::wiped_memory()) {}

BodyWriter& BodyWriter::text(std::string_view name, std::string_view value) {
  m_object[name].emplace_string().assign(value);
  return *this;
}

BodyWriter& BodyWriter::base64(std::string_view name, ByteView value) {
  json::string& text = m_object[name].emplace_string();
  text.resize(base64_size(value.size()));
  base64_write(value, text.data());
  return *this;
}

BodyWriter& BodyWriter::number(std::string_view name, std::int64_t value) {
  m_object[name] = value;
  return *this;
}

BodyWriter& BodyWriter::flag(std::string_view name, bool value) {
  m_object[name] = value;
  return *this;
}

BodyWriter& BodyWriter::batch(std::string_view name, std::string_view member, const std::vector<std::string>& values) {
  json::array& items = m_object[name].emplace_array();
  for (const std::string& value : values) items.emplace_back(json::object{{member, value}});
  return *this;
}

SecretBytes BodyWriter::take() { return vault::to_secret(json::value(std::move(m_object))); }

}  // namespace postern::vaultkeeper
