// The verbs of the operator's X.400 mailbox in the daemon (docs/x400-mailbox.md): their parts.
#pragma once

#include <memory>

#include "verbs.hpp"

namespace postern::cli {

/// Adds them. With --peer on the command line the verbs that have a direct form (x400.hpp) stand in their place.
void add_x400_cabinet_verbs(const Verbs& verbs, CLI::App* noun);

// ---- their parts
void add_cabinet_reading(const Verbs& verbs, CLI::App* noun);  ///< list, message, wait, access, health, folder, trace-bundle
void add_cabinet_writing(const Verbs& verbs, CLI::App* noun);  ///< create, submit, approve, refuse, cancel, resolve, move, archive, delete

inline constexpr const char* kCabinetBase = "/api/v1/x400";
[[nodiscard]] inline std::string message_path(const std::string& id, const char* rest = "") {
  return std::string(kCabinetBase) + "/messages/" + http::percent_encode(id) + rest;
}
/// A message in one line, and whole.
void show_message_line(std::ostream& out, const boost::json::value& message);
void show_message(std::ostream& out, const boost::json::value& message);

}  // namespace postern::cli
