#include "config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.hpp"
#include "config/settings.hpp"
#include "config/toml_text.hpp"
#include "config/validate.hpp"

namespace postern::config {
namespace {

constexpr std::size_t kMaxConfigBytes = 1024 * 1024;

class Reader {
 public:
  Reader(Loaded& out, std::string_view source) : m_out(out), m_source(source) {}

  void read(const toml::table& root) {
    read_table(root, "");
    read_records(root, "listener", listener_settings(), m_out.config.listeners);
    read_records(root, "route", route_settings(), m_out.config.routes);
    read_records(root, "policy", policy_settings(), m_out.config.policies);
    read_records(root, "verdict", verdict_settings(), m_out.config.verdicts);
    read_records(root, "dkim", dkim_settings(), m_out.config.dkim);
    read_records(root, "zone", zone_settings(), m_out.config.zones);
    read_records(root, "operator", operator_settings(), m_out.config.operators);
    read_records(root, "tenant", tenant_settings(), m_out.config.tenants);
    read_records(root, "exception", exception_settings(), m_out.config.exceptions);
    read_records(root, "x400_peer", x400_peer_settings(), m_out.config.x400_peers);
    read_records(root, "x400_user", x400_user_settings(), m_out.config.x400_users);
    read_records(root, "x400_called_user", x400_called_user_settings(), m_out.config.x400_called_users);
    read_records(root, "x400_route", x400_route_settings(), m_out.config.x400_routes);
    read_records(root, "x400_list", x400_list_settings(), m_out.config.x400_lists);
    for (auto& [line, error] : m_faults) m_out.faults.push_back(std::move(error));
  }

  void fault(const toml::node& at, std::string field, std::string what) {
    const auto line = at.source().begin.line;
    m_faults.emplace(line,
                     Error{ErrorCode::BadInput, std::string(m_source) + ":" + std::to_string(line) + ": " + field + " " + what, field});
  }

 private:
  static bool is_record(std::string_view name) {
    return name == "listener" || name == "route" || name == "policy" || name == "verdict" || name == "dkim" || name == "zone" ||
           name == "operator" || name == "tenant" || name == "exception" || name == "x400_peer" || name == "x400_user" ||
           name == "x400_called_user" || name == "x400_route" || name == "x400_list";
  }

  static bool is_map(std::string_view path) {
    const auto& rows = scalar_settings();
    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == path && row.kind == Kind::TextMap; });
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string path = prefix + std::string(key.str());
      if (prefix.empty() && is_record(path)) continue;
      if (const auto* inner = node.as_table(); inner != nullptr && !is_map(path)) {
        read_table(*inner, path + ".");
      } else {
        read_scalar(path, node);
      }
    }
  }

  void read_scalar(const std::string& path, const toml::node& node) {
    for (const auto& row : scalar_settings()) {
      if (row.name == path) return apply(row, m_out.config, path, node);
    }
    std::vector<std::string_view> known;
    for (const auto& row : scalar_settings()) known.push_back(row.name);
    unknown(path, node, known);
  }

  template <class T>
  void read_records(const toml::table& root, std::string_view name, const std::vector<Row<T>>& rows, std::vector<T>& out) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    const auto* array = node->as_array();
    if (array == nullptr) return fault(*node, std::string(name), "must be written as [[" + std::string(name) + "]]");
    for (std::size_t i = 0; i < array->size(); ++i) {
      const std::string path = std::string(name) + "[" + std::to_string(i) + "]";
      const auto* table = array->get(i)->as_table();
      if (table == nullptr) {
        fault(*array->get(i), path, "must be a table");
        continue;
      }
      T record;
      for (const auto& [key, value] : *table) read_field(rows, record, path, std::string(key.str()), value);
      out.push_back(std::move(record));
    }
  }

  template <class T>
  void read_field(const std::vector<Row<T>>& rows, T& record, const std::string& path, const std::string& key, const toml::node& node) {
    std::vector<std::string_view> known;
    for (const auto& row : rows) {
      if (row.name == key) return apply(row, record, path + "." + key, node);
      known.push_back(row.name);
    }
    unknown(path + "." + key, node, known, key);
  }

  template <class T>
  void apply(const Row<T>& row, T& record, const std::string& path, const toml::node& node) {
    const auto value = value_of(node);
    if (!value) return fault(node, path, "must be " + std::string(name_of(row.kind)));
    if (const Status set = row.set(record, *value); !set) fault(node, path, set.error().what);
  }

  void unknown(const std::string& path, const toml::node& node, const std::vector<std::string_view>& known, std::string_view word = {}) {
    const std::string_view near = nearest(word.empty() ? std::string_view(path) : word, known);
    fault(node, path,
          near.empty() ? "is not a setting; see `postern config reference`" : "is not a setting; did you mean " + std::string(near) + "?");
  }

  Loaded& m_out;
  std::string_view m_source;
  /// By line: TOML tables come sorted by name, but an operator reads faults from top to bottom.
  std::multimap<toml::source_index, Error> m_faults;
};

