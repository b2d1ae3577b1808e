#include "vault/audit_line.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "vault/audit_weight.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

std::string_view text_of(const json::object& object, std::string_view name) noexcept {
  const json::value* value = object.if_contains(name);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view();
}

bool has(const std::vector<std::string>* names, std::string_view name) noexcept {
  return names != nullptr && std::ranges::any_of(*names, [&](const std::string& each) { return each == name; });
}

/// Texts of the core that hold nothing of a request: readers look for them.
bool is_fixed_error(std::string_view text) noexcept {
  static constexpr std::array<std::string_view, 11> kFixed = {"permission denied",
                                                              "1 error occurred:\n\t* permission denied\n\n",
                                                              "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
                                                              "2 errors occurred:\n\t* permission denied\n\t* missing client token\n\n",
                                                              "1 error occurred:\n\t* unsupported path\n\n",
                                                              "1 error occurred:\n\t* unsupported operation\n\n",
                                                              "unsupported path",
                                                              "unsupported operation",
                                                              "missing client token",
                                                              "internal error: the log says more",
                                                              "Vault is sealed"};
  return std::ranges::find(kFixed, text) != kFixed.end();
}

}  // namespace

void AuditLine::write_request() {
  begin("request");
  caller();
  request();
  error();
  end();
}

void AuditLine::write_response() {
  m_second = true;
  begin("response");
  caller();
  request();
  response();
  error();
  end();
}

void AuditLine::begin(std::string_view type) {
  m_out += m_look.prefix;
  m_out += '{';
  key("time");
  append_time(m_exchange.time);
  text("type", type);
}

void AuditLine::end() { m_out += "}\n"; }

void AuditLine::caller() {
  open("auth");
  if (const AuditCaller* caller = m_exchange.caller) {
    token("client_token", caller->token);
    accessor("accessor", caller->accessor);
    text("display_name", caller->display_name);
    policies(*caller);
    number("num_uses", caller->num_uses);
    text("entity_id", caller->entity_id);
    text("token_type", caller->token_type);
    number("token_ttl", caller->ttl_seconds);
    text("token_issue_time", caller->issue_time);
  } else {
    text("token_type", "default");
  }
  close();
}

void AuditLine::policies(const AuditCaller& caller) {
  texts("policies", caller.policies);
  texts("token_policies", caller.policies);
  open("policy_results");
  key("allowed");
  m_out += caller.allowed ? "true" : "false";
  if (!caller.granting_policies.empty()) {
    open("granting_policies", '[');
    for (const std::string& name : caller.granting_policies) {
      comma();
      m_out += '{';
      key("name");
      append_text(name);
      m_out += R"(,"namespace_id":"root","type":"acl"})";
    }
    close(']');
  }
  close();
}

std::string_view AuditLine::accessor_of_caller() const noexcept {
  return m_exchange.caller != nullptr ? m_exchange.caller->accessor : std::string_view();
}

void AuditLine::request() {
  AuditEcho* const echo = m_exchange.echo;
  if (echo == nullptr) return request_anew();
  if (m_second) {
    for (const AuditEcho::Part& part : echo->m_parts) {
      if (part.device == &m_look && part.accessor == accessor_of_caller()) return (void)(m_out += part.text);
    }
  }
  const std::size_t begin = m_out.size();  // with the comma: neither line begins with this
  request_anew();
  if (!m_second) echo->m_parts.push_back({&m_look, std::string(accessor_of_caller()), m_out.substr(begin)});
}

void AuditLine::request_anew() {
  const Request& request = m_exchange.request;
  open("request");
  text("id", request.id);
  text("operation", name_of(m_exchange.operation));
  mount();
  token("client_token", request.token);
  if (m_exchange.caller != nullptr) accessor("client_token_accessor", m_exchange.caller->accessor);
  m_out += R"(,"namespace":{"id":"root"})";
  text("path", request.path);
  if (!request.data.empty()) data("data", request.data, m_exchange.mount.plain_request_keys, false);
  text("remote_address", request.remote_address);
  number("remote_port", request.remote_port);
  if (request.wrap_ttl) number("wrap_ttl", request.wrap_ttl->count());
  headers();
  close();
}

