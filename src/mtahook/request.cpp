#include "mtahook/request.hpp"

#include <array>
#include <boost/json.hpp>

#include "base/text.hpp"
#include "dns/ip_address.hpp"

namespace postern::mtahook {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kStages> kNames{"connect", "ehlo", "mail", "rcpt", "data"};
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

Result<json::value> read_json(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepth;
  json::stream_parser parser({}, options);
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (error == json::error::too_deep)
    return fail(ErrorCode::BadInput, "is nested deeper than " + std::to_string(kDepth) + " levels, at octet " + std::to_string(read),
                "body");
  if (!error && read < text.size() && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    return fail(ErrorCode::BadInput, "has more text behind the JSON document, at octet " + std::to_string(read), "body");
  if (!error) parser.finish(error);
  if (error) return fail(ErrorCode::BadInput, "is no JSON at octet " + std::to_string(read) + ": " + error.message(), "body");
  return parser.release();
}

/// One object of the document and where it stands.
class Node {
 public:
  Node(const json::object& object, std::string path) : m_object(&object), m_path(std::move(path)) {}

  [[nodiscard]] std::string at(std::string_view name) const {
    return m_path.empty() ? std::string(name) : m_path + "." + std::string(name);
  }

  /// Null where it is absent or null.
  [[nodiscard]] const json::value* find(std::string_view name) const {
    const json::value* value = m_object->if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  [[nodiscard]] Result<std::optional<Node>> object(std::string_view name) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::optional<Node>();
    if (!value->is_object()) return fail(ErrorCode::BadInput, "must be an object", at(name));
    return std::optional<Node>(Node(value->get_object(), at(name)));
  }
  [[nodiscard]] Result<Node> needed(std::string_view name) const {
    POSTERN_TRY(const auto found, object(name));
    if (!found) return fail(ErrorCode::BadInput, "is missing", at(name));
    return *found;
  }

  [[nodiscard]] Result<std::string> text(std::string_view name, std::size_t limit) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::string();
    if (!value->is_string()) return fail(ErrorCode::BadInput, "must be a text", at(name));
    const std::string_view text(value->get_string());
    if (text.size() > limit) return fail(ErrorCode::TooLarge, "is longer than " + std::to_string(limit) + " octets", at(name));
    if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos)
      return fail(ErrorCode::BadInput, "must be one line", at(name));
    return std::string(text);
  }
  [[nodiscard]] Result<std::string> needed_text(std::string_view name, std::size_t limit) const {
    if (find(name) == nullptr) return fail(ErrorCode::BadInput, "is missing", at(name));
    return text(name, limit);
  }

  [[nodiscard]] Result<std::uint64_t> number(std::string_view name, std::uint64_t most) const {
    const json::value* value = find(name);
    if (value == nullptr) return std::uint64_t{0};
    boost::system::error_code wrong;
    const auto number = value->to_number<std::uint64_t>(wrong);
    if (wrong || value->is_double() || number > most)
      return fail(ErrorCode::BadInput, "must be a whole number up to " + std::to_string(most), at(name));
    return number;
  }

  /// Null where it is absent.
  [[nodiscard]] Result<const json::array*> list(std::string_view name) const {
    const json::value* value = find(name);
    if (value == nullptr) return static_cast<const json::array*>(nullptr);
    if (!value->is_array()) return fail(ErrorCode::BadInput, "must be a list", at(name));
    return &value->get_array();
  }

 private:
  const json::object* m_object;
  std::string m_path;
};

/// Stalwart tells a line without a colon as a name too, its line end with it.
bool is_name(std::string_view name) {
  return !name.empty() && !is_wsp(name.front()) && name.find_first_of(std::string_view("\0\r\n:", 4)) == std::string_view::npos;
}

bool is_lossy(const HeaderField& field) {
  return field.name.find(kReplacement) != std::string::npos || field.value.find(kReplacement) != std::string::npos;
}

std::string element(const std::string& list, std::size_t at) { return list + "[" + std::to_string(at) + "]"; }

Result<std::uint16_t> port_of(const Node& node) {
  POSTERN_TRY(const auto number, node.number("port", 65535));
  return static_cast<std::uint16_t>(number);
}

class Reader {
 public:
  explicit Reader(const RequestLimits& limits) : m_limits(limits) {}

  Result<Request> read(const Node& root) {
    POSTERN_TRY(const Node context, root.needed("context"));
    Request out;
    POSTERN_CHECK(read_context(context, out));
    POSTERN_CHECK(read_session(context, out));
    if (out.stage == Stage::Connect || out.stage == Stage::Ehlo) return out;
    POSTERN_TRY(const Node envelope, root.needed("envelope"));
    POSTERN_TRY(out.envelope, read_envelope(envelope, out.stage));
    if (out.stage != Stage::Data) return out;
    POSTERN_TRY(const Node message, root.needed("message"));
    POSTERN_TRY(out.message, read_message(message));
    return out;
  }

