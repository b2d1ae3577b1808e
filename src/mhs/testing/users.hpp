// For tests: users in memory, and a node that serves them by P3.
#pragma once

#include <map>
#include <mutex>

#include "mhs/node_submission.hpp"
#include "mhs/p3_server.hpp"
#include "mhs/testing/node.hpp"
#include "oraddress/compare.hpp"

namespace postern::mhs::testing {

inline constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
inline constexpr const char* kBob = "C=DE;A= ;P=NORTH;O=Works;S=Bob";

class MemoryUsers final : public Users {
 public:
  void add(const std::string& address, const std::string& password) {
    const std::lock_guard lock(m_mutex);
    m_users[oraddress::comparison_key(oraddress::parse(address).value())].password = password;
  }
  [[nodiscard]] Status verify(const oraddress::ORAddress& user, ByteView password) override {
    const std::lock_guard lock(m_mutex);
    const auto found = m_users.find(oraddress::comparison_key(user));
    if (found == m_users.end() || as_text(password) != found->second.password) return fail(ErrorCode::Denied, "no");
    return {};
  }
  [[nodiscard]] bool knows(const oraddress::ORAddress& user) override {
    const std::lock_guard lock(m_mutex);
    return m_users.contains(oraddress::comparison_key(user));
  }
  [[nodiscard]] Status change_password(const oraddress::ORAddress& user, ByteView old_password, ByteView new_password) override {
    POSTERN_CHECK(verify(user, old_password));
    if (new_password.size() < 4) return fail(ErrorCode::BadInput, "too short");
    const std::lock_guard lock(m_mutex);
    m_users[oraddress::comparison_key(user)].password = as_text(new_password);
    return {};
  }
  [[nodiscard]] Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) override {
    const std::lock_guard lock(m_mutex);
    return m_users[oraddress::comparison_key(user)].registration;
  }
  [[nodiscard]] Status set_registration(const oraddress::ORAddress& user, const mts::RegisterArgument88& registration) override {
    const std::lock_guard lock(m_mutex);
    m_users[oraddress::comparison_key(user)].registration = registration;
    return {};
  }

 private:
  struct One {
    std::string password;
    mts::RegisterArgument88 registration;
  };
  std::mutex m_mutex;
  std::map<std::string, One> m_users;
};

inline mts::ORName name_of(const std::string& address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

/// A node on loopback with P3 (plain) beside P1. What it borrows of the node exists from start() on only, so start it by this.
struct UserNode : TestNode {
  using TestNode::TestNode;
  /// Others may be added to `services` before.
  void serve_users() {
    const Mta& who = mta;
    late_workers = std::make_unique<io::WorkerPool>(2, 100);
    gate = std::make_unique<P3Parts>(P3Parts{{who, users, *late_workers, false, {}, guesses}, submission, stats});
    for (UserService& each : p3_services(*gate)) services.push_back(std::move(each));
    start();
    port_of_node = std::make_unique<NodeSubmission>(NodeSubmission::Parts{*store, *spool, *workers, clock, most_queued});
    port_of_node->attach(*node);
    gate->deliveries = &node->deliveries();
  }
  void end() {
    stop();
    late_workers->stop();
  }

  /// The node's own port comes to be after its services.
  struct Late final : SubmissionPort {
    explicit Late(UserNode& owner) : node(owner) {}
    [[nodiscard]] Status open() const override { return node.port_of_node->open(); }
    io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionEnvelope envelope, Bytes content,
                                                          std::string actor) override {
      return node.port_of_node->submit(std::move(envelope), std::move(content), std::move(actor));
    }
    io::Task<Result<mts::ProbeSubmissionResult>> submit_probe(mts::ProbeSubmissionEnvelope envelope, std::string actor) override {
      return node.port_of_node->submit_probe(std::move(envelope), std::move(actor));
    }
    io::Task<Status> cancel(mts::MTSIdentifier identifier, oraddress::ORAddress user, std::string actor) override {
      return node.port_of_node->cancel(std::move(identifier), std::move(user), std::move(actor));
    }
    UserNode& node;
  };

  std::uint64_t most_queued = 100'000;
  MemoryUsers users;
  PasswordGuesses* guesses = nullptr;
  UserStats stats;
  Late submission{*this};
  std::unique_ptr<io::WorkerPool> late_workers;
  std::unique_ptr<P3Parts> gate;
  std::unique_ptr<NodeSubmission> port_of_node;
};

}  // namespace postern::mhs::testing
