// A keeper in this process for tests: every channel that its source hands out has a server of its own on a thread; end() breaks them.
//
//   Stage stage(ring);
//   auto keeper = RemoteKeeper(stage.link());
//   stage.end();              // as if the keeper's process was gone; the next call gets a new channel
#pragma once

#include <thread>

#include "custody/remote_keeper.hpp"
#include "custody/server.hpp"

namespace postern::custody::testing {

class Stage {
 public:
  explicit Stage(Keeper& keeper, VaultEngine engine = {}, Role role = Role::Gate, ServerOptions options = {})
      : m_keeper(keeper), m_engine(std::move(engine)), m_role(role), m_options(options) {}
  ~Stage() {
    close();
    for (auto& one : m_running) one->thread.join();
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// The gate's end of a new channel.
  [[nodiscard]] Result<Channel> open() {
    const std::lock_guard lock(m_mutex);
    if (m_closed) return fail(ErrorCode::Timeout, "there is no keeper");
    POSTERN_TRY(auto ends, Channel::pair());
    auto one = std::make_unique<Running>(std::move(ends.second), ServerParts{m_role, m_keeper, m_engine, *m_table}, m_options);
    one->thread = std::thread([server = &one->server] { (void)server->run(); });
    m_running.push_back(std::move(one));
    return std::move(ends.first);
  }
  [[nodiscard]] ChannelSource source() {
    return [this](SteadyTime deadline) {
      Result<Channel> made = open();
      if (!made) std::this_thread::sleep_until(std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(2)));
      return made;
    };
  }
  [[nodiscard]] std::shared_ptr<Link> link(LinkOptions options = {}) { return std::make_shared<Link>(source(), options); }
  /// Ends the servers of now.
  void end() {
    const std::lock_guard lock(m_mutex);
    for (auto& one : m_running) one->server.stop();
  }
  /// Hands out no more channels until reopen().
  void close() {
    {
      const std::lock_guard lock(m_mutex);
      m_closed = true;
    }
    end();
  }
  void reopen() {
    const std::lock_guard lock(m_mutex);
    m_closed = false;
  }
  /// Before the first open().
  void set_table(const RoleTable& table) { m_table = &table; }
  [[nodiscard]] ServerCounts counts() {
    const std::lock_guard lock(m_mutex);
    ServerCounts sum;
    for (auto& one : m_running) {
      const ServerCounts of = one->server.counts();
      sum.quick += of.quick;
      sum.pooled += of.pooled;
      sum.expired += of.expired;
      sum.own += of.own;
      sum.asleep += of.asleep;
    }
    return sum;
  }

 private:
  struct Running {
    Running(Channel channel, ServerParts parts, ServerOptions options) : server(std::move(channel), std::move(parts), options) {}
    KeeperServer server;
    std::thread thread;
  };
  Keeper& m_keeper;
  const VaultEngine m_engine;
  const Role m_role;
  const ServerOptions m_options;
  const RoleTable* m_table = &RoleTable::product();
  std::mutex m_mutex;
  bool m_closed = false;
  std::vector<std::unique_ptr<Running>> m_running;
};

}  // namespace postern::custody::testing
