// An MTA without a network: writes commands, reads answers, drives a session and keeps what happened. For tests and fuzzers only.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cursor.hpp"
#include "milter/session.hpp"

namespace postern::milter::testing {

inline std::string u32(std::uint32_t value) {
  ByteWriter writer;
  writer.write_u32(value);
  return std::string(as_text(writer.bytes()));
}
inline std::string packet(char command, std::string_view payload = {}) {
  return u32(static_cast<std::uint32_t>(payload.size() + 1)) + command + std::string(payload);
}
inline std::string strings(char command, std::initializer_list<std::string_view> parts) {
  std::string payload;
  for (const std::string_view part : parts) payload.append(part).push_back('\0');
  return packet(command, payload);
}
inline std::string negotiate(std::uint32_t version, std::uint32_t actions, std::uint32_t protocol) {
  return packet('O', u32(version) + u32(actions) + u32(protocol));
}
inline std::string connect(std::string_view host, char family, std::uint16_t port, std::string_view address) {
  std::string payload = std::string(host) + '\0' + family;
  payload += {static_cast<char>(port >> 8), static_cast<char>(port)};
  return packet('C', payload.append(address) + '\0');
}
inline std::string macros(char command, std::initializer_list<std::string_view> parts) {
  std::string payload(1, command);
  for (const std::string_view part : parts) payload.append(part).push_back('\0');
  return packet('D', payload);
}

/// Postfix 3.7 with milter_protocol = 6 offers this.
inline constexpr std::uint32_t kPostfixActions = 0x1ff, kPostfixProtocol = 0x1fffff;
inline constexpr std::uint32_t kStalwartActions = 0xff, kStalwartProtocol = 0x42;

/// A session with a shell that decides: continue_() unless `on_event` has decided itself.
class Driver {
 public:
  explicit Driver(SessionOptions options = {}) : session(std::make_shared<const SessionOptions>(std::move(options))) {}

  Session session;
  std::function<void(Session&, const Event&)> on_event;

  std::string output;
  std::vector<std::string> log;  ///< One word or line per event.
  std::vector<Message> messages;
  std::vector<Failed> failures;

  void feed(std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), Session::kMaxPiece))) {
      session.receive(as_bytes(bytes.substr(0, Session::kMaxPiece)));
      pump();
    }
  }
  /// Feeds, and returns only what this made the session write.
  std::string say(std::string_view bytes) {
    const std::size_t before = output.size();
    feed(bytes);
    return output.substr(before);
  }

 private:
  void pump() {
    while (auto event = session.next_event()) {
      if (on_event) on_event(session, *event);
      std::visit([this](auto& each) { note(each); }, *event);
      (void)session.continue_();  // nothing where nothing waits
      output += session.take_output();
    }
    output += session.take_output();
  }
  static std::string join(const Path& path) {
    std::string text = path.path;
    for (const std::string& arg : path.args) text += ' ' + arg;
    return text;
  }
  void note(const Negotiated& each) { log.push_back("negotiated " + std::to_string(each.agreed.version)); }
  void note(const Connect& each) {
    const Connection& c = each.connection;
    log.push_back("connect " + c.host + ' ' + static_cast<char>(c.family) + ' ' + std::to_string(c.port) + ' ' + c.address);
  }
  void note(const Helo& each) { log.push_back("helo " + each.name); }
  void note(const Mail& each) { log.push_back("mail " + join(each.from)); }
  void note(const Recipient& each) { log.push_back("rcpt " + join(each.recipient)); }
  void note(const Data&) { log.emplace_back("data"); }
  void note(const Unknown& each) { log.push_back("unknown " + each.command); }
  void note(EndOfMessage& each) {
    log.emplace_back("message");
    messages.push_back(std::move(each.message));
  }
  void note(const Abort&) { log.emplace_back("abort"); }
  void note(const Quit& each) { log.emplace_back(each.next_connection ? "quit, next" : "quit"); }
  void note(const Failed& each) {
    log.push_back((each.ended ? "ended " : "refused ") + each.reply);
    failures.push_back(each);
  }
};

}  // namespace postern::milter::testing
