// Requests of the Vault API over a link: the gate's side of vault::Core.
//
// ask() returns at once; `done` is called exactly once, perhaps before ask() returns, perhaps from the link's thread: it must be short.
// Errors: Unavailable (no keeper within the deadline; or it went away during a request that writes, and whether it happened is unknown),
// Exhausted, TooLarge (the body as a tree is over a limit), Conflict (other build). Requests that only read are sent again when the keeper
// was restarted. Any thread.
#pragma once

#include "custody/link.hpp"
#include "vault/request.hpp"

namespace postern::custody {

class VaultClient {
 public:
  using Done = std::function<void(Result<vault::Reply>)>;

  explicit VaultClient(std::shared_ptr<Link> link, std::chrono::milliseconds deadline = std::chrono::seconds(60));

  /// `request` is read before this returns.
  void ask(const vault::Request& request, Done done, Link::Send when = Link::Send::Now);
  /// Sends what was asked with Later.
  void flush() { m_link->flush(); }
  [[nodiscard]] Link& link() const noexcept { return *m_link; }

 private:
  const std::shared_ptr<Link> m_link;
  const std::chrono::milliseconds m_deadline;
};

}  // namespace postern::custody
