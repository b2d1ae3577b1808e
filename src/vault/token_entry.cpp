#include "vault/token_entry.hpp"

#include <algorithm>
#include <charconv>

#include "vault/json_text.hpp"
#include "vault/policies.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? std::string() : json::value_to<std::string>(*value);
}
std::int64_t number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? 0 : value->as_int64();
}
seconds seconds_of(const json::object& object, std::string_view name) { return seconds(number_of(object, name)); }
bool flag_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->as_bool();
}
std::optional<WallTime> time_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return wall_from_millis(value->as_int64());
}
std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? std::vector<std::string>() : json::value_to<std::vector<std::string>>(*value);
}

json::value time_or_null(const std::optional<WallTime>& time) { return time ? json::value(unix_millis(*time)) : json::value(nullptr); }

json::object to_json(const TokenEntry& entry) {
  json::object metadata;
  for (const auto& [name, value] : entry.metadata) metadata[name] = value;
  return {{"accessor", entry.accessor},
          {"parent", entry.parent},
          {"policies", json::value_from(entry.policies)},
          {"path", entry.path},
          {"display_name", entry.display_name},
          {"metadata", std::move(metadata)},
          {"num_uses", entry.num_uses},
          {"created", unix_millis(entry.created)},
          {"expires", time_or_null(entry.expires)},
          {"last_renewal", time_or_null(entry.last_renewal)},
          {"creation_ttl", entry.creation_ttl.count()},
          {"max_ttl", entry.max_ttl.count()},
          {"explicit_max_ttl", entry.explicit_max_ttl.count()},
          {"period", entry.period.count()},
          {"renewable", entry.renewable},
          {"batch", entry.batch},
          {"role", entry.role},
          {"mount", entry.mount},
          {"alias", entry.alias},
          {"entity_id", entry.entity_id},
          {"cubbyhole", entry.cubbyhole},
          {"bound_cidrs", json::value_from(entry.bound_cidrs)},
          {"internal", entry.internal},
          {"dying", entry.dying}};
}

TokenEntry from_json(const json::object& object) {
  TokenEntry entry;
  entry.accessor = text_of(object, "accessor");
  entry.parent = text_of(object, "parent");
  entry.policies = texts_of(object, "policies");
  entry.path = text_of(object, "path");
  entry.display_name = text_of(object, "display_name");
  for (const auto& member : object.at("metadata").as_object()) {
    entry.metadata.emplace_back(std::string(member.key()), json::value_to<std::string>(member.value()));
  }
  entry.num_uses = number_of(object, "num_uses");
  entry.created = wall_from_millis(number_of(object, "created"));
  entry.expires = time_of(object, "expires");
  entry.last_renewal = time_of(object, "last_renewal");
  entry.creation_ttl = seconds_of(object, "creation_ttl");
  entry.max_ttl = seconds_of(object, "max_ttl");
  entry.explicit_max_ttl = seconds_of(object, "explicit_max_ttl");
  entry.period = seconds_of(object, "period");
  entry.renewable = flag_of(object, "renewable");
  entry.batch = flag_of(object, "batch");
  entry.role = text_of(object, "role");
  entry.mount = text_of(object, "mount");
  entry.alias = text_of(object, "alias");
  entry.entity_id = text_of(object, "entity_id");
  entry.cubbyhole = text_of(object, "cubbyhole");
  entry.bound_cidrs = texts_of(object, "bound_cidrs");
  entry.internal = object.at("internal").as_object();
  entry.dying = flag_of(object, "dying");
  return entry;
}

}  // namespace

bool TokenEntry::is_wrapping() const noexcept { return policies.size() == 1 && policies.front() == kWrappingPolicy; }

std::int64_t TokenEntry::ttl_seconds(WallTime now) const noexcept {
  if (!expires || *expires <= now) return 0;
  return std::chrono::ceil<seconds>(*expires - now).count();
}

std::optional<TokenHash> token_hash_from(std::string_view hex) {
  const Result<Bytes> bytes = hex.size() == 64 ? hex_decode(hex) : Result<Bytes>(Bytes());
  TokenHash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

SecretBytes encode(const TokenEntry& entry) {
  std::string text;
  json::object object = to_json(entry);
  text.reserve(json_size(object));
  append_json(text, object);
  SecretBytes out = SecretBytes::from_text(text);
  wipe(text);
  wipe_json(object);
  return out;
}

Result<TokenEntry> decode_token_entry(ByteView bytes) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(as_text(bytes).data(), bytes.size()), error);
  try {
    if (!error) return from_json(value.as_object());
  } catch (const std::exception&) {  // Boost's way to say that a member is missing or has another type
  }
  return fail(ErrorCode::IntegrityFailed, "a stored token cannot be read: restore the storage from a backup");
}

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  POSTERN_TRY(const dns::IpAddress whole, dns::IpAddress::parse(text.substr(0, slash)));
  const unsigned bits = whole.is_v4() ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || prefix > bits) {
      return fail(ErrorCode::BadInput, "\"" + std::string(text) + "\" is no network: write ADDRESS/BITS");
    }
  }
  return Network{whole, prefix};
}

Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts) {
  std::vector<Network> out;
  for (const std::string& text : texts) {
    POSTERN_TRY(Network network, Network::parse(text));
    out.push_back(network);
  }
  return out;
}

bool is_in(const std::vector<Network>& networks, std::string_view remote) {
  const Result<dns::IpAddress> address = dns::IpAddress::parse(remote);
  return address && std::ranges::any_of(
                        networks, [&](const Network& network) { return address->unmapped().in_network(network.address, network.prefix); });
}

}  // namespace postern::vault