/// POSTERN_SECURITY__SMIME__ENABLED -> security.smime.enabled; empty when the name is no override.
std::string path_of_variable(std::string_view name) {
  if (name == "X400_SDK_LIBRARY") return "transport.sdk.library_path";  // as integrations of vendors' libraries know them
  if (name == "X400_SDK_PROFILE") return "transport.sdk.preferred_profile";
  if (name.substr(0, 8) != "POSTERN_" || name.find("__") == std::string_view::npos) return {};
  std::string path = to_lower(name.substr(8));
  for (std::size_t at = 0; (at = path.find("__", at)) != std::string::npos;) path.replace(at, 2, ".");
  return path;
}

void read_environment(const Environment& environment, Loaded& out) {
  for (const auto& [name, text] : environment) {
    const std::string path = path_of_variable(name);
    if (path.empty()) continue;
    const Row<Config>* found = nullptr;
    std::vector<std::string_view> known;
    for (const auto& row : scalar_settings()) {
      known.push_back(row.name);
      if (row.name == path) found = &row;
    }
    if (found == nullptr) {
      const auto near = nearest(path, known);
      out.faults.push_back({ErrorCode::BadInput,
                            "environment variable " + name + ": " + path + " is not a setting" +
                                (near.empty() ? "" : "; did you mean " + std::string(near) + "?"),
                            path});
    } else if (const Status set = found->set(out.config, Value(text)); !set) {
      out.faults.push_back({ErrorCode::BadInput, "environment variable " + name + ": " + path + " " + set.error().what, path});
    }
  }
}

template <class T>
void show_records(std::string& out, std::string_view name, const std::vector<Row<T>>& rows, const std::vector<T>& records) {
  for (const T& record : records) {
    out += "\n[[" + std::string(name) + "]]\n";
    for (const auto& row : rows) out += std::string(row.name) + " = " + row.show(record) + "\n";
  }
}

template <class T>
void reference_of(std::string& out, std::string_view title, const std::vector<Row<T>>& rows) {
  const T defaults{};
  out += "\n## " + std::string(title) + "\n\n| setting | kind | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const auto& row : rows) {
    out += "| `" + std::string(row.name) + "` | " + std::string(name_of(row.kind)) + " | `" + row.show(defaults) + "` | " +
           std::string(row.help) + " |\n";
  }
}

std::string absolute_against(const std::filesystem::path& base, const std::string& path) {
  if (path.empty()) return path;
  return std::filesystem::absolute(std::filesystem::path(path).is_absolute() ? std::filesystem::path(path) : base / path)
      .lexically_normal()
      .string();
}

}  // namespace

std::string Config::in_data_dir(const std::string& path) const {
  const std::string folder = absolute_against(std::filesystem::current_path(), storage.data_dir);
  return path.empty() ? folder : absolute_against(folder, path);
}

namespace {
std::string in_part(const Config& config, const char* part, const std::string& path) {
  if (path.empty()) return config.in_data_dir(part);
  const bool leaves = path.front() == '/' || path == ".." || path.substr(0, 3) == "../";
  return config.in_data_dir(leaves ? path : std::string(part) + "/" + path);
}
}  // namespace

std::string Config::in_mail_dir(const std::string& path) const { return in_part(*this, "mail", path); }
std::string Config::in_keeper_dir(const std::string& path) const { return in_part(*this, "keeper", path); }
std::string Config::root_reference() const {
  return keys.root.substr(0, 5) == "file:" ? "file:" + in_keeper_dir(keys.root.substr(5)) : keys.root;
}

std::string Config::beside_config(const std::string& path) const {
  const auto base = source.empty() ? std::filesystem::current_path() : std::filesystem::absolute(source).parent_path();
  return absolute_against(base, path);
}

