// Associations on which a peer transfers to us, by what their session connections are called.
//
// A peer whose connection broke may be back before its end shows here: nothing was under way that would tell, or something between the two
// keeps its half. What it wants to go on with is then still held by the association that it left, which is ended for it.
#pragma once

#include <algorithm>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "io/stream.hpp"
#include "osi/rtse.hpp"

namespace postern::mhs {

/// Any thread. Must outlive its tokens.
class OpenAssociations {
 public:
  /// On the list as long as this lives.
  using Token = std::shared_ptr<const void>;
  [[nodiscard]] Token enter(std::string peer, osi::SessionConnectionIdentifier connection, io::StreamControl control) {
    const std::lock_guard lock(m_mutex);
    const auto here = m_open.insert(m_open.end(), {std::move(peer), std::move(connection), std::move(control)});
    return {&*here, [this, here](const void*) {
              const std::lock_guard leaving(m_mutex);
              m_open.erase(here);
            }};
  }
  [[nodiscard]] bool holds(const std::string& peer, const osi::SessionConnectionIdentifier& connection) const {
    const std::lock_guard lock(m_mutex);
    return find(peer, connection) != m_open.end();
  }
  /// Ends the one of this peer that is called so. False: there is none, or none any more.
  bool end(const std::string& peer, const osi::SessionConnectionIdentifier& connection) const {
    const std::lock_guard lock(m_mutex);
    const auto found = find(peer, connection);
    if (found == m_open.end()) return false;
    found->control.abort();
    return true;
  }

 private:
  struct Entry {
    std::string peer;
    osi::SessionConnectionIdentifier connection;
    io::StreamControl control;
  };
  [[nodiscard]] std::list<Entry>::const_iterator find(const std::string& peer, const osi::SessionConnectionIdentifier& connection) const {
    return std::ranges::find_if(m_open, [&](const Entry& each) { return each.peer == peer && each.connection == connection; });
  }
  mutable std::mutex m_mutex;
  std::list<Entry> m_open;
};

}  // namespace postern::mhs
