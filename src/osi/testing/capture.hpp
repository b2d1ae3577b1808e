// TCP conversations of captured traffic, for tests. The captures stand outside the repository: $POSTERN_SHARED_DATA, else shared/data
// beside it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "capture/tcp_connections.hpp"

namespace postern::osi::testing {

inline std::optional<Bytes> read_capture(const char* name) {
  std::error_code ignored;
  std::filesystem::path folder;
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) folder = given;
  for (auto at = std::filesystem::current_path(ignored); folder.empty() && at != at.parent_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "shared/data", ignored)) folder = at / "shared/data";
  std::ifstream in(folder / "x400" / name, std::ios::binary);
  if (!in) return std::nullopt;
  std::stringstream text;
  text << in.rdbuf();
  return to_bytes(text.str());
}

struct Conversation {
  Bytes to_responder, to_initiator;
};
inline std::vector<Conversation> conversations(ByteView file) {
  std::vector<capture::TcpConnection> connections;
  if (!capture::read_connections(file, connections)) return {};
  std::vector<Conversation> out;
  for (const auto& each : connections) out.push_back({each.stream(true), each.stream(false)});
  return out;
}

}  // namespace postern::osi::testing