Environment process_environment() {
  Environment out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

Loaded parse(std::string_view text, std::string_view source, const Environment& environment) {
  Loaded out;
  out.config.source = source;
  const auto parsed = parse_toml(text, source, kMaxConfigBytes);
  if (!parsed) {
    out.faults.push_back(parsed.error());
    return out;
  }
  Reader(out, source).read(*parsed);
  read_environment(environment, out);
  if (out.faults.empty()) validate(out);
  return out;
}

Result<std::string> find_config(std::string_view explicit_path, const Environment& environment) {
  if (!explicit_path.empty()) return std::string(explicit_path);
  if (const auto it = environment.find("POSTERN_CONFIG"); it != environment.end() && !it->second.empty()) return it->second;
  for (const char* path : {"postern.toml", "/etc/postern/postern.toml"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return std::string(path);
  }
  return fail(ErrorCode::NotFound,
              "no configuration: give --config FILE, set POSTERN_CONFIG, or write ./postern.toml or /etc/postern/postern.toml");
}

Result<Config> load(const std::string& path, const Environment& environment) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions", "config");
  std::ostringstream text;
  text << file.rdbuf();
  Loaded loaded = parse(text.str(), path, environment);
  if (loaded.faults.empty()) return std::move(loaded.config);
  Error first = loaded.faults.front();
  if (loaded.faults.size() > 1) first.what += " (and " + std::to_string(loaded.faults.size() - 1) + " more; see `postern config check`)";
  return fail(std::move(first));
}

std::string show(const Config& config) {
  std::string out;
  std::string section;
  for (const auto& row : scalar_settings()) {
    const auto dot = row.name.rfind('.');
    if (row.name.substr(0, dot) != section) {
      section = row.name.substr(0, dot);
      out += (out.empty() ? "[" : "\n[") + section + "]\n";
    }
    out += std::string(row.name.substr(dot + 1)) + " = " + row.show(config) + "\n";
  }
  show_records(out, "listener", listener_settings(), config.listeners);
  show_records(out, "route", route_settings(), config.routes);
  show_records(out, "policy", policy_settings(), config.policies);
  show_records(out, "verdict", verdict_settings(), config.verdicts);
  show_records(out, "dkim", dkim_settings(), config.dkim);
  show_records(out, "zone", zone_settings(), config.zones);
  show_records(out, "operator", operator_settings(), config.operators);
  show_records(out, "tenant", tenant_settings(), config.tenants);
  show_records(out, "exception", exception_settings(), config.exceptions);
  show_records(out, "x400_peer", x400_peer_settings(), config.x400_peers);
  show_records(out, "x400_user", x400_user_settings(), config.x400_users);
  show_records(out, "x400_called_user", x400_called_user_settings(), config.x400_called_users);
  show_records(out, "x400_route", x400_route_settings(), config.x400_routes);
  show_records(out, "x400_list", x400_list_settings(), config.x400_lists);
  return out;
}

std::string reference() {
  std::string out =
      "# Settings\n\nMade by `postern config reference` from the table that the parser uses. Environment variables override scalar "
      "settings:\n"
      "`server.hostname` is `POSTERN_SERVER__HOSTNAME`. Two have a second name: `X400_SDK_LIBRARY` and `X400_SDK_PROFILE`.\n";
  reference_of(out, "Scalar settings", scalar_settings());
  reference_of(out, "[[listener]]", listener_settings());
  reference_of(out, "[[route]]", route_settings());
  reference_of(out, "[[policy]]", policy_settings());
  reference_of(out, "[[verdict]]", verdict_settings());
  reference_of(out, "[[dkim]]", dkim_settings());
  reference_of(out, "[[zone]]", zone_settings());
  reference_of(out, "[[operator]]", operator_settings());
  reference_of(out, "[[tenant]]", tenant_settings());
  reference_of(out, "[[exception]]", exception_settings());
  reference_of(out, "[[x400_peer]]", x400_peer_settings());
  reference_of(out, "[[x400_user]]", x400_user_settings());
  reference_of(out, "[[x400_called_user]]", x400_called_user_settings());
  reference_of(out, "[[x400_route]]", x400_route_settings());
  reference_of(out, "[[x400_list]]", x400_list_settings());
  return out;
}

}  // namespace postern::config
