// One line of one audit device: Vault's audit entry, written straight into a string.
//
// Source: the audit entries of Vault and OpenBao (types "request" and "response"). What is masked: every string in data at any depth (keys
// of objects stay), tokens, accessors unless the device says otherwise, values of headers that the device does not know as plain, and every
// error text that is not one of the core's fixed ones. What stays, as there: paths, addresses, display names, policies, token metadata
// (both APIs document that it is shown), warnings. Numbers and bools stay.
//
// Differences to Vault: members of data keep the client's order. One mask of the JSON text (no blanks, members in their order; of a string
// the string itself), also where it would be plain, stands for
//   - a value below 64 levels;
//   - a member of data that does not fit: data becomes at most kAuditData bytes, and who comes first is shown;
//   - all of data, as {"too_large": MASK}, when not even its keys with masks fit;
//   - a part of the envelope (metadata, policies) over kAuditEnvelope.
// So a line is at most about twice kAuditData for a response, which has the request in it, and a few kilobytes.
#pragma once

#include "vault/audit.hpp"
#include "vault/audit_mask.hpp"

namespace postern::vault {

/// Deeper values of data become one mask.
inline constexpr unsigned kAuditDepth = 64;
/// Of the data of a request or of an answer, in its line.
inline constexpr std::size_t kAuditData = 1024UL * 1024;
/// Of each part of the envelope that stays as it is.
inline constexpr std::size_t kAuditEnvelope = 64UL * 1024;

class AuditLine {
 public:
  /// Borrows everything for its life.
  AuditLine(std::string& out, AuditMask& mask, const AuditDeviceOptions& look, const AuditExchange& exchange)
      : m_out(out), m_mask(mask), m_look(look), m_exchange(exchange) {}
  /// Appends prefix, entry and line end.
  void write_request();
  void write_response();

 private:
  using Object = boost::json::object;
  using Value = boost::json::value;
  /// The keys of the mount whose strings stay, and whether the key that stands above the value is one of them.
  struct Walk {
    const std::vector<std::string>* plain_keys;
    bool plain;
    unsigned depth;
  };

  void begin(std::string_view type);
  void end();
  void caller();
  void policies(const AuditCaller& caller);
  void request();
  void request_anew();
  [[nodiscard]] std::string_view accessor_of_caller() const noexcept;
  void headers();
  void mount();
  void response();
  void response_auth(const Object& auth);
  void response_wrap(const Object& wrap);
  void response_data();
  void error();

  void data(std::string_view name, const Object& object, const std::vector<std::string>* plain_keys, bool elide);
  void walk(const Value& value, Walk at);
  template <class Json>
  void one_mask(const Json& value);
  void masked_whole(const Value& value);
  [[nodiscard]] bool fits(const Object& object, const Walk& at, bool elide) const;
  void walk_what_fits(const Object& object, const Walk& at, bool elide);
  void walk_object(const Object& object, Walk at, bool elide);
  [[nodiscard]] bool elides(std::string_view key, const Value& value) const;
  void string(std::string_view text, bool plain);

  // Members of the object that is open; empty ones are left out, as Vault does.
  void open(std::string_view name, char bracket = '{');
  void close(char bracket = '}') { m_out += bracket; }
  void comma();
  void key(std::string_view name);
  void own_key(std::string_view name);
  void text(std::string_view name, std::string_view value);
  void number(std::string_view name, std::int64_t value);
  void token(std::string_view name, std::string_view value);
  void accessor(std::string_view name, std::string_view value);
  void texts(std::string_view name, const std::vector<std::string>& values);
  void same(std::string_view name, const Object& from, std::string_view from_name);
  void append_text(std::string_view text);
  void append_number(double value);
  template <class Integer>
  void append_integer(Integer value);
  void append_time(WallTime time);

  std::string& m_out;
  AuditMask& m_mask;
  const AuditDeviceOptions& m_look;
  const AuditExchange& m_exchange;
  bool m_second = false;  // the response: the echo has what the request's line said
};

}  // namespace postern::vault
