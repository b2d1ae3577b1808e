// JSON objects in storage. For this room only.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "barrier/storage.hpp"
#include "base/clock.hpp"

namespace postern::vault {

/// Writes the object; the caller applies it, with whatever belongs to it.
[[nodiscard]] StorageChange record_change(std::string path, const boost::json::object& record);
/// Nothing when nothing is there; IntegrityFailed when it is no JSON object.
[[nodiscard]] Result<std::optional<boost::json::object>> read_record(Storage& storage, std::string_view path);
/// 32 random bytes of the mount's own, made when they are first asked for.
[[nodiscard]] Result<SecretBytes> own_key(Storage& storage, std::string_view path);

/// What a record of ours must hold; IntegrityFailed when it does not.
[[nodiscard]] Result<std::int64_t> record_integer(const boost::json::object& record, std::string_view name);
[[nodiscard]] Result<std::string> record_text(const boost::json::object& record, std::string_view name);
[[nodiscard]] Result<std::vector<std::string>> record_texts(const boost::json::object& record, std::string_view name);

[[nodiscard]] boost::json::array texts_array(const std::vector<std::string>& texts);

}  // namespace postern::vault