 private:
  /// What says how to understand the rest.
  Status read_context(const Node& context, Request& out) const {
    POSTERN_TRY(const Node protocol, context.needed("protocol"));
    POSTERN_TRY(const auto version, protocol.number("version", 1'000'000));
    if (version != 1) return fail(ErrorCode::BadInput, "must be 1; no other version of the protocol is known here", protocol.at("version"));
    POSTERN_TRY(const std::string stage, context.needed_text("stage", m_limits.text_bytes));
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (stage != kNames[i]) continue;
      out.stage = static_cast<Stage>(i);
      return {};
    }
    return fail(ErrorCode::BadInput, "must be connect, ehlo, mail, rcpt or data", context.at("stage"));
  }

  Status read_session(const Node& context, Request& out) const {
    POSTERN_TRY(const Node client, context.needed("client"));
    POSTERN_TRY(out.client, read_client(client));
    POSTERN_TRY(const auto sasl, context.object("sasl"));
    if (sasl) {
      POSTERN_TRY(out.login, sasl->needed_text("login", m_limits.text_bytes));
    }
    POSTERN_TRY(const auto tls, context.object("tls"));
    if (tls) {
      out.tls.emplace();
      POSTERN_TRY(out.tls->version, tls->text("version", m_limits.text_bytes));
      POSTERN_TRY(out.tls->cipher, tls->text("cipher", m_limits.text_bytes));
    }
    POSTERN_TRY(const auto server, context.object("server"));
    if (server) {
      POSTERN_TRY(out.server, read_server(*server));
    }
    POSTERN_TRY(const auto queue, context.object("queue"));
    if (queue) {
      POSTERN_TRY(out.queue_id, queue->text("id", m_limits.text_bytes));
    }
    return {};
  }

  [[nodiscard]] Result<Client> read_client(const Node& client) const {
    Client out;
    POSTERN_TRY(const std::string ip, client.needed_text("ip", m_limits.text_bytes));
    const auto address = dns::IpAddress::parse(ip);
    if (!address) return fail(ErrorCode::BadInput, "must be an IPv4 or IPv6 address", client.at("ip"));
    out.ip = address->unmapped().text();
    POSTERN_TRY(out.port, port_of(client));
    POSTERN_TRY(out.ptr, client.text("ptr", m_limits.text_bytes));
    POSTERN_TRY(out.helo, client.text("helo", m_limits.text_bytes));
    return out;
  }

  [[nodiscard]] Result<Server> read_server(const Node& server) const {
    Server out;
    POSTERN_TRY(out.name, server.text("name", m_limits.text_bytes));
    POSTERN_TRY(out.ip, server.text("ip", m_limits.text_bytes));
    POSTERN_TRY(out.port, port_of(server));
    return out;
  }

  [[nodiscard]] Result<Envelope> read_envelope(const Node& envelope, Stage stage) const {
    Envelope out;
    POSTERN_TRY(const Node from, envelope.needed("from"));
    POSTERN_TRY(out.from, from.needed_text("address", m_limits.text_bytes));
    if (out.from == "<>") out.from.clear();
    POSTERN_TRY(const json::array* list, envelope.list("to"));
    if (list != nullptr && list->size() > m_limits.recipients)
      return fail(ErrorCode::TooLarge, "has more than " + std::to_string(m_limits.recipients) + " elements", envelope.at("to"));
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      const std::string path = element(envelope.at("to"), i);
      if (!(*list)[i].is_object()) return fail(ErrorCode::BadInput, "must be an object", path);
      POSTERN_TRY(auto address, Node((*list)[i].get_object(), path).needed_text("address", m_limits.text_bytes));
      out.to.push_back(std::move(address));
    }
    if (stage != Stage::Mail && out.to.empty()) return fail(ErrorCode::BadInput, "names no recipient", envelope.at("to"));
    return out;
  }

  [[nodiscard]] Result<Message> read_message(const Node& message) const {
    Message out;
    POSTERN_TRY(out.size, message.number("size", ~std::uint64_t{0}));
    POSTERN_TRY(const json::array* list, message.list("headers"));
    if (list == nullptr) return fail(ErrorCode::BadInput, "is missing", message.at("headers"));
    std::size_t octets = 0;
    for (std::size_t i = 0; i < list->size(); ++i) {
      POSTERN_TRY(auto field, read_field((*list)[i], element(message.at("headers"), i)));
      octets += field.name.size() + field.value.size();
      if (out.headers.size() == m_limits.header_fields || octets > m_limits.header_bytes) {
        out.damaged = true;
        break;
      }
      out.damaged = out.damaged || !is_name(field.name) || is_lossy(field);
      if (is_name(field.name)) out.headers.push_back(std::move(field));
    }
    return out;
  }

  /// ["Name", " value\r\n"]
  [[nodiscard]] static Result<HeaderField> read_field(const json::value& value, const std::string& path) {
    const bool pair = value.is_array() && value.get_array().size() == 2;
    if (!pair || !value.get_array()[0].is_string() || !value.get_array()[1].is_string())
      return fail(ErrorCode::BadInput, "must be a list of two texts, name and value", path);
    return HeaderField{std::string(value.get_array()[0].get_string()), std::string(value.get_array()[1].get_string())};
  }

  const RequestLimits& m_limits;
};

/// Line ends are CRLF, and what follows one begins with a blank.
void append_value(std::string& out, std::string_view value) {
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\r' && i + 1 < value.size() && value[i + 1] == '\n') continue;
    if (value[i] != '\n' && value[i] != '\r') {
      out += value[i];
      continue;
    }
    out += "\r\n";
    if (!is_wsp(value[i + 1])) out += ' ';  // there is a next one: line ends at the end are gone
  }
  out += "\r\n";
}

}  // namespace

std::string_view name_of(Stage stage) noexcept { return kNames[static_cast<std::size_t>(stage)]; }

std::string Message::header_text() const {
  std::string out;
  for (const auto& field : headers) {
    out += field.name + ":";
    append_value(out, field.value);
  }
  return out + "\r\n";
}

Result<Request> parse_request(std::string_view json, const RequestLimits& limits) {
  if (json.size() > limits.bytes) return fail(ErrorCode::TooLarge, "is larger than " + std::to_string(limits.bytes) + " octets", "body");
  POSTERN_TRY(const json::value document, read_json(json));
  if (!document.is_object()) return fail(ErrorCode::BadInput, "must be a JSON object", "body");
  return Reader(limits).read(Node(document.get_object(), {}));
}

}  // namespace postern::mtahook
