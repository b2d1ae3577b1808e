// The settings that a host hands to open(), as NativeOptions.
#include <boost/json.hpp>

#include "transport/native.hpp"

namespace postern::transport {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostSettings = std::size_t{1} << 20;

/// One known field: of the right type, or named.
struct FieldReader {
  const json::object& from;
  std::string prefix;
  std::optional<Error> fault;

  const json::value* find(std::string_view name) const { return from.if_contains(name); }
  void refuse(std::string_view name, const char* kind) {
    if (!fault) fault = Error{ErrorCode::BadInput, std::string("must be ") + kind, prefix + std::string(name)};
  }
  void text(std::string_view name, std::string& to) {
    const json::value* value = find(name);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_string()) return refuse(name, "a string");
    to = std::string(value->as_string());
  }
  void flag(std::string_view name, bool& to) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (!value->is_bool()) return refuse(name, "true or false");
    to = value->as_bool();
  }
  void texts(std::string_view name, std::vector<std::string>& to) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return refuse(name, "a list of strings");
    for (const json::value& each : value->as_array()) {
      if (!each.is_string()) return refuse(name, "a list of strings");
      to.emplace_back(each.as_string());
    }
  }
  void count(std::string_view name, std::uint64_t most, std::uint64_t& to) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    boost::system::error_code failed;
    const auto number = value->to_number<std::uint64_t>(failed);
    if (failed || number == 0 || number > most) return refuse(name, ("a number from 1 to " + std::to_string(most)).c_str());
    to = number;
  }
};

std::optional<Error> read_tls(const json::object& from, NativeOptions::Tls& to) {
  FieldReader read{from, "tls.", {}};
  read.flag("enabled", to.enabled);
  read.text("min_version", to.min_version);
  read.text("ca_bundle", to.ca_bundle);
  read.text("client_certificate", to.client_certificate);
  read.text("client_key", to.client_key);
  read.texts("fingerprints", to.fingerprints);
  read.flag("enforce_pinset", to.enforce_pinset);
  return read.fault;
}

std::optional<Error> read_strong(const json::object& from, NativeOptions& options) {
  FieldReader read{from, "strong.", {}};
  mhs::StrongFiles to;
  read.text("certificate", to.certificate);
  read.text("key", to.key);
  read.text("responder_name", to.responder_name);
  read.texts("responder_pins", to.responder_pins);
  read.text("responder_ca", to.responder_ca);
  read.text("responder_subject", to.responder_subject);
  options.strong = [files = std::move(to)]() -> Result<mhs::StrongFiles> { return files; };
  return read.fault;
}

std::optional<Error> read_limits(const json::object& from, NativeOptions& to) {
  constexpr std::uint64_t most_associations = 1024, most_content = std::uint64_t{64} << 20;
  FieldReader read{from, "limits.", {}};
  std::uint64_t associations = to.associations;
  read.count("associations", most_associations, associations);
  read.count("content_octets", most_content, to.content_octets);
  to.associations = static_cast<std::size_t>(associations);
  return read.fault;
}

}  // namespace

Result<NativeOptions> native_options(std::string_view text) {
  NativeOptions out;
  if (text.empty()) return out;
  if (text.size() > kMostSettings) return fail(ErrorCode::TooLarge, "are longer than 1 MiB", "settings");
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return fail(ErrorCode::BadInput, "must be a JSON object", "settings");
  const json::object& all = parsed.as_object();
  FieldReader top{all, "", {}};
  top.texts("forwarders", out.forwarders);
  std::optional<Error> fault = top.fault;
  const auto part = [&](const char* name, auto read) {
    const json::value* value = all.if_contains(name);
    if (value == nullptr || fault) return;
    fault = value->is_object() ? read(value->as_object()) : std::optional<Error>(Error{ErrorCode::BadInput, "must be an object", name});
  };
  part("tls", [&](const json::object& from) { return read_tls(from, out.tls); });
  part("strong", [&](const json::object& from) { return read_strong(from, out); });
  part("limits", [&](const json::object& from) { return read_limits(from, out); });
  if (fault) return fail(*std::move(fault));
  return out;
}

}  // namespace postern::transport
