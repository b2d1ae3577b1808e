// rooms:
//
// An MTA that does nothing but ask its mail filters, as Postfix 3.7 does: version 6, all that it offers, macros, HDR_LEADSPC, answers
// awaited where the filter did not wave them off. Of several filters each is asked at every step, and the later one sees what the earlier
// one changed.
//
//   milter_load --filter PATH [--filter PATH] --messages DIR --count 2000 [--connections 4] [--per-session 1]
//               [--client 198.18.0.5] [--sender a@example.net] [--recipient b@postern.example] [--expect dkim=pass] ...
//
// Each of `connections` threads sends the files of DIR in turn, `per-session` of them on one SMTP session, whose filters' connections (Unix
// sockets) are its own. Prints {"messages", "seconds", "p50_ms", "p99_ms", "most_ms"}: the time from the connect (later messages of a
// session: from MAIL) to the last filter's answer to the end of the message. Every text of --expect must stand in the
// Authentication-Results fields that the filters added, and every answer be "go on": anything else is named, and the status is 3.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kChunk = 65535;
constexpr int kAnswerMs = 60000;
constexpr std::uint32_t kVersion = 6, kActions = 0x1ff, kProtocol = 0x1fffff, kLeadingSpace = 0x100000;

/// What a step is called, which bits of the agreement skip it or its answer, and at which stage of macros it is.
struct Step {
  char command;
  std::uint32_t skipped, unanswered;
  std::uint32_t stage;
};
constexpr Step kConnect{'C', 0x01, 0x1000, 0}, kHelo{'H', 0x02, 0x2000, 1}, kMail{'M', 0x04, 0x4000, 2}, kRcpt{'R', 0x08, 0x8000, 3},
    kData{'T', 0x200, 0x10000, 4}, kHeader{'L', 0x20, 0x80, 99}, kEndOfHeader{'N', 0x40, 0x40000, 6}, kBody{'B', 0x10, 0x80000, 99};
constexpr std::uint32_t kEndOfMessageStage = 5;

struct Field {
  std::string name, value;  ///< The value with the space behind the colon.
};

struct Content {
  std::vector<Field> fields;
  std::string body;
};

struct Options {
  std::vector<std::string> filters, expected;
  std::string messages, client = "198.18.0.5", sender = "a@example.net", recipient = "b@postern.example";
  std::size_t count = 2000, connections = 4, per_session = 1;
};

using Macros = std::vector<std::pair<std::string, std::string>>;

std::string number(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U), static_cast<char>(value)};
}

std::uint32_t number_at(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) throw std::runtime_error("an answer is too short");
  std::uint32_t out = 0;
  for (std::size_t i = at; i < at + 4; ++i) out = out << 8U | static_cast<unsigned char>(text[i]);
  return out;
}

std::string z(std::string_view text) { return std::string(text) + '\0'; }

