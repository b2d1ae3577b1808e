// The daemon as the command sees it: one HTTP request at a time, with the token of the local data directory or the one given.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "context.hpp"
#include "http/client.hpp"

namespace postern::cli {

/// The options before the noun.
struct Global {
  std::string config_path;
  std::string api;    ///< "http://127.0.0.1:8080" or https; empty: from the configuration and ports.json.
  std::string ca;     ///< For https; empty: ca.pem of the data directory.
  std::string token;  ///< Empty: $POSTERN_TOKEN, then admin.token of the data directory.
};

/// The configuration that --config and the environment lead to. Only read when a verb needs it.
[[nodiscard]] Result<config::Config> configuration(const Global& global);

class Remote {
 public:
  [[nodiscard]] static Result<Remote> find(const Global& global);
  /// The same for the key engine's API: the token is --token, $POSTERN_TOKEN or keeper/engine.token of the data directory.
  [[nodiscard]] static Result<Remote> find_engine(const Global& global);

  /// The body of a 2xx answer. Other answers become errors: 404 NotFound, 401/403 Denied, no connection Unavailable, and the
  /// problem's own detail as text.
  [[nodiscard]] Result<std::string> call(std::string method, std::string target, std::string body = {}) const;
  [[nodiscard]] Result<boost::json::value> call_json(std::string method, std::string target,
                                                     const boost::json::value& body = nullptr) const;

 private:
  [[nodiscard]] static Result<Remote> find_with(const Global& global, const char* token_file);
  http::Url m_base;
  io::SslContext m_tls;  ///< Null for http.
  std::string m_token;
  std::string m_advice = "check --api, or start posternd there";  ///< For whoever finds nobody listening.
};

/// Runs a verb that talks to the daemon: finds it, runs `work`, and turns an error into text and exit status. With --json the
/// answer is printed as it came; otherwise `show` prints it for people.
void run_remote(const Global& global, Context& context, const char* verb,
                const std::function<Result<boost::json::value>(const Remote&)>& work,
                const std::function<void(const boost::json::value&)>& show);

/// The document in a 2xx answer; Internal when it is none.
[[nodiscard]] Result<boost::json::value> parse_answer(const std::string& text);

/// Text of a field, or empty; numbers and truth values as text too.
[[nodiscard]] std::string text_of(const boost::json::value& value, std::string_view field);
/// A table for people: columns as wide as needed, headings first.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) { m_rows.push_back(std::move(headings)); }
  void add(std::vector<std::string> row) { m_rows.push_back(std::move(row)); }
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> m_rows;
};

}  // namespace postern::cli
