#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "recorders/socket_recorder.hpp"
#include "recorders/syslog_recorder.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPatience = 20s;

struct Folder {
  fs::path path;
  Folder() {
    std::string name = fs::temp_directory_path() / "postern-socket-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] std::string socket() const { return path / "s"; }
};

OwnedSocket listen_unix(const std::string& path, int type) {
  OwnedSocket socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  if (type == SOCK_STREAM) EXPECT_EQ(::listen(socket.get(), 8), 0);
  return socket;
}

/// On a free port of loopback.
std::pair<OwnedSocket, std::string> listen_ip(int type) {
  OwnedSocket socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  if (type == SOCK_STREAM) EXPECT_EQ(::listen(socket.get(), 8), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {std::move(socket), "127.0.0.1:" + std::to_string(ntohs(address.sin_port))};
}

std::string receive(int fd, std::size_t size) {
  std::string out;
  std::array<char, 65536> buffer;
  while (out.size() < size) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return out;
}

SocketOptions options(SocketKind kind, std::string address) {
  SocketOptions out;
  out.kind = kind;
  out.address = std::move(address);
  out.write_timeout = 50ms;
  out.queue.deadline = 5s;
  out.queue.first_pause = out.queue.longest_pause = 1ms;
  return out;
}

/// Until it is taken, as the recorder may still be connecting.
void put(vault::AuditSink& sink, const std::string& line) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  Status status;
  do {
    status = sink.write(line);
    std::this_thread::yield();
  } while (!status && std::chrono::steady_clock::now() < until);
  ASSERT_TRUE(status) << status.error().text();
}

Status until_refused(vault::AuditSink& sink, const std::string& line) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  Status status;
  while (status && std::chrono::steady_clock::now() < until) status = sink.write(line);
  return status;
}

