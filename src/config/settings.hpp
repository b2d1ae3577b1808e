// The one table of settings. Parser, defaults, `postern config show` and the reference manual are all made from it.
//
// Adding a setting is one line in settings.cpp. A scalar setting has a dotted path ("server.hostname"); a repeated table
// ("[[listener]]") has its own rows.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace postern::config {

enum class Kind { Text, Flag, Count, Duration, TextList, TextMap };
[[nodiscard]] std::string_view name_of(Kind kind) noexcept;

/// A value as the file or the environment gave it. Durations travel as text ("15m").
using Value = std::variant<std::string, bool, std::int64_t, std::vector<std::string>, std::map<std::string, std::string>>;

/// One setting of the record T. `set` converts and validates; its error says what would be right, the caller adds the path.
template <class T>
struct Row {
  std::string_view name;
  Kind kind;
  std::string_view help;  ///< One or two sentences; ends with the unit or the allowed words.
  std::function<Status(T&, const Value&)> set;
  std::function<std::string(const T&)> show;  ///< As it would stand in postern.toml.
};

[[nodiscard]] const std::vector<Row<Config>>& scalar_settings();
[[nodiscard]] const std::vector<Row<Listener>>& listener_settings();
[[nodiscard]] const std::vector<Row<Route>>& route_settings();
[[nodiscard]] const std::vector<Row<PolicyRule>>& policy_settings();
[[nodiscard]] const std::vector<Row<VerdictSetting>>& verdict_settings();
[[nodiscard]] const std::vector<Row<DkimSigner>>& dkim_settings();
[[nodiscard]] const std::vector<Row<Zone>>& zone_settings();
[[nodiscard]] const std::vector<Row<Operator>>& operator_settings();
[[nodiscard]] const std::vector<Row<Tenant>>& tenant_settings();
[[nodiscard]] const std::vector<Row<TrustException>>& exception_settings();
[[nodiscard]] const std::vector<Row<X400Peer>>& x400_peer_settings();
[[nodiscard]] const std::vector<Row<X400User>>& x400_user_settings();
[[nodiscard]] const std::vector<Row<X400CalledUser>>& x400_called_user_settings();
[[nodiscard]] const std::vector<Row<X400Route>>& x400_route_settings();
[[nodiscard]] const std::vector<Row<X400List>>& x400_list_settings();

}  // namespace postern::config