/// The texts of a payload, each up to its NUL.
std::vector<std::string> texts(std::string_view payload) {
  std::vector<std::string> out;
  while (!payload.empty()) {
    const auto end = payload.find('\0');
    out.emplace_back(payload.substr(0, end));
    payload.remove_prefix(end == std::string_view::npos ? payload.size() : end + 1);
  }
  return out;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The connection to one filter for one SMTP session.
class Filter {
 public:
  explicit Filter(const std::string& path) : m_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (path.size() >= sizeof where.sun_path) throw std::runtime_error("the path is too long: " + path);
    std::memcpy(where.sun_path, path.c_str(), path.size());
    if (::connect(m_socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
      throw std::runtime_error("connect to " + path + ": " + std::strerror(errno));
    negotiate();
  }
  ~Filter() { ::close(m_socket); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void step(const Step& step, const Macros& macros, std::string_view payload) {
    if ((m_protocol & step.skipped) != 0) return;
    send_macros(step.command, step.stage, macros);
    put(step.command, payload);
    if ((m_protocol & step.unanswered) != 0) return;
    const char answer = read().first;
    if (answer == 's' && step.command == 'B') m_enough = true;
    if (answer != 'c' && !m_enough) throw std::runtime_error(std::string("the answer to ") + step.command + " is " + answer);
  }

  /// The whole message, and what the filter changes in it. What it added goes to `added`.
  void content(const Macros& macros, Content& message, std::string& added) {
    m_enough = false;
    for (const auto& [name, value] : message.fields) {
      std::string_view told = value;
      if ((m_protocol & kLeadingSpace) == 0 && told.starts_with(' ')) told.remove_prefix(1);
      step(kHeader, {}, z(name) + z(told));
    }
    step(kEndOfHeader, macros, {});
    for (std::size_t at = 0; at < message.body.size() && !m_enough; at += kChunk)
      step(kBody, {}, std::string_view(message.body).substr(at, kChunk));
    send_macros('E', kEndOfMessageStage, macros);
    put('E', {});
    for (;;) {
      const auto [kind, payload] = read();
      if (kind == 'c' || kind == 'a') return;
      if (kind != 'p') edit(kind, payload, message, added);
    }
  }

  void quit() {
    put('Q', {});
    flush();
  }

 private:
  void negotiate() {
    put('O', number(kVersion) + number(kActions) + number(kProtocol));
    const auto [kind, payload] = read();
    if (kind != 'O') throw std::runtime_error("the filter does not negotiate");
    m_protocol = number_at(payload, 8);
    if (number_at(payload, 0) != kVersion) throw std::runtime_error("the filter does not speak version 6");
    for (std::size_t at = 12; at < payload.size();) {
      const auto stage = number_at(payload, at);
      const auto end = payload.find('\0', at + 4);
      std::istringstream names(payload.substr(at + 4, end - at - 4));
      for (std::string name; names >> name;) m_wanted[stage].insert(name);
      at = end == std::string::npos ? payload.size() : end + 1;
    }
  }

  void send_macros(char command, std::uint32_t stage, const Macros& macros) {
    const auto wanted = m_wanted.find(stage);
    std::string payload;
    for (const auto& [name, value] : macros) {
      if (wanted == m_wanted.end() || wanted->second.contains(name)) payload += z(name) + z(value);
    }
    if (!payload.empty()) put('D', command + payload);
  }

  static void edit(char kind, const std::string& payload, Content& message, std::string& added) {
    if (kind == 'h' || kind == 'i') {
      const auto parts = texts(std::string_view(payload).substr(kind == 'i' ? 4 : 0));
      if (parts.empty()) throw std::runtime_error("a field without a name");
      const std::string value = parts.size() > 1 ? parts[1] : "";
      if (same_name(parts[0], "Authentication-Results")) added += value + "\n";
      Field field{parts[0], value.starts_with(' ') ? value : " " + value};
      message.fields.insert(kind == 'i' ? message.fields.begin() : message.fields.end(), std::move(field));
    } else if (kind == 'm') {
      change(number_at(payload, 0), texts(std::string_view(payload).substr(4)), message);
    } else {
      throw std::runtime_error(std::string("the answer to the message is ") + kind + " " + payload);
    }
  }

  static void change(std::uint32_t index, const std::vector<std::string>& parts, Content& message) {
    for (auto it = message.fields.begin(); it != message.fields.end(); ++it) {
      if (!same_name(it->name, parts.at(0)) || --index != 0) continue;
      if (parts.size() > 1 && !parts[1].empty())
        it->value = " " + parts[1];
      else
        message.fields.erase(it);
      return;
    }
  }

  /// Goes out with the next read, as in Postfix.
  void put(char command, std::string_view payload) {
    m_output += number(static_cast<std::uint32_t>(payload.size() + 1)) + command;
    m_output += payload;
  }

  void flush() {
    std::string_view rest = m_output;
    while (!rest.empty()) {
      const auto sent = ::send(m_socket, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error(std::string("the filter takes no more: ") + std::strerror(errno));
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    m_output.clear();
  }

  std::pair<char, std::string> read() {
    flush();
    fill(4);
    const std::size_t length = number_at(m_input, 0);
    if (length == 0 || length > 1U << 20U) throw std::runtime_error("an answer has no sensible length");
    fill(4 + length);
    std::pair<char, std::string> out{m_input[4], m_input.substr(5, length - 1)};
    m_input.erase(0, 4 + length);
    return out;
  }

  void fill(std::size_t octets) {
    std::array<char, 16384> buffer{};
    while (m_input.size() < octets) {
      // As Postfix, which reads with a time limit. Whoever sleeps in recv() itself is woken by every read of the filter (unix(7) has room
      // again), and the filter pays for that.
      pollfd waits{m_socket, POLLIN, 0};
      if (::poll(&waits, 1, kAnswerMs) != 1) throw std::runtime_error("the filter does not answer");
      const auto got = ::recv(m_socket, buffer.data(), buffer.size(), 0);
      if (got <= 0) throw std::runtime_error("the filter hung up");
      m_input.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

  int m_socket;
  std::uint32_t m_protocol = 0;
  bool m_enough = false;
  std::map<std::uint32_t, std::set<std::string>> m_wanted;
  std::string m_output, m_input;
};

/// What the threads share.
class Load {
 public:
  Load(const Options& options, std::vector<Content> messages) : m_options(options), m_messages(std::move(messages)) {}

  void run() {
    try {
      for (auto share = take(); share.count > 0; share = take()) session(share);
    } catch (const std::exception& error) {
      const std::lock_guard lock(m_mutex);
      if (m_wrong.empty()) m_wrong = error.what();
      m_next = m_options.count;
    }
  }

  int report(double seconds) {
    if (!m_wrong.empty()) {
      std::fprintf(stderr, "a wrong answer: %s\n", m_wrong.c_str());
      return 3;
    }
    std::ranges::sort(m_times);
    const auto at_share = [&](double part) {
      return m_times[std::min(m_times.size() - 1, static_cast<std::size_t>(part * static_cast<double>(m_times.size())))];
    };
    std::printf("{\"messages\": %zu, \"seconds\": %.6f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"most_ms\": %.4f}\n", m_times.size(), seconds,
                at_share(.5), at_share(.99), m_times.back());
    return 0;
  }

 private:
  struct Share {
    std::size_t first, count;
  };

  /// The messages of the next session; none when all are taken.
  Share take() {
    const std::lock_guard lock(m_mutex);
    const Share share{m_next, std::min(m_options.per_session, m_options.count - m_next)};
    m_next += share.count;
    return share;
  }

  void session(const Share& share) {
    auto begun = Steady::now();
    std::vector<std::unique_ptr<Filter>> filters;
    for (const auto& path : m_options.filters) filters.push_back(std::make_unique<Filter>(path));
    const auto all = [&](const Step& step, const Macros& macros, const std::string& payload) {
      for (auto& filter : filters) filter->step(step, macros, payload);
    };
    const std::string port{'\x30', '\x39'};
    all(kConnect,
        {{"j", "mx.postern.example"},
         {"{daemon_name}", "mx.postern.example"},
         {"{daemon_addr}", "127.0.0.1"},
         {"v", "Postfix 3.7.11"},
         {"_", "out.example.net [" + m_options.client + "]"}},
        z("out.example.net") + "4" + port + z(m_options.client));
    all(kHelo, {}, z("out.example.net"));
    std::vector<double> times;
    for (std::size_t i = 0; i < share.count; ++i) {
      if (i > 0) begun = Steady::now();
      const std::string id = "4X" + std::to_string(share.first + i);
      all(kMail,
          {{"{mail_addr}", m_options.sender},
           {"{mail_host}", m_options.sender.substr(m_options.sender.find('@') + 1)},
           {"{mail_mailer}", "smtp"}},
          z("<" + m_options.sender + ">") + z("SIZE=" + std::to_string(m_messages[(share.first + i) % m_messages.size()].body.size())));
      all(kRcpt,
          {{"{rcpt_addr}", m_options.recipient},
           {"{rcpt_host}", m_options.recipient.substr(m_options.recipient.find('@') + 1)},
           {"{rcpt_mailer}", "lmtp"}},
          z("<" + m_options.recipient + ">"));
      all(kData, {{"i", id}}, "");
      Content message = m_messages[(share.first + i) % m_messages.size()];
      std::string added;
      for (auto& filter : filters) filter->content({{"i", id}}, message, added);
      times.push_back(std::chrono::duration<double, std::milli>(Steady::now() - begun).count());
      for (const auto& text : m_options.expected) {
        if (added.find(text) == std::string::npos) throw std::runtime_error("no " + text + " in \"" + added + "\"");
      }
    }
    for (auto& filter : filters) filter->quit();
    const std::lock_guard lock(m_mutex);
    m_times.insert(m_times.end(), times.begin(), times.end());
  }

  const Options& m_options;
  const std::vector<Content> m_messages;
  std::mutex m_mutex;
  std::size_t m_next = 0;
  std::vector<double> m_times;
  std::string m_wrong;
};

Content parse(const std::string& raw) {
  Content out;
  const auto end = raw.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("a message without an empty line");
  out.body = raw.substr(end + 4);
  std::size_t at = 0;
  while (at < end + 2) {
    auto next = raw.find("\r\n", at);
    while (raw[next + 2] == ' ' || raw[next + 2] == '\t') next = raw.find("\r\n", next + 2);
    const std::string line = raw.substr(at, next - at);
    const auto colon = line.find(':');
    // A filter gets the lines of a field parted by a bare line feed.
    std::string value;
    for (const char c : line.substr(colon + 1)) {
      if (c != '\r') value += c;
    }
    out.fields.push_back({line.substr(0, colon), value});
    at = next + 2;
  }
  return out;
}

std::vector<Content> read_messages(const std::string& folder) {
  std::vector<Content> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    out.push_back(parse({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}));
  }
  if (out.empty()) throw std::runtime_error("no messages in " + folder);
  return out;
}

std::optional<Options> read_options(const std::vector<std::string>& arguments) {
  Options out;
  const std::map<std::string, std::size_t*> numbers{
      {"--count", &out.count}, {"--connections", &out.connections}, {"--per-session", &out.per_session}};
  const std::map<std::string, std::string*> words{
      {"--messages", &out.messages}, {"--client", &out.client}, {"--sender", &out.sender}, {"--recipient", &out.recipient}};
  const std::map<std::string, std::vector<std::string>*> lists{{"--filter", &out.filters}, {"--expect", &out.expected}};
  if (arguments.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string &name = arguments[i], &value = arguments[i + 1];
    if (const auto it = numbers.find(name); it != numbers.end())
      *it->second = std::max(1ULL, std::strtoull(value.c_str(), nullptr, 10));
    else if (const auto word = words.find(name); word != words.end())
      *word->second = value;
    else if (const auto list = lists.find(name); list != lists.end())
      list->second->push_back(value);
    else
      return std::nullopt;
  }
  if (out.filters.empty() || out.messages.empty()) return std::nullopt;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = read_options({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr,
                 "usage: milter_load --filter PATH --messages DIR [--count N] [--connections N] [--per-session N] [--client IP] [--sender "
                 "A] [--recipient A] [--expect TEXT]\n");
    return 2;
  }
  try {
    Load load(*options, read_messages(options->messages));
    const auto begun = Steady::now();
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < options->connections; ++i) threads.emplace_back([&] { load.run(); });
    }
    return load.report(std::chrono::duration<double>(Steady::now() - begun).count());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