TEST(SocketRecorder, Tcp) {
  const auto [listener, address] = listen_ip(SOCK_STREAM);
  const auto recorder = SocketRecorder::open(options(SocketKind::Tcp, address)).value();
  put(*recorder, "one\n");
  put(*recorder, "two\n");
  const OwnedSocket peer(::accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(receive(peer.get(), 8), "one\ntwo\n");
}

TEST(SocketRecorder, ConnectsAgain) {
  const Folder folder;
  const OwnedSocket listener = listen_unix(folder.socket(), SOCK_STREAM);
  const auto recorder = SocketRecorder::open(options(SocketKind::Unix, folder.socket())).value();
  put(*recorder, "one\n");
  {
    const OwnedSocket peer(::accept(listener.get(), nullptr, nullptr));
    EXPECT_EQ(receive(peer.get(), 4), "one\n");
  }
  put(*recorder, "two\n");
  const OwnedSocket again(::accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(receive(again.get(), 4), "two\n");
}

TEST(SocketRecorder, Datagrams) {
  const auto [udp, address] = listen_ip(SOCK_DGRAM);
  const auto recorder = SocketRecorder::open(options(SocketKind::Udp, address)).value();
  put(*recorder, "one\n");
  EXPECT_EQ(receive(udp.get(), 1), "one");
  EXPECT_EQ(recorder->write(std::string(70000, 'x')).error().code, ErrorCode::TooLarge);
  const Folder folder;
  const OwnedSocket local = listen_unix(folder.socket(), SOCK_DGRAM);
  const auto unixgram = SocketRecorder::open(options(SocketKind::UnixDatagram, folder.socket())).value();
  put(*unixgram, "two\n");
  EXPECT_EQ(receive(local.get(), 1), "two");
}

TEST(SocketRecorder, NobodyThereIsARefusal) {
  const Folder folder;
  const auto recorder = SocketRecorder::open(options(SocketKind::Unix, folder.socket())).value();
  EXPECT_EQ(recorder->write("x\n").error().code, ErrorCode::Unavailable);
  EXPECT_EQ(recorder->lost(), 1U);
}

TEST(SocketRecorder, ACollectorThatDoesNotReadHoldsNobody) {
  const Folder folder;
  const OwnedSocket listener = listen_unix(folder.socket(), SOCK_STREAM);
  SocketOptions given = options(SocketKind::Unix, folder.socket());
  given.queue.bytes = 1U << 20;
  const auto recorder = SocketRecorder::open(given).value();
  put(*recorder, "x\n");
  EXPECT_FALSE(until_refused(*recorder, std::string(4000, 'x') + "\n"));  // comes back: nobody ever reads
}

TEST(SocketRecorder, AddressesThatCannotBe) {
  for (const char* bad : {"", "host", "host:", "host:0", "host:65536", "host:1x", ":1", "::1:5", "[::1:5", "::1]:5", "[]:5"})
    EXPECT_FALSE(split_host_port(bad)) << bad;
  EXPECT_EQ(split_host_port("[::1]:514")->first, "::1");
  EXPECT_EQ(split_host_port("log.example:514")->second, "514");
  EXPECT_FALSE(SocketRecorder::open(options(SocketKind::Tcp, "host")));
}

SyslogOptions syslog(const Folder& folder, SyslogForm form) {
  SyslogOptions out;
  out.address = folder.socket();
  out.form = form;
  out.facility = 16;
  out.tag = "pst";
  return out;
}

TEST(SyslogRecorder, Forms) {
  const ManualClock clock(wall_from_millis(1795308067123));
  const std::string pid = std::to_string(::getpid());
  for (const SyslogForm form : {SyslogForm::Classic, SyslogForm::Rfc5424}) {
    const Folder folder;
    const OwnedSocket daemon = listen_unix(folder.socket(), SOCK_DGRAM);
    const auto recorder = SyslogRecorder::open(syslog(folder, form), clock).value();
    ASSERT_TRUE(recorder->write("{}\n"));
    const std::string got = receive(daemon.get(), 1);
    if (form == SyslogForm::Classic) {
      EXPECT_TRUE(got.starts_with("<134>Nov 2")) << got;
      EXPECT_TRUE(got.ends_with(" pst[" + pid + "]: {}")) << got;
    } else {
      EXPECT_TRUE(got.starts_with("<134>1 2026-11-22T00:41:07.123Z ")) << got;
      EXPECT_TRUE(got.ends_with(" pst " + pid + " audit - {}")) << got;
    }
  }
}

TEST(SyslogRecorder, ADaemonThatDoesNotReadIsAnErrorAndOneThatReturnsIsFound) {
  const SystemClock clock;
  const Folder folder;
  OwnedSocket daemon = listen_unix(folder.socket(), SOCK_DGRAM);
  const auto recorder = SyslogRecorder::open(syslog(folder, SyslogForm::Classic), clock).value();
  EXPECT_EQ(until_refused(*recorder, "x\n").error().code, ErrorCode::Exhausted);
  EXPECT_EQ(recorder->write(std::string(4U << 20, 'x')).error().code, ErrorCode::TooLarge);
  daemon.close();
  EXPECT_EQ(recorder->write("x\n").error().code, ErrorCode::Unavailable);
  fs::remove(folder.socket());
  daemon = listen_unix(folder.socket(), SOCK_DGRAM);
  EXPECT_TRUE(recorder->write("back\n"));
  EXPECT_TRUE(receive(daemon.get(), 1).ends_with("back"));
  EXPECT_EQ(recorder->lost(), 3U);
}

TEST(SyslogRecorder, NeedsItsDaemon) {
  const SystemClock clock;
  const Folder folder;
  EXPECT_EQ(SyslogRecorder::open(syslog(folder, SyslogForm::Classic), clock).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(syslog_facility("LOCAL7"), 23);
  EXPECT_EQ(syslog_facility("4"), 4);
  for (const char* bad : {"", "24", "-1", "auth ", "4x"}) EXPECT_FALSE(syslog_facility(bad)) << bad;
}

}  // namespace
}  // namespace postern
