// A shell without a network: answers a ServerSession's events from simple rules and keeps what happened. For tests, fuzzers and
// benchmarks of the engines; nothing in the product uses it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/server_session.hpp"

namespace postern::smtp {

class LoopbackServer {
 public:
  explicit LoopbackServer(ServerOptions options = {}, PeerInfo peer = {"192.0.2.1", {}})
      : m_session(std::make_shared<const ServerOptions>(std::move(options)), std::move(peer), m_random) {}

  // The rules. Mail from or to "refused@..." gets 550, "later@..." 451; every message is taken unless on_message says otherwise.
  std::map<std::string, ScramCredentials> users;
  std::function<Reply(const MessageReceived&)> on_message;
  std::function<std::vector<Reply>(const MessageReceived&)> on_lmtp_message;
  Bytes exporter;      ///< Channel binding of the TLS that STARTTLS "negotiates".
  bool decide = true;  ///< False: leave events to the caller.

  // What happened.
  std::string output;
  std::vector<std::string> log;
  std::vector<MessageReceived> messages;
  std::vector<CloseReason> closed;

  ServerSession& session() noexcept { return m_session; }
  void greet() {
    m_session.greet(now);
    pump();
  }
  void feed(std::string_view bytes) {
    m_session.receive(as_bytes(bytes), now);
    pump();
  }
  /// Feeds, and returns only what this made the server say.
  std::string say(std::string_view bytes) {
    const std::size_t before = output.size();
    feed(bytes);
    return output.substr(before);
  }
  void pump() {
    output += m_session.take_output();
    while (decide) {
      auto event = m_session.next_event();
      if (!event) break;
      std::visit([this](auto& each) { handle(each); }, *event);
      output += m_session.take_output();
    }
  }
  SteadyTime now{};

 private:
  static Reply verdict(const std::string& local, Reply good) {
    if (local == "refused") return {550, {5, 1, 1}, "No such user"};
    if (local == "later") return {451, {4, 2, 1}, "Try later"};
    return good;
  }
  void handle(StartTls&) {
    log.emplace_back("starttls");
    m_session.tls_started({"TLSv1.3", "TLS_AES_256_GCM_SHA384", exporter, {}}, now);
  }
  void handle(Authenticate& event) {
    log.push_back("auth " + event.mechanism + ' ' + event.user);
    const auto user = users.find(event.user);
    const bool good = user != users.end() && (event.verified || verify_password(user->second, as_text(event.password.view())));
    if (good) return m_session.accept();
    m_session.reject({535, {5, 7, 8}, "The user or the password is wrong"});
  }
  void handle(ScramLookup& event) {
    log.push_back("lookup " + event.user);
    const auto user = users.find(event.user);
    m_session.provide_credentials(user == users.end() ? std::nullopt : std::optional(user->second));
  }
  void handle(AuthFailed& event) { log.push_back("auth-failed " + event.mechanism + ' ' + event.user); }
  void handle(MailFrom& event) {
    log.push_back("mail " + event.path.text() + write_mail_parameters(event.parameters, {}));
    m_session.accept(verdict(event.path.mailbox() ? event.path.mailbox()->local : "", {250, {2, 1, 0}, "Sender accepted"}));
  }
  void handle(RcptTo& event) {
    log.push_back("rcpt " + event.path.text() + write_rcpt_parameters(event.parameters, {}));
    m_session.accept(verdict(event.path.mailbox().local, {250, {2, 1, 5}, "Recipient accepted"}));
  }
  void handle(MessageReceived& event) {
    log.push_back("message " + std::to_string(event.envelope.recipients.size()) + ' ' + std::to_string(event.content.size()));
    if (on_lmtp_message) {
      m_session.answer_recipients(on_lmtp_message(event));
    } else {
      m_session.accept(on_message ? on_message(event) : Reply(250, {2, 0, 0}, "Queued"));
    }
    messages.push_back(std::move(event));
  }
  void handle(Closed& event) {
    log.push_back("closed " + std::to_string(static_cast<int>(event.reason)));
    closed.push_back(event.reason);
  }

  FixedRandom m_random;
  ServerSession m_session;
};

}  // namespace postern::smtp
