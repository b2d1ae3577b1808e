#include "gateway/late_signature.hpp"

#include <boost/json.hpp>

#include "base/log.hpp"

namespace postern::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kMark{"\0late-dkim ", 11};

tl::unexpected<Error> unreadable() { return fail(ErrorCode::Internal, "the stored copy does not say how it is to be signed"); }

json::object json_of(const DkimKeyRef& key) {
  return {{"d", key.domain}, {"s", key.selector}, {"a", name_of(key.algorithm)}, {"key", key.key_name}, {"version", key.key_version}};
}

Result<DkimKeyRef> read_key(const json::object& from) {
  const auto text = [&](std::string_view name) { return std::string(from.at(name).as_string()); };
  POSTERN_TRY(const DkimAlgorithm algorithm, parse_dkim_algorithm(text("a")));
  return DkimKeyRef{text("d"), text("s"), algorithm, text("key"), from.at("version").to_number<std::uint32_t>()};
}

Result<LateSignature> read_recipe(std::string_view line) {
  const json::value root = json::parse(line);
  LateSignature out;
  out.at = root.at("at").to_number<std::size_t>();
  out.time = wall_from_millis(root.at("time").to_number<std::int64_t>());
  if (root.at("keys").as_array().empty()) return unreadable();
  for (const json::value& each : root.at("keys").as_array()) {
    POSTERN_TRY(DkimKeyRef key, read_key(each.as_object()));
    out.keys.push_back(std::move(key));
  }
  return out;
}

bool is_gone(ErrorCode code) { return code == ErrorCode::NotFound || code == ErrorCode::BadInput || code == ErrorCode::Unsupported; }

/// It was accepted under the limits of then.
Limits limits_of(std::string_view copy) {
  Limits out;
  out.header_fields = out.header_bytes = out.message_bytes = copy.size() + 1;
  return out;
}

Result<LateSignature> recipe_of(std::string_view line) {
  try {
    auto read = read_recipe(line);
    if (read) return read;
  } catch (const std::exception&) {  // of another form
  }
  return unreadable();
}

}  // namespace

std::string write_late(const LateSignature& late, std::string_view copy) {
  json::array keys;
  for (const DkimKeyRef& key : late.keys) keys.push_back(json_of(key));
  const std::string recipe = json::serialize(json::object{{"at", late.at}, {"time", unix_millis(late.time)}, {"keys", std::move(keys)}});
  std::string out;
  out.reserve(kMark.size() + recipe.size() + 1 + copy.size());
  return out.append(kMark).append(recipe).append("\n").append(copy);
}

Result<std::string> finish_late(std::string stored, const SignFn& sign, const KeysNow& now) {
  if (!is_late(stored)) return stored;
  const std::string_view all = stored;
  const std::size_t end = all.find('\n');
  if (!all.starts_with(kMark) || end == std::string_view::npos) return unreadable();
  POSTERN_TRY(const LateSignature late, recipe_of(all.substr(kMark.size(), end - kMark.size())));
  const std::string_view copy = all.substr(end + 1);
  if (late.at > copy.size()) return unreadable();
  POSTERN_TRY(const auto view, MessageView::parse(copy.substr(late.at), limits_of(copy)));
  DkimSignOptions options;
  options.time = late.time;
  auto fields = dkim_sign(view, late.keys, options, sign);
  if (!fields && is_gone(fields.error().code)) {
    const auto keys = now(late.keys.front().domain);
    if (keys.empty()) log::warn("message.leaves_unsigned", {{"domain", late.keys.front().domain}, {"reason", fields.error()}});
    fields = dkim_sign(view, keys, options, sign);
  }
  if (!fields) return fail(std::move(fields).error());
  std::string out(copy);
  out.insert(late.at, *fields);
  return out;
}

}  // namespace postern::gateway
