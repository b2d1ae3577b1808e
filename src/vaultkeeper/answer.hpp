// What the external Vault answered, read totally and bounded: its bytes are foreign bytes.
//
// Everything lies in memory that is wiped with the answer, because answers hold keys and tokens.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "base/base64.hpp"
#include "base/secret.hpp"

namespace postern::vaultkeeper {

class Answer {
 public:
  /// Statuses from 200 to 299 must carry JSON of the API or nothing (BadInput: the address is not that of a Vault); for others what cannot
  /// be read is left out. TooLarge above kAnswerLimit, nesting at most 16.
  [[nodiscard]] static Result<Answer> read(unsigned status, ByteView body);

  [[nodiscard]] unsigned status() const noexcept { return m_status; }
  [[nodiscard]] bool good() const noexcept { return m_status >= 200 && m_status < 300; }
  /// The server's own words, made printable and cut; empty when it said nothing.
  [[nodiscard]] std::string errors() const;

  /// Top-level object, `data` and `auth` of the envelope; null when it has none.
  [[nodiscard]] const boost::json::object* top() const noexcept { return m_root.if_object(); }
  [[nodiscard]] const boost::json::object* data() const noexcept { return part("data"); }
  [[nodiscard]] const boost::json::object* auth() const noexcept { return part("auth"); }

 private:
  Answer(unsigned status, boost::json::value root) : m_status(status), m_root(std::move(root)) {}
  [[nodiscard]] const boost::json::object* part(std::string_view name) const noexcept;

  unsigned m_status;
  boost::json::value m_root;
};

/// Members of an answer's object (null: no object), with one kind of error for all: Unavailable, which names the member (a Vault that
/// answers oddly is not at hand; the message for which we asked can wait).
[[nodiscard]] Result<std::string_view> text_of(const boost::json::object* object, std::string_view name);
[[nodiscard]] Result<std::int64_t> number_of(const boost::json::object* object, std::string_view name);
/// false when it is not there.
[[nodiscard]] bool flag_of(const boost::json::object* object, std::string_view name) noexcept;
/// Base64 (RFC 4648 4) into wiped memory.
[[nodiscard]] Result<SecretBytes> secret_of(const boost::json::object* object, std::string_view name);

/// A body to be sent, in wiped memory.
class BodyWriter {
 public:
  BodyWriter();
  BodyWriter& text(std::string_view name, std::string_view value);
  BodyWriter& base64(std::string_view name, ByteView value);
  BodyWriter& number(std::string_view name, std::int64_t value);
  BodyWriter& flag(std::string_view name, bool value);
  /// [{"MEMBER": text}, ...]
  BodyWriter& batch(std::string_view name, std::string_view member, const std::vector<std::string>& values);
  /// Once.
  [[nodiscard]] SecretBytes take();

 private:
  boost::json::object m_object;
};

}  // namespace postern::vaultkeeper