void AuditLine::headers() {
  const auto& sent = m_exchange.request.headers;
  if (sent.empty()) return;
  open("headers");
  for (auto each = sent.begin(); each != sent.end(); ++each) {
    const auto same_name = [&](const auto& other) { return iequals(other.first, each->first); };
    if (std::find_if(sent.begin(), each, same_name) != each) continue;  // its values stand with the first of that name
    key(each->first);                                                   // the client's word
    m_out += '[';
    const bool plain = std::ranges::any_of(m_look.plain_headers, [&](const std::string& name) { return iequals(name, each->first); });
    for (auto other = each; other != sent.end(); ++other) {
      if (!same_name(*other)) continue;
      comma();
      string(other->second, plain);
    }
    close(']');
  }
  close();
}

void AuditLine::mount() {
  const AuditMount& mount = m_exchange.mount;
  if (mount.path.empty()) return;
  text("mount_point", mount.path);
  text("mount_type", mount.type);
  text("mount_accessor", mount.accessor);
  text("mount_class", mount.is_auth ? "auth" : "secret");
}

void AuditLine::response() {
  open("response");
  if (m_exchange.response_auth != nullptr) response_auth(*m_exchange.response_auth);
  mount();
  response_data();
  texts("warnings", m_exchange.warnings);
  if (m_exchange.response_wrap != nullptr) response_wrap(*m_exchange.response_wrap);
  close();
}

void AuditLine::response_auth(const Object& auth) {
  open("auth");
  token("client_token", text_of(auth, "client_token"));
  accessor("accessor", text_of(auth, "accessor"));
  for (const std::string_view name :
       {"display_name", "policies", "token_policies", "identity_policies", "metadata", "num_uses", "entity_id", "token_type"})
    same(name, auth, name);
  same("token_ttl", auth, "lease_duration");
  close();
}

void AuditLine::response_wrap(const Object& wrap) {
  open("wrap_info");
  same("ttl", wrap, "ttl");
  token("token", text_of(wrap, "token"));
  accessor("accessor", text_of(wrap, "accessor"));
  same("creation_time", wrap, "creation_time");
  same("creation_path", wrap, "creation_path");
  accessor("wrapped_accessor", text_of(wrap, "wrapped_accessor"));
  close();
}

void AuditLine::response_data() {
  const std::vector<std::string>* plain = m_exchange.mount.plain_response_keys;
  if (m_exchange.response_data != nullptr) {
    const bool list = m_exchange.operation == Operation::List || m_exchange.operation == Operation::Scan;
    data("data", *m_exchange.response_data, plain, list && m_look.elide_list_responses);
  } else if (!m_exchange.error.empty()) {
    open("data");  // as Vault's error responses
    key("error");
    string(m_exchange.error, has(plain, "error"));
    close();
  }
}

void AuditLine::error() {
  if (m_exchange.error.empty()) return;
  key("error");
  string(m_exchange.error, is_fixed_error(m_exchange.error) || has(m_exchange.mount.plain_response_keys, "error"));
}

void AuditLine::data(std::string_view name, const Object& object, const std::vector<std::string>* plain_keys, bool elide) {
  key(name);
  const Walk at{.plain_keys = plain_keys, .plain = m_look.log_raw, .depth = 1};
  fits(object, at, elide) ? walk_object(object, at, elide) : walk_what_fits(object, at, elide);
}

bool AuditLine::fits(const Object& object, const Walk& at, bool elide) const {
  AuditWeight weight(at.plain_keys, m_look.log_raw, kAuditData);
  return std::ranges::all_of(object, [&](const auto& member) {
    const std::string_view name(member.key().data(), member.key().size());
    if (!weight.take_key(name)) return false;
    return elide && elides(name, member.value()) ? weight.take(kAuditMaskSize)
                                                 : weight.take(member.value(), has(at.plain_keys, name), at.depth);
  });
}

void AuditLine::walk_what_fits(const Object& object, const Walk& at, bool elide) {
  AuditWeight least(at.plain_keys, m_look.log_raw, kAuditData);  // every key, with a mask
  const bool keys_fit = std::ranges::all_of(object, [&](const auto& member) {
    return least.take_key({member.key().data(), member.key().size()}) && least.take(kAuditMaskSize + 1);
  });
  m_out += '{';
  if (!keys_fit) {
    key("too_large");
    one_mask(object);
    return close();
  }
  std::size_t left = least.left();
  for (const auto& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    const bool plain = m_look.log_raw || has(at.plain_keys, name);
    AuditWeight weight(at.plain_keys, m_look.log_raw, left + kAuditMaskSize + 1);  // its mask was counted already
    key(name);
    if (elide && elides(name, member.value())) {
      append_integer(member.value().is_array() ? member.value().get_array().size() : member.value().get_object().size());
    } else if (weight.take(member.value(), plain, at.depth)) {
      left = std::min(left, weight.left());
      walk(member.value(), {.plain_keys = at.plain_keys, .plain = plain, .depth = at.depth});
    } else {
      masked_whole(member.value());
    }
  }
  close();
}

void AuditLine::walk(const Value& value, Walk at) {
  switch (value.kind()) {
    case json::kind::null: m_out += "null"; return;
    case json::kind::bool_: m_out += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: return append_integer(value.get_int64());
    case json::kind::uint64: return append_integer(value.get_uint64());
    case json::kind::double_: return append_number(value.get_double());
    case json::kind::string: return string({value.get_string().data(), value.get_string().size()}, at.plain);
    default: break;
  }
  if (at.depth >= kAuditDepth) return one_mask(value);
  ++at.depth;
  if (value.is_object()) return walk_object(value.get_object(), at, false);
  m_out += '[';
  for (const Value& element : value.get_array()) {
    comma();
    walk(element, at);
  }
  m_out += ']';
}

/// In pieces, so that the text never stands anywhere as a whole.
template <class Json>
void AuditLine::one_mask(const Json& value) {
  json::serializer serializer;
  serializer.reset(&value);
  std::array<char, 1024> buffer;
  while (!serializer.done()) {
    const auto piece = serializer.read(buffer.data(), buffer.size());
    m_mask.feed({piece.data(), piece.size()});
  }
  wipe(ByteSpan(reinterpret_cast<Byte*>(buffer.data()), buffer.size()));
  m_out += '"';
  m_mask.finish(m_out);
  m_out += '"';
}

/// Of a string as always, so that who knows it finds it by its hash.
void AuditLine::masked_whole(const Value& value) {
  const auto* text = value.if_string();
  if (text == nullptr) return one_mask(value);
  m_out += '"';
  m_mask.append(m_out, {text->data(), text->size()});
  m_out += '"';
}

void AuditLine::walk_object(const Object& object, Walk at, bool elide) {
  m_out += '{';
  for (const auto& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    key(name);
    if (elide && elides(name, member.value())) {
      append_integer(member.value().is_array() ? member.value().get_array().size() : member.value().get_object().size());
      continue;
    }
    // As in Vault: the nearest key decides, also for what stands in a list below it.
    walk(member.value(), {.plain_keys = at.plain_keys, .plain = m_look.log_raw || has(at.plain_keys, name), .depth = at.depth});
  }
  m_out += '}';
}

/// A list's answer becomes its length: thousands of masks say no more.
bool AuditLine::elides(std::string_view key, const Value& value) const {
  return (key == "keys" && value.is_array()) || (key == "key_info" && value.is_object());
}

void AuditLine::string(std::string_view text, bool plain) {
  if (plain || m_look.log_raw) return append_text(text);
  m_out += '"';
  m_mask.append(m_out, text);
  m_out += '"';
}

}  // namespace postern::vault
